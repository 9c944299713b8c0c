"""Backends: where circuits run. Each gives values with standard errors, and their Jacobian."""

from collections.abc import Callable

from qnlr.backends.aer import AerBackend as AerBackend
from qnlr.backends.gradients import GRADIENTS as GRADIENTS
from qnlr.backends.gradients import Allocated as Allocated
from qnlr.backends.gradients import Gradient as Gradient
from qnlr.backends.gradients import GradientBackend as GradientBackend
from qnlr.backends.gradients import ParameterShift as ParameterShift
from qnlr.backends.gradients import Trainable as Trainable
from qnlr.backends.gradients import parameter_shift as parameter_shift
from qnlr.backends.ibm import DeviceSettings as DeviceSettings
from qnlr.backends.ibm import IBMBackend as IBMBackend
from qnlr.backends.meter import Meter as Meter
from qnlr.backends.meter import MeteredBackend as MeteredBackend
from qnlr.backends.mitigated import MitigatedBackend as MitigatedBackend
from qnlr.backends.primitives import EstimatorBackend as EstimatorBackend
from qnlr.backends.primitives import PrimitiveBackend as PrimitiveBackend
from qnlr.backends.primitives import SamplerBackend as SamplerBackend
from qnlr.backends.primitives import statevector as statevector
from qnlr.backends.simulator import SimulatorBackend as SimulatorBackend

BACKENDS: dict[str, Callable[..., PrimitiveBackend]] = {
    "simulator": SimulatorBackend,
    "statevector": statevector,
    "aer": AerBackend,
    "mitigated": MitigatedBackend,
}
