"""Networks of qiskit-machine-learning that know what they measured, and what it cost."""

from qnlr.models.networks.estimator import MeasuredEstimatorQNN as MeasuredEstimatorQNN
from qnlr.models.networks.sampler import MeasuredSamplerQNN as MeasuredSamplerQNN
