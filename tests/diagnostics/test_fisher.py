import numpy as np
import pytest
from qiskit import QuantumCircuit
from qiskit.circuit import ParameterVector
from qiskit.quantum_info import Statevector

from qnlr.circuits import ANSATZES, angle, global_z, hardware_efficient, variational_circuit, z
from qnlr.diagnostics.classical_fisher import classical_fisher, parity, parity_information
from qnlr.diagnostics.fisher import fisher_information
from qnlr.diagnostics.fisher_findings import OVER_DATA, QUANTUM
from qnlr.diagnostics.starts import starting_weights
from qnlr.errors import InputError


@pytest.fixture(scope="module")
def found():
    return fisher_information((1, 2), (1, 2, 5), draws=6, samples=8, seed=1)


def _probabilities(model, theta, row, read):
    values = dict(zip(model.parameters, [*row, *theta], strict=True))
    p = Statevector(model.circuit.assign_parameters(values)).probabilities()
    if read == "outcomes":
        return p
    odd = np.array([parity(outcome) for outcome in range(len(p))])
    return np.array([p[odd == 0].sum(), p[odd == 1].sum()])


@pytest.mark.parametrize("read", ["outcomes", "parity"])
def test_classical_information_is_that_of_the_probabilities(read):
    model = variational_circuit(angle(2, 2), hardware_efficient(2, 1), z(2))
    rng = np.random.default_rng(3)
    weights, x = rng.uniform(-3, 3, (2, 6)), rng.normal(size=(3, 2))
    information = classical_fisher(model, weights, x, read).fisher
    for theta, fisher in zip(weights, information, strict=True):
        expected, h = np.zeros((6, 6)), 1e-5
        for row in x:
            slopes = [
                (
                    _probabilities(model, theta + step, row, read)
                    - _probabilities(model, theta - step, row, read)
                )
                / (2 * h)
                for step in h * np.eye(6)
            ]
            scaled = np.array(slopes) / np.sqrt(_probabilities(model, theta, row, read))
            expected += scaled @ scaled.T / len(x)
        np.testing.assert_allclose(fisher, expected, atol=1e-7)


def test_the_effective_dimension_is_its_formula():
    model = variational_circuit(angle(2, 2), hardware_efficient(2, 2), z(2))
    rng = np.random.default_rng(0)
    weights, sizes = rng.uniform(-3, 3, (4, 12)), (200, 5000)
    one = classical_fisher(model, weights, rng.normal(size=(5, 2)), "outcomes", sizes)
    normalised = 12 * one.fisher / np.trace(one.fisher, axis1=1, axis2=2).mean()
    for size, effective in zip(sizes, one.effective, strict=True):
        gamma = size / (2 * np.pi * np.log(size))
        dets = np.linalg.det(np.eye(12) + gamma * normalised)
        assert effective == pytest.approx(2 * np.log(np.sqrt(dets).mean()) / np.log(gamma))


def test_classical_information_is_below_the_quantum_one(found):
    trace = found.frame.groupby(["qubits", "layers", "initialisation", "draw", "information"])[
        "trace"
    ].first()
    table = trace.unstack("information")
    assert (table["classical, outcomes"] <= table[OVER_DATA] + 1e-9).all()
    assert (table["classical, parity"] <= table["classical, outcomes"] + 1e-9).all()


def test_the_rank_saturates_at_the_dimension_of_the_states(found):
    one = found.frame[found.frame["information"] == QUANTUM]
    assert (one["rank"] <= one["most"]).all()
    deep = one[(one["layers"] == 5) & (one["initialisation"] == "uniform")]
    assert deep.groupby("qubits")["rank"].unique().map(list).to_dict() == {1: [2], 2: [6]}
    saturates = [one for one in found.checks if "saturates" in one.statement]
    assert [one.holds for one in saturates] == [True, True]


def test_a_circuit_without_enough_weights_cannot_tell():
    found = fisher_information((3,), (1,), initialisations=("uniform",), draws=2, samples=2)
    assert found.checks[0].holds is None


def test_the_rank_check_can_fail(monkeypatch):
    def about_one_axis(qubits, layers):
        circuit = QuantumCircuit(qubits)
        for number, theta in enumerate(ParameterVector("θ", 4 * layers * qubits)):
            circuit.ry(theta, number % qubits)
        return circuit

    monkeypatch.setitem(ANSATZES, "about_one_axis", about_one_axis)
    found = fisher_information((2,), (3,), "about_one_axis", ("uniform",), draws=2, samples=1)
    assert found.checks[0].holds is False
    assert found.checks[0].measured == "2"


def test_the_same_seed_gives_the_same_findings():
    given = {"initialisations": ("uniform",), "draws": 2, "samples": 2}
    first, again = (fisher_information((2,), (1,), **given, seed=4) for _ in range(2))
    other = fisher_information((2,), (1,), **given, seed=5)
    assert first.frame.equals(again.frame)
    assert not first.frame.equals(other.frame)


def test_small_angles_are_small():
    drawn = starting_weights("small_angles", (20000,), 0.1, np.random.default_rng(0))
    assert drawn.std() == pytest.approx(0.1, rel=0.03)
    uniform = starting_weights("uniform", (20000,), 0.1, np.random.default_rng(0))
    assert np.abs(uniform).max() <= np.pi
    assert uniform.std() == pytest.approx(np.pi / np.sqrt(3), rel=0.03)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"ansatz": "hardware"}, "hardware_efficient"),
        ({"initialisations": ("small",)}, "small_angles"),
        ({"initialisations": ()}, "empty"),
        ({"draws": 1}, "draws"),
        ({"spread": 0.0, "initialisations": ("small_angles",)}, "spread"),
        ({"dataset_sizes": (10,)}, "dataset size"),
    ],
)
def test_what_is_not_valid_is_refused(given, said):
    with pytest.raises(InputError, match=said):
        fisher_information((1,), (1,), **given)


def test_the_information_of_the_parity_is_the_diagonal_of_its_fisher():
    model = variational_circuit(angle(2, 2), hardware_efficient(2, 2), global_z(2))
    rng = np.random.default_rng(0)
    weights, x = rng.uniform(-3, 3, (3, 12)), rng.normal(size=(3, 2))
    found = parity_information(model, weights, x)
    for theta, row, diagonal in zip(weights, x, found, strict=True):
        fisher = classical_fisher(model, theta[None], row[None], "parity").fisher[0]
        np.testing.assert_allclose(diagonal, np.diag(fisher), atol=1e-9)


def test_shallow_circuits_are_no_2_designs():
    found = fisher_information((4,), (1,), initialisations=("uniform",), draws=2, samples=1)
    assert found.checks[-1].holds is False
