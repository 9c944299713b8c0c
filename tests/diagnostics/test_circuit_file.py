import numpy as np
import pytest
from qiskit import QuantumCircuit, qasm3, qpy
from qiskit.circuit import Gate, Parameter, ParameterVector
from qiskit.circuit.library import n_local
from qiskit.quantum_info import Statevector
from qiskit.transpiler import CouplingMap, generate_preset_pass_manager

from qnlr.circuits import global_z, hardware_efficient, mean_z
from qnlr.diagnostics.circuit_file import ask, diagnose_circuit
from qnlr.diagnostics.circuit_gradients import mean_square, truncated
from qnlr.diagnostics.plateau_advice import RULES, Facts, advice
from qnlr.errors import InputError
from qnlr.intervals import Interval


@pytest.fixture
def saved(tmp_path):
    def save(circuit):
        file = tmp_path / "mine.qpy"
        with file.open("wb") as stream:
            qpy.dump(circuit, stream)
        return file

    return save


def _opaque():
    circuit = QuantumCircuit(2)
    circuit.append(Gate("mystery", 2, []), [0, 1])
    return circuit


def _initialised():
    circuit = QuantumCircuit(2)
    circuit.initialize([0, 1], 0)
    return circuit


def _product(qubits):
    circuit = QuantumCircuit(qubits)
    for qubit, theta in enumerate(ParameterVector("θ", qubits)):
        circuit.ry(theta, qubit)
    return circuit


def _applies(found, name):
    return found.tables["strategies"].set_index("strategy")["applies"][name]


def test_a_deep_circuit_with_a_global_observable_is_on_a_plateau(saved):
    found = diagnose_circuit(saved(hardware_efficient(8, 8)), samples=100)
    flat, seen = found.checks
    assert flat.holds is True
    assert seen.holds is not True
    assert found.says[0].startswith("On a plateau")
    assert _applies(found, "local_cost") == "yes"
    assert _applies(found, "small_angles") == "yes"
    assert _applies(found, "natural_gradient") == "no"
    assert _applies(found, "nlr") == "no"
    many = diagnose_circuit(saved(hardware_efficient(8, 8)), shots=10**6, samples=50)
    assert many.checks[1].holds is True
    assert "if it grows" in many.says[0]


def test_a_product_circuit_with_a_local_observable_is_on_none(saved):
    found = diagnose_circuit(saved(_product(10)), "mean_z", samples=200)
    assert [check.holds for check in found.checks] == [False, True]
    assert found.says[0].startswith("Not on a plateau")
    assert _applies(found, "local_cost") == "no"
    expected = 0.5 / 100  # sin² on average, and 1/n before it
    assert found.frame[found.frame["initialisation"] == "uniform"]["variance"].mean() == (
        pytest.approx(expected, rel=0.1)
    )


def test_a_product_circuit_with_a_global_observable_has_its_closed_form(saved):
    found = diagnose_circuit(saved(_product(6)), samples=4000)
    uniform = found.frame[found.frame["initialisation"] == "uniform"]
    low, high = uniform["low"] ** 2, uniform["high"] ** 2
    assert ((low < 0.5**6) & (high > 0.5**6)).sum() >= 5
    beginnings = found.tables["beginnings"]
    expected = 0.5 ** beginnings["weights"]
    assert ((beginnings["low"] < expected) & (expected < beginnings["high"])).sum() >= 5


def test_openqasm_3_and_qpy_give_the_same(saved, tmp_path):
    circuit = hardware_efficient(2, 1)
    named = circuit.assign_parameters([Parameter(f"w{number}") for number in range(6)])
    file = tmp_path / "mine.qasm3"
    file.write_text(qasm3.dumps(named))
    one, two = (diagnose_circuit(each, samples=20) for each in (file, saved(named)))
    assert one.frame.equals(two.frame)


