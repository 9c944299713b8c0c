"""What the service does with a job of the executor: decode, execute on a device, encode."""

import hashlib
import json
from datetime import UTC, datetime
from math import prod

import numpy as np
from ibm_quantum_schemas.common import CompressedTensorModel
from ibm_quantum_schemas.executor.version_2_0 import (
    ItemMetadataModel,
    MetadataModel,
    ParamsModel,
    QuantumProgramResultItemModel,
    QuantumProgramResultModel,
)
from loopback_devices import on_active_qubits
from qiskit_ibm_runtime.fake_provider.executor.run_quantum_program import run_quantum_program
from qiskit_ibm_runtime.options_models.simulator import SimulatorOptions
from qiskit_ibm_runtime.quantum_program import QuantumProgram
from qiskit_ibm_runtime.quantum_program.params_converters import QUANTUM_PROGRAM_PARAMS_CONVERTERS
from samplomatic.quantum_program import SamplexItem


def decode(params):
    """Read the parameters of an executor job, and count its executions.

    Args:
        params: The "params" of the request, as JSON data.

    Returns:
        The model, and circuits × parameter sets × randomisations × shots.

    Raises:
        ValueError: If they do not fit the schema (pydantic's error is one).
    """
    model = ParamsModel.model_validate(params)
    program = model.quantum_program
    sets = sum(prod(_shape(item)) for item in program.items)
    return model, sets * program.shots


def execute(model, device):
    """Run an executor job on the simulator of a device.

    The seed of an item comes from its place and its numbers: the same numbers give the same
    shots, in any process, whatever the circuits, tags and jobs are called.

    Args:
        model: What :func:`decode` returned.
        device: A Device.

    Returns:
        The text of the answer to GET /jobs/{id}/results.
    """
    program, _ = QUANTUM_PROGRAM_PARAMS_CONVERTERS["v2.0"].decoder(model)
    results = [
        _run(device, program.shots, item, _seed(place, program.shots, item_model))
        for place, (item, item_model) in enumerate(
            zip(program.items, model.quantum_program.items, strict=True)
        )
    ]
    answer = QuantumProgramResultModel(
        data=[
            QuantumProgramResultItemModel(
                results={
                    name: CompressedTensorModel.from_numpy(np.asarray(values))
                    for name, values in result.items()
                },
                metadata=ItemMetadataModel(),
            )
            for result in results
        ],
        metadata=MetadataModel(chunk_timing=_timing(program)),
        passthrough_data=model.quantum_program.passthrough_data,
        semantic_role=model.quantum_program.semantic_role,
    )
    return answer.model_dump_json()


def _run(device, shots, item, seed):
    item.circuit, qubits = on_active_qubits(item.circuit)
    if isinstance(item, SamplexItem):
        item.samplex.finalize()
    # One program per item: Aer starts every circuit of a program at the same seed.
    program = QuantumProgram(shots=shots, items=[item])
    options = SimulatorOptions(seed_simulator=seed)
    return dict(run_quantum_program(device.simulator(qubits), program, options)[0])


def _arguments(item):
    if item.item_type == "circuit":
        return [item.circuit_arguments.to_numpy()]
    values = item.samplex_arguments
    return [
        value.to_numpy() if isinstance(value, CompressedTensorModel) else np.asarray(value)
        for value in (values[name] for name in sorted(values))
        if isinstance(value, CompressedTensorModel | bool | int)
    ]


def _shape(item):
    if item.item_type == "circuit":
        return item.circuit_arguments.shape[:-1]
    return item.shape


def _seed(place, shots, item):
    digest = hashlib.sha256(json.dumps([place, shots, list(_shape(item))]).encode())
    for array in _arguments(item):
        digest.update(json.dumps([array.dtype.str, array.shape]).encode())
        digest.update(np.ascontiguousarray(array).tobytes())
    return int.from_bytes(digest.digest()[:4], "big") >> 1


def _timing(program):
    now = datetime.now(UTC).isoformat()
    parts = [
        {
            "idx_item": place,
            "size": item.size(),
            "permutation": list(range(len(item.shape))),
            "element_range": (0, item.size(), 1),
        }
        for place, item in enumerate(program.items)
    ]
    return [{"start": now, "stop": now, "parts": parts}]
