import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from qiskit import QuantumCircuit
from qiskit.circuit import Parameter
from qiskit.quantum_info import Operator, SparsePauliOp
from scipy.optimize import curve_fit

from qnlr.backends.ibm.devices import local_device
from qnlr.backends.ibm.extrapolation import extrapolated_stds
from qnlr.backends.ibm.program import CALIBRATION_SHOTS, SamplerProgram, make_program, undone
from qnlr.backends.ibm.runtime import outcome_counts
from qnlr.backends.readout import Basis
from qnlr.errors import InputError
from qnlr.noise.mitigation.calibration import Calibration

ERRORS = st.floats(0.0, 0.4)


@st.composite
def read_outs(draw):
    """A basis of some of the calibrated qubits in any order, and the read-out errors of all."""
    calibrated = draw(st.permutations([0, 2, 3, 5]))
    qubits = draw(st.lists(st.sampled_from(calibrated), min_size=1, unique=True))
    values = draw(arrays(float, 2 ** len(qubits), elements=st.floats(-2, 2)))
    errors = {qubit: (draw(ERRORS), draw(ERRORS)) for qubit in calibrated}
    return Basis(QuantumCircuit(6), tuple(qubits), values), errors


def calibration(errors):
    zeros = np.array([1 - 2 * up for up, _ in errors.values()])
    ones = np.array([2 * down - 1 for _, down in errors.values()])
    return Calibration(tuple(errors), zeros, ones, 0 * zeros, 0 * ones)


@given(read_outs())
def test_undoing_is_the_inverse_of_the_tensored_confusion_matrix(case):
    basis, errors = case
    confusion = np.eye(1)
    for qubit in basis.qubits:  # the first qubit is the lowest bit, the last factor
        up, down = errors[qubit]
        confusion = np.kron([[1 - up, up], [down, 1 - down]], confusion)
    expected = np.linalg.solve(confusion, basis.eigenvalues)
    assert undone(basis, calibration(errors)) == pytest.approx(expected, rel=1e-6, abs=1e-6)


def program(observable, where=(1, 0), names=("a", "b"), **about):
    device = local_device("fake_manila")
    circuit = QuantumCircuit(5)
    circuit.rz(Parameter("b"), 1)
    circuit.rz(Parameter("a"), 0)
    settings = {"primitive": "sampler", "shots": 100, "readout_correction": False, **about}
    parameters = [Parameter(name) for name in names]
    return make_program(
        circuit=circuit,
        device=device,
        observable=SparsePauliOp(observable) if isinstance(observable, str) else observable,
        where=where,
        parameters=parameters,
        **settings,
    )


def test_rows_are_bound_by_the_names_of_parameters_and_not_their_order():
    made = program("IZ", names=("b", "a"))
    bindings = made.bindings(np.array([[1.0, 2.0], [3.0, 4.0]]))
    ((parameters, values),) = bindings.items()
    found = dict(zip((one.name for one in parameters), values.T.tolist(), strict=True))
    assert found == {"b": [1.0, 3.0], "a": [2.0, 4.0]}


def test_only_the_observed_qubits_are_measured_where_they_are():
    made = program(SparsePauliOp(["IZ", "XI", "YI", "II"], [1.0, 0.5, 2.0, 3.0]), where=(3, 1))
    assert made.qubits == (1, 3)
    assert made.circuits_per_value == 2
    pubs = made.pubs(np.zeros((7, 2)))
    measured = [
        {circuit.find_bit(one.qubits[0]).index for one in circuit.get_instructions("measure")}
        for circuit, _, _ in pubs
    ]
    assert sorted(measured, key=len) == [{1}, {1, 3}]


@pytest.mark.parametrize(("letter", "gates"), [("X", ["h"]), ("Y", ["sdg", "h"])])
def test_changes_of_basis_are_made_of_native_gates(letter, gates):
    (basis,) = program(f"I{letter}")._found[0]
    found = program(f"I{letter}")._isa(basis).circuit
    assert set(found.count_ops()) <= {"rz", "sx", "x"}
    turned, expected = QuantumCircuit(1), QuantumCircuit(1)
    for one in found.data[2:]:
        turned.append(one.operation, [0])
    for gate in gates:
        getattr(expected, gate)(0)
    both = [Operator(one).adjoint() @ Operator.from_label("Z") @ Operator(one) for one in
            (turned, expected)]  # fmt: skip
    assert both[0].equiv(both[1])


