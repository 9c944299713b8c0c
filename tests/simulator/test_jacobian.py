import numpy as np
import pytest
from qiskit import QuantumCircuit
from qiskit.circuit import Parameter
from qiskit.circuit.library import real_amplitudes
from qiskit.quantum_info import SparsePauliOp
from qiskit_aer.noise import NoiseModel, ReadoutError, depolarizing_error

from qnlr.simulator.compiled import Simulator
from qnlr.simulator.jacobian import exact_jacobian, sampled_jacobian, sampled_values
from qnlr.simulator.program import Program

A, B = Parameter("a"), Parameter("b")
OBSERVABLE = SparsePauliOp(["ZZIX", "IYIZ", "IIII", "XXXX"], [1.0, -0.7, 0.3, 0.4])
GROUPS = {
    "single": SparsePauliOp(["ZX"], [1.0]),
    "scaled single": SparsePauliOp(["IZ"], [-1.7]),
    "commuting": SparsePauliOp(["ZZ", "IZ", "ZI", "II"], [1.0, 0.5, -0.4, 0.2]),
    "not commuting": SparsePauliOp(["ZZ", "IZ", "XX", "YI", "II"], [1.0, 0.5, -0.4, 0.7, 0.2]),
}


def small():
    circuit = QuantumCircuit(2)
    circuit.h(0)
    circuit.ry(A, 0)
    circuit.rx(2 * A - B, 1)
    circuit.cx(0, 1)
    circuit.rz(A * B, 1)
    circuit.ry(B, 1)
    circuit.ry(0.4, 0)
    return circuit


def noise():
    model = NoiseModel()
    model.add_all_qubit_quantum_error(depolarizing_error(0.05, 2), ["cx"])
    model.add_all_qubit_quantum_error(depolarizing_error(0.02, 1), ["h", "ry", "rz"])
    model.add_all_qubit_readout_error(ReadoutError([[0.95, 0.05], [0.1, 0.9]]))
    return model


def readout():
    model = NoiseModel()
    model.add_all_qubit_readout_error(ReadoutError([[0.95, 0.05], [0.1, 0.9]]))
    return model


def everything(program):
    return np.ones(len(program.parameters), dtype=bool)


def differences(program, values, observable, step=1e-5):
    def at(rows):
        return observable.coeffs.real @ program.expectations(
            program.angles(rows), observable.paulis
        )

    eye = step * np.eye(values.shape[1])
    return np.array([(at(values + s) - at(values - s)) / (2 * step) for s in eye]).T


@pytest.mark.parametrize("rows", ["different", "one", "equal"])
@pytest.mark.parametrize("seed", range(6))
def test_jacobians_are_finite_differences(make, seed, rows):
    circuit = make.circuit(seed, opened=0.9, initialize=False)
    values = make.values(circuit, 3)[{"different": [0, 1, 2], "one": [0], "equal": [1, 1]}[rows]]
    program = Simulator(threads=1).program(circuit, range(4))
    found = exact_jacobian(program, values, OBSERVABLE, everything(program))
    expected = differences(program, values, OBSERVABLE)
    np.testing.assert_allclose(found.derivatives, expected, rtol=0, atol=1e-7)
    assert np.abs(found.derivatives).max() > 0.01
    assert not found.variances.any()
    assert not found.derivative_variances.any()


@pytest.mark.parametrize("rows", ["different", "one", "equal"])
@pytest.mark.parametrize("seed", range(6))
def test_noisy_jacobians_are_finite_differences(make, seed, rows):
    circuit = make.circuit(seed, 4, 20, make.aer_gates, 0.9, extras=False, initialize=False)
    values = make.values(circuit, 3)[{"different": [0, 1, 2], "one": [0], "equal": [1, 1]}[rows]]
    model = make.noise(seed, readout=seed % 2 == 0)
    program = Simulator(model, threads=1).program(circuit, range(4))
    assert program.tape.has_noise
    found = exact_jacobian(program, values, OBSERVABLE, everything(program))
    expected = differences(program, values, OBSERVABLE)
    np.testing.assert_allclose(found.derivatives, expected, rtol=0, atol=1e-7)