def test_weights_that_do_not_count_are_named_apart(saved):
    found = diagnose_circuit(saved(hardware_efficient(4, 1)), "IIIZ", samples=30)
    dead = sorted(set(found.frame.loc[~found.frame["depends"], "weight"]))
    assert dead == sorted(f"θ[{number}]" for number in range(2, 12))
    assert any("does not depend on 10 of 12" in said for said in found.says)
    drawn = {one.name: one for one in found.drawings}["weights"]
    assert set(drawn.frame["weight"]) <= {"θ[0]", "θ[1]"}


def test_other_parameters_are_data(saved):
    x, circuit = ParameterVector("x", 3), QuantumCircuit(3)
    for qubit in range(3):
        circuit.ry(x[qubit], qubit)
    circuit.compose(hardware_efficient(3, 1), inplace=True)
    found = diagnose_circuit(saved(circuit), "mean_z", weights="θ", samples=20)
    assert set(found.frame["weight"]) == {f"θ[{number}]" for number in range(9)}
    assert any("3 parameters are taken for data" in caveat for caveat in found.caveats)


def test_expressions_and_shared_parameters_have_their_derivatives(saved):
    a, b = Parameter("a"), Parameter("b")
    circuit = QuantumCircuit(2)
    circuit.ry(2 * a, 0)
    circuit.ry(b * a, 1)
    found = diagnose_circuit(saved(circuit), "ZI", samples=500, weights="b", seed=3)
    # f = cos(ab), and a is uniform, too
    rng = np.random.default_rng(0)
    drawn = rng.uniform(-np.pi, np.pi, (2, 10**6))
    expected = ((drawn[0] * np.sin(drawn[0] * drawn[1])) ** 2).mean()
    row = found.frame.iloc[0]
    assert row["low"] ** 2 < expected < row["high"] ** 2


def test_a_transpiled_circuit_is_asked_as_it_was_written(saved):
    circuit = n_local(3, ["ry", "rz"], "cx", "linear", reps=2, insert_barriers=True)
    manager = generate_preset_pass_manager(
        1,
        coupling_map=CouplingMap.from_line(6),
        basis_gates=["rz", "sx", "x", "cx"],
        initial_layout=[4, 3, 5],
        seed_transpiler=0,
    )
    plain, placed = (ask(one, "0.5*ZXI - IYZ") for one in (circuit, manager.run(circuit)))
    values = plain.draw("uniform", 1.0, 4, np.random.default_rng(0))
    by_name = {one.name: number for number, one in enumerate(plain.weights)}
    order = [by_name[one.name] for one in placed.weights]
    np.testing.assert_allclose(
        placed.derivatives(values), plain.derivatives(values)[:, order], atol=1e-10
    )


def test_beginnings_keep_gates_in_their_order():
    circuit = hardware_efficient(3, 2)
    asked = ask(circuit, "global_z")
    half = truncated(asked, 9)
    assert half.weights == asked.weights[:9]
    assert half.circuit.data == circuit.data[: len(half.circuit.data)]
    assert truncated(asked, 18).circuit.data == circuit.data


def test_fewer_samples_are_taken_of_large_circuits(saved, monkeypatch):
    monkeypatch.setattr("qnlr.diagnostics.circuit_file.WORK", 1e4)
    found = diagnose_circuit(saved(hardware_efficient(4, 2)), samples=100)
    assert any("16 draws" in caveat for caveat in found.caveats)
    assert ask(hardware_efficient(4, 2), "global_z").affordable(7, 1.0) == 7


def test_told_and_seeds(saved):
    heard = []
    file = saved(hardware_efficient(2, 2))
    first = diagnose_circuit(file, samples=10, told=lambda done, total: heard.append((done, total)))
    assert heard[-1][0] == heard[-1][1] == len(heard) - 1
    assert first.frame.equals(diagnose_circuit(file, samples=10).frame)
    assert not first.frame.equals(diagnose_circuit(file, samples=10, seed=1).frame)


def test_shots_for_small_angles_are_counted_on_request(saved):
    file = saved(hardware_efficient(4, 4))
    uniform = diagnose_circuit(file, samples=50).tables["shots"]["shots"]
    small = diagnose_circuit(file, samples=50, initialisation="small_angles").tables["shots"]
    assert not uniform.equals(small["shots"])