@pytest.mark.parametrize("shots", [1, 100, 5000])
def test_calibration_circuits_are_repeated_until_they_have_shots_enough(shots):
    made = program("ZZ", shots=shots, readout_correction=True)
    *_, (circuit, bindings, taken) = made.pubs(np.zeros((3, 2)))
    ((_, angles),) = bindings.items()
    repeats = angles.shape[1]
    assert taken == shots
    assert (repeats - 1) * shots < CALIBRATION_SHOTS <= repeats * shots
    for angle, ones in ((angles[0, 0, 0], 0), (angles[1, -1, 0], 1)):
        bare = circuit.remove_final_measurements(inplace=False)
        state = Operator(bare.assign_parameters([angle])).data[:, 0]
        place = sum(ones << qubit for qubit in (0, 1))
        assert abs(state[place]) == pytest.approx(1.0)


@pytest.mark.parametrize("observable", [SparsePauliOp(["II"], [2.0]), SparsePauliOp(["ZI"], [0.0])])
@pytest.mark.parametrize("primitive", ["sampler", "estimator"])
def test_what_needs_no_device_is_refused(observable, primitive):
    with pytest.raises(InputError, match=r"a multiple of the identity, .* without a device"):
        program(observable, primitive=primitive)


def test_a_constant_is_added_and_terms_that_cancel_are_left_out():
    made = program(SparsePauliOp(["ZI", "IZ", "IZ", "II"], [0.5, 1.0, -1.0, 3.0]))
    assert isinstance(made, SamplerProgram)
    assert made.qubits == (0,)
    values, stds = made.expectations({"counts_0": np.array([[75, 25], [100, 0]])})
    assert values == pytest.approx([3.25, 3.5])
    assert stds == pytest.approx([0.5 * np.sqrt(0.75 / 99), 0.0])


def test_correction_adds_the_errors_of_the_calibration_to_those_of_the_shots():
    made = program("IZ", where=(1, 0), shots=4096, readout_correction=True)
    rng = np.random.default_rng(0)
    up, down, truth, shots = 0.03, 0.10, 0.6, 4096
    one = (1 - truth) / 2 * (1 - down) + (1 + truth) / 2 * up
    found = []
    for _ in range(2000):
        ones = rng.binomial(shots, one)
        kept = {
            "counts_0": np.array([[shots - ones, ones]]),
            "calibration": np.array([rng.binomial(shots // 8, [up, 1 - down])]),
            "calibration_shots": np.array(shots // 8),
        }
        found.append([part.item() for part in made.expectations(kept)])
    values, stds = np.array(found).T
    assert values.mean() == pytest.approx(truth, abs=4 * values.std() / np.sqrt(2000))
    assert np.sqrt(np.mean(stds**2)) == pytest.approx(values.std(), rel=0.07)
    alone = np.sqrt((1 - (1 - 2 * one) ** 2) / (shots - 1)) / (1 - up - down)
    assert np.mean(stds) > 1.2 * alone


@given(arrays(np.uint8, st.tuples(st.integers(1, 4), st.just(50), st.just(2))), st.integers(9, 16))
def test_outcomes_are_counted_as_qiskit_counts_them(packed, bits):
    from qiskit.primitives import BitArray

    packed[..., 0] %= np.uint8(min(255, 2 ** (bits - 8)))
    found = outcome_counts(BitArray(packed, bits))
    for row, counts in enumerate(found):
        expected = BitArray(packed[row], bits).get_int_counts()
        assert {outcome: int(n) for outcome, n in enumerate(counts) if n} == expected


@pytest.mark.parametrize("decay", [0.0, 0.02, 0.3])
def test_errors_of_extrapolation_fit_the_spread_of_its_values(decay):
    rng = np.random.default_rng(1)
    factors, stds = np.array([1.0, 3.0, 5.0]), np.array([0.004, 0.005, 0.006])
    measured = 0.9 * np.exp(-decay * factors) + stds * rng.standard_normal((600, 3))

    def curve(x, a, b):
        return a * np.exp(-b * x)

    values = np.array([curve_fit(curve, factors, row, p0=(0.9, decay))[0][0] for row in measured])
    found = extrapolated_stds(factors, values, measured, np.broadcast_to(stds, measured.shape))
    assert np.sqrt(np.mean(found**2)) == pytest.approx(values.std(), rel=0.1)


def test_errors_of_extrapolation_are_finite_and_0_only_without_noise():
    factors = np.array([1.0, 2.0])
    measured = np.array([[0.0, 0.0], [1e-9, 0.1], [-0.5, 0.5], [0.8, 0.7]])
    values = np.array([0.1, 0.9, 0.7, 0.9])
    found = extrapolated_stds(factors, values, measured, np.full((4, 2), 0.01))
    assert np.isfinite(found).all()
    assert found.min() > 0.01
    assert not extrapolated_stds(factors, values, measured, np.zeros((4, 2))).any()
