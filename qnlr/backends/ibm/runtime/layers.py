"""The noise of layers: which need it, how it is learned, and how primitives are told."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from qiskit.circuit import CircuitInstruction, Qubit
from qiskit.providers import BackendV2
from qiskit.quantum_info import PauliLindbladMap
from qiskit_ibm_runtime.executor_estimator import Estimator
from qiskit_ibm_runtime.executor_estimator.finalize_options import finalize_estimator_options
from qiskit_ibm_runtime.executor_estimator.prepare import choose_task_class
from qiskit_ibm_runtime.noise_learner_v3 import NoiseLearnerV3
from qiskit_ibm_runtime.options_models import EstimatorOptions
from qiskit_ibm_runtime.options_models.noise_learner_v3 import NoiseLearnerV3Options
from qiskit_mitigation import PEA, PEC
from samplomatic.annotations import Twirl
from samplomatic.utils import BoxKey

from qnlr.backends.ibm.runtime.jobs import Job
from qnlr.backends.ibm.runtime.primitives import Options, Pub
from qnlr.backends.ibm.runtime.trouble import translated


def needs_layer_noise(options: Options) -> bool:
    """Return whether options ask for PEA or PEC, which need to know the noise of the layers."""
    if not isinstance(options, EstimatorOptions):
        return False
    return choose_task_class(finalize_estimator_options(options).resilience) in (PEA, PEC)


def find_layers(
    device: BackendV2, pubs: Sequence[Pub], options: EstimatorOptions
) -> list[CircuitInstruction]:
    """Return the unique layers of two-qubit gates that circuits are cut into.

    Args:
        device: The device.
        pubs: The estimator's PUBs.
        options: Its options, which say how layers are cut.

    Returns:
        Boxes on the qubits of the circuits.
    """
    return list(Estimator(mode=device, options=options).find_unique_layers(list(pubs)))


def layer_digest(layer: CircuitInstruction, qubits: Sequence[Qubit]) -> str:
    """Return what a layer is called in every process: a hash of its gates, qubits and twirling.

    Args:
        layer: The layer.
        qubits: What its qubits are on the whole device.
    """
    box = layer.operation.copy()
    box.annotations = [one for one in box.annotations if isinstance(one, Twirl)]
    return str(BoxKey(CircuitInstruction(box, qubits)).hexdigest)


def learner_options(options: EstimatorOptions) -> NoiseLearnerV3Options:
    """Return the options that the noise of layers is learned with, beside those of an estimator."""
    execution = options.execution
    own = {"init_qubits": execution.init_qubits, "rep_delay": execution.rep_delay}
    return NoiseLearnerV3Options(execution=own)


def learn(
    mode: Any,
    layers: Sequence[CircuitInstruction],
    options: NoiseLearnerV3Options,
    tags: Sequence[str],
    max_execution_time: int | None = None,
) -> Job:
    """Submit the learning of the noise of layers; see :func:`submit` for what it raises.

    Args:
        mode: A device, a session or a batch of the service.
        layers: The layers, see :func:`find_layers`.
        options: See :func:`learner_options`.
        tags: Tags of the job.
        max_execution_time: QPU seconds after which the service ends it, or None.

    Returns:
        The job; its result has one item for each layer.
    """
    own = options.model_copy(deep=True)
    own.environment.job_tags = [*own.environment.job_tags, *tags]
    own.max_execution_time = max_execution_time
    with translated():
        return Job(NoiseLearnerV3(mode=mode, options=own).run(list(layers)))


def with_layer_noise(
    options: EstimatorOptions,
    layers: Sequence[CircuitInstruction],
    maps: Sequence[PauliLindbladMap],
) -> EstimatorOptions:
    """Return options that know the noise of the layers.

    Args:
        options: The options.
        layers: The layers.
        maps: The noise of each.
    """
    own = options.model_copy(deep=True)
    own.resilience.layer_noise_model = list(zip(layers, maps, strict=True))
    return own
