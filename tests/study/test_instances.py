"""What a strategy varies: circuits, sizes and observables of a run."""

import numpy as np
import pytest
from qiskit.quantum_info import SparsePauliOp

from qnlr.circuits import hardware_efficient, mean_z, transverse_ising
from qnlr.errors import InputError
from qnlr.problems import Classification, Cut, Energy, Target
from qnlr.study import load_study
from qnlr.study.build import Builder
from qnlr.training import TrainingSettings

VQE = {
    "name": "tiny",
    "circuit": {"qubits": 4, "layers": 2, "ansatz": "hamiltonian_variational"},
    "problem": {"name": "vqe", "hamiltonian": {"name": "transverse_ising", "field": 0.5}},
    "training": {"steps": 7},
    "optimizer": "sgd",
    "init": {"low": -0.5, "high": 0.25},
}


def instances_of(config, builder=None):
    spec = load_study(config).runs[0]
    settings = TrainingSettings(**spec.model_dump(mode="json")["training"])
    return (builder or Builder())._instances(spec, settings, None)


def test_the_own_instance_is_that_of_the_run(small):
    builder = Builder()
    for config in (small, VQE):
        training = builder.run(load_study(config).runs[0])
        found = instances_of(config, builder)
        assert found.part.backend is training.backend
        assert np.array_equal(found.weights, training.optimizer.state.x)
        assert found.part.problem.model.observable == training.problem.model.observable
        assert found.steps == training.total_steps
    assert (found.qubits, found.layers, found.seed, found.has_data) == (4, 2, 0, False)


def test_sizes_change_hamiltonian_and_ansatz_together():
    found = instances_of(VQE)
    part = found.instance(qubits=3, layers=1)
    assert part.problem.model.observable.equiv(transverse_ising(3, field=0.5))
    assert (part.problem.num_weights, part.problem.num_circuit_weights) == (2, 5)
    ground = np.linalg.eigvalsh(transverse_ising(3, field=0.5).to_matrix())[0]
    assert part.problem.reference == pytest.approx(ground)
    assert found.ansatz(3, 4).num_parameters == 8


def test_beyond_sixteen_qubits_exact_energies_are_found_without_a_reference():
    circuit = {"qubits": 17, "layers": 1, "ansatz": "hardware_efficient"}
    part = instances_of({**VQE, "circuit": circuit}).part
    zeros = np.zeros(part.problem.num_weights)
    found = part.problem.evaluate(zeros, part.problem.train, part.backend, np.random.default_rng(0))
    metrics = part.problem.metrics({"train": found})
    assert metrics["metric_energy"] == pytest.approx(-16.0)
    assert np.isnan(metrics["metric_energy_error"])
    with pytest.raises(InputError, match="17 qubits at once are too many to draw shots of"):
        instances_of(
            {**VQE, "circuit": circuit, "backend": {"name": "simulator", "shots": 10}}
        ).part


def test_a_size_that_a_hamiltonian_has_not_is_its_own_error():
    with pytest.raises(InputError) as raised:
        instances_of(
            {
                **VQE,
                "problem": {"name": "vqe", "hamiltonian": "h2"},
                "circuit": {"qubits": 3, "layers": 1, "ansatz": "hardware_efficient"},
            }
        ).part
    assert raised.value.table == ("problem", "hamiltonian")


def test_another_observable_leaves_the_circuit(small):
    found = instances_of(VQE)
    local = SparsePauliOp(["IIIX", "XIII"], [1.0, -1.0])
    part = found.instance(observable=local)
    assert type(part.problem) is Energy
    assert part.problem.model.observable == local
    assert part.problem.reference is None
    assert part.problem.num_weights == found.part.problem.num_weights
    aimed = found.instance(observable=local, target=-0.5)
    assert isinstance(aimed.problem, Target)
    assert aimed.problem.target == -0.5
    assert aimed.backend is part.backend  # the same circuit and observable

    found = instances_of(small)
    part = found.instance(observable=mean_z(2))
    assert isinstance(part.problem, Classification)
    assert part.problem.model.observable == mean_z(2)
    assert part.backend is not found.part.backend
    assert part.problem.train.labels.tolist() == found.part.problem.train.labels.tolist()


def test_another_ansatz_is_another_backend(small):
    found = instances_of(small)
    deeper = found.instance(ansatz=hardware_efficient(2, 3))
    assert deeper.problem.num_circuit_weights == 18
    by_layers = found.instance(layers=3)
    assert by_layers.problem.num_circuit_weights == 18
    values = [part.backend.model.circuit.num_parameters for part in (deeper, by_layers)]
    assert values[0] == values[1] == 18 + by_layers.problem.train.angles.shape[1]
    assert deeper.backend is not by_layers.backend


def test_weights_are_drawn_from_the_range_of_init():
    found = instances_of(VQE)
    drawn = found.draw(2000, np.random.default_rng(0))
    assert -0.5 <= drawn.min() < -0.49
    assert 0.24 < drawn.max() <= 0.25
    assert ((found.weights >= -0.5) & (found.weights <= 0.25)).all()


def test_graphs_change_with_their_size():
    config = {
        **VQE,
        "circuit": {"qubits": 6, "layers": 1, "ansatz": "qaoa"},
        "problem": {"name": "qaoa", "graph": "ring"},
    }
    found = instances_of(config)
    part = found.instance(qubits=4)
    assert isinstance(part.problem, Cut)
    assert (found.part.problem.maximum, part.problem.maximum) == (6, 4)


@pytest.mark.parametrize(
    ("ask", "table", "words"),
    [
        ({"qubits": 0}, ("circuit",), "qubits = 0"),
        ({"qubits": 10**9}, ("circuit",), "qubits = 1000000000"),
        ({"layers": 0}, ("circuit",), "layers = 0"),
        ({"layers": 10**9}, ("circuit",), "layers = 1000000000"),
        ({"ansatz": hardware_efficient(3, 1)}, ("circuit",), "qubits"),
    ],
)
def test_what_does_not_fit_says_where(ask, table, words):
    with pytest.raises(InputError, match=words) as caught:
        instances_of(VQE).instance(**ask)
    assert caught.value.table[: len(table)] == table


@pytest.mark.parametrize("ansatz", ["qaoa", "hamiltonian_variational"])
def test_a_classifier_has_no_hamiltonian_to_build_from(ansatz, small):
    small["circuit"]["ansatz"] = ansatz
    with pytest.raises(InputError, match=f'"{ansatz}" is built from a Hamiltonian') as caught:
        instances_of(small).part
    assert caught.value.table == ("circuit", "ansatz")
