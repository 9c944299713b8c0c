"""How a gradient is measured: by the shift rule, by random directions, or in some coordinates."""

from collections.abc import Callable

from qnlr.backends.gradients.allocated import Allocated as Allocated
from qnlr.backends.gradients.allocated import reshot as reshot
from qnlr.backends.gradients.coordinates import Coordinates as Coordinates
from qnlr.backends.gradients.coordinates import neyman_allocation as neyman_allocation
from qnlr.backends.gradients.gradient import Gradient as Gradient
from qnlr.backends.gradients.gradient import GradientBackend as GradientBackend
from qnlr.backends.gradients.shift_rule import ParameterShift as ParameterShift
from qnlr.backends.gradients.shift_rule import central_differences as central_differences
from qnlr.backends.gradients.shift_rule import parameter_shift as parameter_shift
from qnlr.backends.gradients.simultaneous import (
    SimultaneousPerturbation as SimultaneousPerturbation,
)
from qnlr.backends.gradients.trainable import Trainable as Trainable

GRADIENTS: dict[str, Callable[..., Gradient]] = {
    "parameter_shift": ParameterShift,
    "spsa": SimultaneousPerturbation,
    "coordinates": Coordinates,
}
