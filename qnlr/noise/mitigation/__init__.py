"""Error mitigation as wrappers of any EstimatorV2: zero-noise extrapolation, read-out errors."""

from collections.abc import Callable

from qnlr.noise.mitigation.calibration import Calibration as Calibration
from qnlr.noise.mitigation.extrapolation import EXTRAPOLATIONS as EXTRAPOLATIONS
from qnlr.noise.mitigation.extrapolation import Extrapolated as Extrapolated
from qnlr.noise.mitigation.folding import fold as fold
from qnlr.noise.mitigation.folding import reached_factor as reached_factor
from qnlr.noise.mitigation.pubs import split_constant as split_constant
from qnlr.noise.mitigation.readout import ReadoutMitigatedEstimator as ReadoutMitigatedEstimator
from qnlr.noise.mitigation.zero_noise import ZeroNoise as ZeroNoise
from qnlr.noise.mitigation.zero_noise import ZeroNoiseEstimator as ZeroNoiseEstimator

ZERO_NOISE: dict[str, Callable[..., ZeroNoise]] = {"folding": ZeroNoise}