@pytest.mark.parametrize("shared", [True, False])
@pytest.mark.parametrize("seed", range(8))
def test_both_paths_agree(make, monkeypatch, seed, shared):
    circuit = make.circuit(seed, opened=0.9, initialize=False)
    values = make.values(circuit, 3)
    values = values[[0, 0]] if shared else values
    program = Simulator(threads=1).program(circuit, range(4))
    angles = program.angles(values)
    wanted = np.arange(len(angles)) % 3 != 1
    weights = OBSERVABLE.coeffs.real
    found, slopes = program.gradient(angles, OBSERVABLE.paulis, weights, wanted)
    for prefers in (True, False):
        monkeypatch.setattr(Program, "_prefers_densities", lambda *_, prefers=prefers: prefers)
        value, plus, minus = program.shifts(angles, OBSERVABLE.paulis, weights, wanted)
        np.testing.assert_allclose(value, found, rtol=0, atol=1e-12)
        np.testing.assert_allclose((plus - minus) / 2, slopes, rtol=0, atol=1e-12)
        assert not plus[~wanted].any()
        assert not minus[~wanted].any()
    assert not slopes[~wanted].any()


@pytest.mark.parametrize("model", [None, readout, noise])
def test_only_wanted_parameters_are_differentiated(model):
    program = Simulator(model and model(), threads=1).program(small(), [0, 1])
    values = np.array([[0.3, 0.8], [1.4, -0.6]])
    observable = GROUPS["not commuting"]
    both = exact_jacobian(program, values, observable, everything(program)).derivatives
    for column in range(2):
        wanted = np.arange(2) == column
        one = exact_jacobian(program, values, observable, wanted).derivatives
        np.testing.assert_allclose(one, both * wanted, rtol=0, atol=1e-14)
        rng = np.random.default_rng(0)
        drawn = sampled_jacobian(program, values, observable, wanted, 50, rng)
        assert not drawn.derivatives[:, ~wanted].any()
        assert not drawn.derivative_variances[:, ~wanted].any()
    none = exact_jacobian(program, values, observable, np.zeros(2, dtype=bool))
    assert not none.derivatives.any()
    rng = np.random.default_rng(0)
    drawn = sampled_jacobian(program, values, observable, np.zeros(2, dtype=bool), 50, rng)
    assert drawn.derivatives.shape == (2, 2)
    assert not drawn.derivatives.any()


