"""A batched simulator behind Qiskit's primitives: exact or with shots, with or without noise."""

from qnlr.simulator.channels import GateNoise as GateNoise
from qnlr.simulator.compiled import Simulator as Simulator
from qnlr.simulator.estimator import BatchedEstimator as BatchedEstimator
from qnlr.simulator.jacobian import Slopes as Slopes
from qnlr.simulator.jacobian import exact_jacobian as exact_jacobian
from qnlr.simulator.jacobian import sampled_jacobian as sampled_jacobian
from qnlr.simulator.jacobian import sampled_values as sampled_values
from qnlr.simulator.program import Program as Program
from qnlr.simulator.readout import misread as misread
from qnlr.simulator.sampler import BatchedSampler as BatchedSampler
