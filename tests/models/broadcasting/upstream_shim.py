"""A pytest plugin: qiskit-machine-learning's tests meet this package's primitives and gradients.

The environment variable ``UPSTREAM_MODE`` says which: see ``MODES``. What is replaced takes the
same arguments as what it stands for, and is in place before any module of the suites is imported.
"""

import os
import sys

import qiskit_machine_learning.neural_networks  # noqa: F401 - one of the modules to be changed
from qiskit_machine_learning.gradients import ParamShiftEstimatorGradient, ParamShiftSamplerGradient
from qiskit_machine_learning.primitives import QMLEstimator, QMLSampler

from qnlr import BatchedEstimator, BatchedSampler
from qnlr.models.broadcasting.gradients import BroadcastEstimatorGradient, BroadcastSamplerGradient
from qnlr.simulator.gradients import BatchedEstimatorGradient, BatchedSamplerGradient


class OurEstimator(BatchedEstimator):
    """Stands for ``QMLEstimator``, which is exact and ignores precisions unless it is given one."""

    def __init__(self, *, default_precision=0.0, seed=0):
        super().__init__(default_precision=default_precision, seed=seed)
        self.is_exact = default_precision == 0.0

    def run(self, pubs, *, precision=None):
        return super().run(pubs, precision=0.0 if self.is_exact else precision)


class OurSampler(BatchedSampler):
    """Stands for ``QMLSampler``, which is exact, also when ``default_shots`` are given."""

    def __init__(self, *, shots=None, default_shots=None, seed=0):
        super().__init__(default_shots=shots, seed=seed)


def batched_estimator_gradient(estimator, pass_manager=None):
    if isinstance(estimator, BatchedEstimator):
        return BatchedEstimatorGradient(estimator)
    return BroadcastEstimatorGradient(estimator, pass_manager=pass_manager)


def batched_sampler_gradient(sampler, pass_manager=None):
    if not isinstance(sampler, BatchedSampler):
        return BroadcastSamplerGradient(sampler, pass_manager=pass_manager)
    return BatchedSamplerGradient(sampler)


def broadcast_estimator_gradient(estimator, pass_manager=None):
    return BroadcastEstimatorGradient(estimator, pass_manager=pass_manager)


def broadcast_sampler_gradient(sampler, pass_manager=None):
    return BroadcastSamplerGradient(sampler, pass_manager=pass_manager)


OURS = {QMLEstimator: OurEstimator, QMLSampler: OurSampler}
BROADCAST = {
    ParamShiftEstimatorGradient: broadcast_estimator_gradient,
    ParamShiftSamplerGradient: broadcast_sampler_gradient,
}
BATCHED = {
    ParamShiftEstimatorGradient: batched_estimator_gradient,
    ParamShiftSamplerGradient: batched_sampler_gradient,
}
MODES = {
    "batched": OURS | BATCHED,
    "broadcast": BROADCAST,
    "broadcast_on_ours": OURS | BROADCAST,
}


def replace(modules, stand_ins):
    for module in modules:
        for name, value in list(vars(module).items()):
            if isinstance(value, type) and value in stand_ins:
                setattr(module, name, stand_ins[value])


if "UPSTREAM_MODE" in os.environ:
    loaded = list(sys.modules.items())
    replace(
        [module for name, module in loaded if name.startswith("qiskit_machine")],
        MODES[os.environ["UPSTREAM_MODE"]],
    )
