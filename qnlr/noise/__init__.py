"""Noise: gate and read-out errors of circuits, as Aer noise models, and their average rate ν."""

from qnlr.noise.mitigation import ZERO_NOISE as ZERO_NOISE
from qnlr.noise.mitigation import ReadoutMitigatedEstimator as ReadoutMitigatedEstimator
from qnlr.noise.mitigation import ZeroNoise as ZeroNoise
from qnlr.noise.mitigation import ZeroNoiseEstimator as ZeroNoiseEstimator
from qnlr.noise.mitigation import fold as fold
from qnlr.noise.models import NOISE_MODELS as NOISE_MODELS
from qnlr.noise.models import Noise as Noise
from qnlr.noise.models import fake_devices as fake_devices
from qnlr.noise.models import from_device as from_device
from qnlr.noise.models import from_file as from_file
from qnlr.noise.models import from_rate as from_rate
from qnlr.noise.models import save as save
from qnlr.noise.rate import noise_level as noise_level
from qnlr.noise.rate import noise_rate as noise_rate
from qnlr.noise.rate import readout_confusion as readout_confusion