def test_intervals_hold_the_mean_square_as_often_as_they_say():
    rng = np.random.default_rng(0)
    held = [(found := mean_square(rng.normal(size=100))).low < 1 < found.high for _ in range(2000)]
    assert np.mean(held) == pytest.approx(0.95, abs=0.02)


def _facts(**changed):
    one = Interval(0.01, 0.009, 0.011, 50)
    given = {
        "qubits": 8,
        "locality": 8,
        "flat": True,
        "square": one,
        "small": one,
        "short": one,
        "short_weights": 4,
        "gradient_square": 0.1,
        "shot_variance": 1.0,
        "shots": 1000,
        "seen": 0.1,
        "lost": 0.0,
    }
    found = advice(Facts(**(given | changed))).set_index("strategy")
    assert list(found.index) == list(RULES)
    assert found["reason"].str.len().min() > 10
    return found["applies"]


def test_advice_follows_from_facts():
    steep = Interval(0.1, 0.09, 0.11, 50)
    assert _facts()["shallow"] == "no"
    assert _facts(short=steep)["shallow"] == "yes"
    assert _facts(short=steep)["layerwise"] == "perhaps"
    assert _facts(short=steep, flat=False)["shallow"] == "no"
    assert _facts(short=None)["shallow"] == "no"
    assert _facts()["small_angles"] == "no"
    assert _facts(small=steep)["small_angles"] == "yes"
    assert _facts(small=steep, flat=False)["small_angles"] == "perhaps"
    assert _facts(small=steep)["identity_blocks"] == "perhaps"
    assert _facts(locality=2)["local_cost"] == "no"
    assert _facts(lost=0.5)["mitigation"] == "perhaps"
    assert _facts()["nlr"] == "no"
    assert _facts(gradient_square=10.0, shots=10**6)["nlr"] == "perhaps"
    assert _facts(flat=False)["natural_gradient"] == "perhaps"


@pytest.mark.parametrize(
    ("circuit", "given", "said"),
    [
        (QuantumCircuit(2), {}, "no parameters"),
        (hardware_efficient(2, 1), {"weights": "phi"}, "phi"),
        (hardware_efficient(2, 1), {"observable": "ZZZ"}, "3 letters"),
        (hardware_efficient(2, 1), {"shots": 0}, "shots"),
        (hardware_efficient(2, 1), {"samples": 1}, "samples"),
        (hardware_efficient(2, 1), {"noise_rate": 1.5}, "noise_rate"),
        (hardware_efficient(2, 1), {"initialisation": "small"}, "small_angles"),
        (hardware_efficient(22, 1), {}, "at most 20"),
        (hardware_efficient(2, 1), {"weights": "θ[2]", "observable": "IZ"}, "does not depend"),
        (_product(2).compose(_opaque(), [0, 1]), {}, "transpile the circuit first$"),
        (_product(2).compose(_initialised(), [0, 1]), {}, "not at the start .* leave it out$"),
    ],
)
def test_what_cannot_be_asked_is_refused_in_a_sentence(saved, circuit, given, said):
    with pytest.raises(InputError, match=said) as caught:
        diagnose_circuit(saved(circuit), **given)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("observable", [global_z, mean_z])
def test_the_variance_of_a_shot_is_that_at_the_shifts(observable):
    circuit = hardware_efficient(3, 1)
    asked = ask(circuit, observable.__name__)
    values = asked.draw("small_angles", 0.1, 32, np.random.default_rng(0))
    found = asked.single_shot_variance(values, np.random.default_rng(1))
    operator, total = observable(3), []
    for row in values:
        for slot in np.flatnonzero(asked.slots):
            for sign in (-1, 1):
                moved = row.copy()
                moved[slot] += sign * np.pi / 2
                state = Statevector(circuit.assign_parameters(moved))
                mean = state.expectation_value(operator).real
                total.append(state.expectation_value(operator @ operator).real - mean**2)
    assert found == pytest.approx(np.mean(total), rel=0.25)
    assert found > 0
