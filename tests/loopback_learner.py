"""What the service does with a job of the noise learner: decode, make rates up, encode."""

from itertools import combinations, product

from ibm_quantum_schemas.common import F64TensorModel
from ibm_quantum_schemas.noise_learner_v3.version_0_3 import (
    LinbdbladResultMetadataModel,
    LinbdbladResultPostSelectionMetadataModel,
    NoiseLearnerV3ResultModel,
    NoiseLearnerV3ResultsModel,
    ParamsModel,
)
from qiskit.quantum_info import PauliLindbladMap
from qiskit_ibm_runtime.noise_learner_v3.find_learning_protocol import (
    LearningProtocol,
    find_learning_protocol,
)
from qiskit_ibm_runtime.noise_learner_v3.params_converters import NOISE_LEARNER_V3_PARAMS_CONVERTERS

CONVERTER = NOISE_LEARNER_V3_PARAMS_CONVERTERS["v0.3"]
BASES = 9


def decode(params):
    """Read the parameters of a noise learner job, and count its executions.

    Args:
        params: The "params" of the request, as JSON data.

    Returns:
        The layers, and layers × bases × depths × randomisations × shots.

    Raises:
        ValueError: If they do not fit the schema, or something cannot be learned.
    """
    layers, options = CONVERTER.decoder(ParamsModel.model_validate(params))
    if {find_learning_protocol(layer) for layer in layers} != {LearningProtocol.PAULI_LINDBLAD}:
        raise ValueError("not all of them are layers of two-qubit gates")
    circuits = BASES * len(options.layer_pair_depths) * options.num_randomizations
    return layers, len(layers) * circuits * options.shots_per_randomization


def learned(number, qubits):
    """The noise of the n-th layer: all Paulis on one qubit and on two neighbours, at made-up rates.

    Args:
        number: Its place among the layers, from 0.
        qubits: How many qubits it has.
    """
    words = [(word, [place]) for place in range(qubits) for word in "XYZ"]
    for place, other in combinations(range(qubits), 2):
        if other == place + 1:
            words += [("".join(pair), [place, other]) for pair in product("XYZ", repeat=2)]
    terms = [(word, where, 1e-3 * (1 + (n + number) % 5)) for n, (word, where) in enumerate(words)]
    return PauliLindbladMap.from_sparse_list(terms, num_qubits=qubits)


def execute(layers):
    """Learn the noise of layers.

    Args:
        layers: What :func:`decode` returned.

    Returns:
        The text of the answer to GET /jobs/{id}/results.
    """
    results = []
    for number, layer in enumerate(layers):
        noise = learned(number, len(layer.qubits))
        results.append(
            NoiseLearnerV3ResultModel(
                generators_sparse=[[(word, where)] for word, where, _ in noise.to_sparse_list()],
                num_qubits=noise.num_qubits,
                rates=F64TensorModel.from_numpy(noise.rates),
                rates_std=F64TensorModel.from_numpy(0 * noise.rates),
                metadata=LinbdbladResultMetadataModel(
                    post_selection=LinbdbladResultPostSelectionMetadataModel(
                        fraction_kept={}, success_rates={}
                    )
                ),
            )
        )
    return NoiseLearnerV3ResultsModel(data=results).model_dump_json()