@pytest.mark.parametrize("model", [None, readout, noise])
@pytest.mark.parametrize("name", GROUPS)
@pytest.mark.parametrize("same", [True, False])
def test_samples_have_the_right_mean_and_variance(model, name, same):
    observable, shots, repetitions = GROUPS[name], 40, 3000
    program = Simulator(model and model(), threads=2).program(small(), [0, 1])
    base = np.array([[0.3, 0.8]] if same else [[0.3, 0.8], [1.4, -0.6]])
    values = np.repeat(base, repetitions // len(base), axis=0)
    exact = exact_jacobian(program, base, observable, everything(program))
    drawn = sampled_jacobian(
        program, values, observable, everything(program), shots, np.random.default_rng(11)
    )
    for found, spread, truth in (
        (drawn.values, drawn.variances, exact.values),
        (drawn.derivatives, drawn.derivative_variances, exact.derivatives),
    ):
        found, spread = (part.reshape(len(base), -1, *part.shape[1:]) for part in (found, spread))
        count = found.shape[1]
        variance = found.var(axis=1, ddof=1)
        assert (np.abs(found.mean(axis=1) - truth) <= 5 * np.sqrt(variance / count)).all()
        fourth = ((found - found.mean(axis=1, keepdims=True)) ** 4).mean(axis=1)
        error = np.sqrt((fourth - variance**2) / count + spread.var(axis=1) / count)
        assert (np.abs(variance - spread.mean(axis=1)) <= 5 * error).all()


@pytest.mark.parametrize("model", [None, readout, noise])
@pytest.mark.parametrize("label", ["ZX", "IZ", "YY"])
def test_variances_of_single_strings_are_those_of_theory(model, label):
    circuit, shots, repetitions = QuantumCircuit(2), 50, 4000
    circuit.h(0)
    circuit.ry(A, 0)
    circuit.cx(0, 1)
    circuit.ry(B, 1)
    circuit.rx(0.3, 0)
    program = Simulator(model and model(), threads=1).program(circuit, [0, 1])
    base, observable = np.array([[0.5, -0.9]]), SparsePauliOp([label])
    values = np.repeat(base, repetitions, axis=0)
    rng = np.random.default_rng(3)
    drawn = sampled_jacobian(program, values, observable, everything(program), shots, rng)
    for column in range(2):
        step = np.pi / 2 * np.eye(2)[[column]]
        ends = np.vstack([base + step, base - step])
        plus, minus = program.expectations(program.angles(ends), observable.paulis)[0]
        theory = ((1 - plus**2) + (1 - minus**2)) / (4 * shots)
        derivatives = drawn.derivatives[:, column]
        assert abs(derivatives.mean() - (plus - minus) / 2) <= 5 * (theory / repetitions) ** 0.5
        error = theory * (2 / repetitions) ** 0.5
        assert abs(derivatives.var(ddof=1) - theory) <= 5 * error
        reported = drawn.derivative_variances[:, column]
        assert abs(reported.mean() - theory) <= 5 * reported.std() / repetitions**0.5


@pytest.mark.parametrize("name", GROUPS)
def test_sampled_values_have_the_right_mean_and_variance(name):
    program = Simulator(noise(), threads=1).program(small(), [0, 1])
    base, repetitions = np.array([[0.3, 0.8]]), 4000
    exact = exact_jacobian(program, base, GROUPS[name], everything(program)).values[0]
    values = np.repeat(base, repetitions, axis=0)
    found, spread = sampled_values(program, values, GROUPS[name], 40, np.random.default_rng(5))
    assert abs(found.mean() - exact) <= 5 * found.std() / repetitions**0.5
    error = np.hypot(found.var() * (2 / repetitions) ** 0.5, spread.std() / repetitions**0.5)
    assert abs(found.var(ddof=1) - spread.mean()) <= 5 * error


@pytest.mark.parametrize("name", GROUPS)
def test_the_same_seed_draws_the_same(name):
    found = [
        sampled_jacobian(
            Simulator(noise(), threads=threads).program(small(), [0, 1]),
            np.array([[0.3, 0.8], [0.1, 0.2], [1.0, 2.0]]),
            GROUPS[name],
            np.ones(2, dtype=bool),
            100,
            np.random.default_rng(seed),
        )
        for threads, seed in ((1, 7), (2, 7), (3, 7), (1, 8))
    ]
    assert all(np.array_equal(one.derivatives, found[0].derivatives) for one in found[1:3])
    assert all(np.array_equal(one.variances, found[0].variances) for one in found[1:3])
    assert not np.array_equal(found[3].derivatives, found[0].derivatives)


@pytest.mark.parametrize("model", [None, noise])
def test_a_batch_is_its_elements(model):
    program = Simulator(model and model(), threads=1).program(small(), [0, 1])
    values = np.random.default_rng(0).uniform(-3, 3, (19, 2))
    observable = GROUPS["not commuting"]
    whole = exact_jacobian(program, values, observable, everything(program)).derivatives
    single = [
        exact_jacobian(program, row[None], observable, everything(program)).derivatives[0]
        for row in values
    ]
    np.testing.assert_allclose(whole, single, rtol=0, atol=1e-13)


@pytest.mark.parametrize("model", [None, readout, noise])
def test_the_identity_has_no_slope(model):
    program = Simulator(model and model(), threads=1).program(small(), [0, 1])
    values, observable = np.array([[0.3, 0.8], [1.4, -0.6]]), SparsePauliOp(["II"], [2.5])
    found = exact_jacobian(program, values, observable, everything(program))
    drawn = sampled_jacobian(
        program, values, observable, everything(program), 10, np.random.default_rng(0)
    )
    for one in (found, drawn):
        assert one.values == pytest.approx([2.5, 2.5])
        assert not one.derivatives.any()
        assert not one.derivative_variances.any()


@pytest.mark.parametrize("model", [None, noise])
def test_an_empty_batch_gives_nothing(model):
    program = Simulator(model and model(), threads=1).program(small(), [0, 1])
    found = exact_jacobian(program, np.zeros((0, 2)), GROUPS["single"], everything(program))
    assert found.values.shape == (0,)
    assert found.derivatives.shape == (0, 2)


def test_repeated_strings_add_up():
    program = Simulator(threads=1).program(real_amplitudes(2, reps=1))
    values = np.array([[0.1, 0.2, 0.3, 0.4]])
    twice = SparsePauliOp(["ZZ", "XI", "ZZ"], [0.25, 0.3, 0.75])
    once = SparsePauliOp(["ZZ", "XI"], [1.0, 0.3])
    found, expected = (
        exact_jacobian(program, values, one, everything(program)) for one in (twice, once)
    )
    np.testing.assert_allclose(found.derivatives, expected.derivatives, rtol=0, atol=1e-14)
    np.testing.assert_allclose(found.values, expected.values, rtol=0, atol=1e-14)
