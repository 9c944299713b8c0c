"""Shot noise: means, variances and covariances, against distributions worked out elsewhere."""

import numpy as np
import pytest
from qiskit import QuantumCircuit
from qiskit.circuit import Parameter
from qiskit.primitives import BackendEstimatorV2
from qiskit.quantum_info import DensityMatrix, PauliList, SparsePauliOp
from qiskit_aer import AerSimulator
from qiskit_aer.noise import NoiseModel, ReadoutError, amplitude_damping_error, depolarizing_error
from scipy.stats import binom

from qnlr.errors import InputError
from qnlr.simulator import BatchedEstimator, Simulator, exact_jacobian, sampled_jacobian
from qnlr.simulator.shots import (
    draw_counts,
    draw_outcomes,
    draw_signs,
    generator,
    group,
    mean_and_error,
)

SIGMAS = 5
CONFUSION = [np.array([[0.97, 0.03], [0.08, 0.92]]), np.array([[0.9, 0.1], [0.15, 0.85]])]
NOISES = {
    "no noise": (False, False),
    "read-out errors": (False, True),
    "gate noise": (True, False),
    "both": (True, True),
}
SETTINGS = np.array([[0.0, 0.0], [0.4, 0.9], [1.3, -0.7], [2.6, 2.1], [-1.0, 3.0], [np.pi, 0.2]])


def noise_model(gates, readout):
    model = NoiseModel()
    if gates:
        one, two = amplitude_damping_error(0.06), depolarizing_error(0.08, 2)
        model.add_all_qubit_quantum_error(one, ["ry", "rx"])
        model.add_all_qubit_quantum_error(two, ["cx"])
    if readout:
        for qubit, matrix in enumerate(CONFUSION):
            model.add_readout_error(ReadoutError(matrix.tolist()), [qubit])
    return model


def two_qubits():
    first, second = Parameter("a"), Parameter("b")
    circuit = QuantumCircuit(2)
    circuit.ry(first, 0)
    circuit.cx(0, 1)
    circuit.rx(second, 1)
    circuit.ry(first + second, 0)
    return circuit


def bell():
    circuit = QuantumCircuit(2)
    circuit.h(0)
    circuit.cx(0, 1)
    return circuit


def read(circuit, basis, model, readout):
    """Return probabilities of what is read in a basis such as "ZX", by Aer's density matrices."""
    circuit = circuit.copy()
    circuit.save_density_matrix()
    simulator = AerSimulator(method="density_matrix", noise_model=model)
    state = DensityMatrix(simulator.run(circuit).result().data()["density_matrix"])
    turn = QuantumCircuit(2)
    for qubit, pauli in enumerate(reversed(basis)):
        if pauli == "Y":
            turn.sdg(qubit)
        if pauli in "XY":
            turn.h(qubit)
    table = state.evolve(turn).probabilities()
    return table @ np.kron(CONFUSION[1], CONFUSION[0]) if readout else table


def signs(label):
    """Return the value of a string for the outcomes 00, 01, 10 and 11."""
    values = [np.ones(2) if pauli == "I" else np.array([1.0, -1.0]) for pauli in label]
    return np.kron(*values)


def moments(values, table):
    """Return mean, variance and excess kurtosis of a value with given probabilities."""
    mean = table @ values
    variance = table @ (values - mean) ** 2
    fourth = table @ (values - mean) ** 4
    return mean, variance, fourth / variance**2 - 3 if variance > 1e-12 else 0.0


def fits(drawn, mean, variance, excess=0.0):
    """Whether draws have this mean and this variance, to within 5 standard errors of each."""
    if variance < 1e-12:
        return bool(np.allclose(drawn, mean, atol=1e-12))
    number = len(drawn)
    pulls = (drawn - mean) / np.sqrt(variance)
    of_mean = abs(pulls.mean()) * np.sqrt(number)
    of_variance = abs(pulls.var() - 1) / np.sqrt((2 + excess) / number)
    return bool(of_mean < SIGMAS and of_variance < SIGMAS)


def sums_fit(drawn, terms, bound, model, readout, shots):
    """Whether values of a sum of groups, each with shots of its own, are as they should be."""
    mean = variance = fourth = 0.0
    for basis, values in terms:
        one = moments(values, read(bound, basis, model, readout))
        mean, variance = mean + one[0], variance + one[1] / shots
        fourth += one[2] * (one[1] / shots) ** 2 / shots
    return fits(drawn, mean, variance, fourth / variance**2 if variance > 1e-12 else 0.0)


def single_strings_fit(gates=False, readout=False, shots=50, repetitions=3000):
    """Whether single strings have mean f and variance (1 − f²)/N at all settings."""
    model, circuit = noise_model(gates, readout), two_qubits()
    estimator = BatchedEstimator(noise_model=model, seed=11)
    labels = ["IZ", "ZI", "XX", "YZ"]
    pubs = [(circuit, label, np.repeat(SETTINGS, repetitions, axis=0)) for label in labels]
    found = estimator.run(pubs, precision=1 / np.sqrt(shots)).result()
    return all(
        sums_fit(
            drawn,
            [(label.replace("I", "Z"), signs(label))],
            circuit.assign_parameters(setting),
            model,
            readout,
            shots,
        )
        for label, one in zip(labels, found, strict=True)
        for setting, drawn in zip(SETTINGS, one.data.evs.reshape(-1, repetitions), strict=True)
    )


def slopes_fit(observable, gates=False, readout=False, shots=40, repetitions=2000):
    """Whether drawn derivatives have the mean and variance of a shift with shots of its own."""
    model, circuit = noise_model(gates, readout), two_qubits()
    program = Simulator(model).program(circuit, range(2))
    x = np.repeat(SETTINGS[1:4], repetitions, axis=0)
    rng, wanted = np.random.default_rng(5), np.array([True, True])
    found = sampled_jacobian(program, x, observable, wanted, shots, rng)
    exact = exact_jacobian(program, SETTINGS[1:4], observable, wanted)
    drawn = found.derivatives.reshape(3, repetitions, 2)
    variances = found.derivative_variances.reshape(3, repetitions, 2).mean(axis=1)
    values = found.values.reshape(3, repetitions)
    spread = found.variances.reshape(3, repetitions).mean(axis=1)
    return all(
        fits(values[k], exact.values[k], spread[k])
        and all(fits(drawn[k, :, i], exact.derivatives[k, i], variances[k, i]) for i in range(2))
        for k in range(3)
    )


@pytest.mark.parametrize("gates_and_readout", NOISES.values(), ids=NOISES)
def test_single_strings_have_the_mean_and_the_variance_of_shots(gates_and_readout):
    assert single_strings_fit(*gates_and_readout)


@pytest.mark.parametrize("gates_and_readout", NOISES.values(), ids=NOISES)
@pytest.mark.parametrize(
    ("observable", "terms"),
    [
        ({"ZI": 1.0, "IZ": 1.0}, [("ZZ", signs("ZI") + signs("IZ"))]),
        (
            {"ZI": 0.7, "IZ": -0.4, "ZZ": 1.1, "II": 0.3},
            [("ZZ", 0.7 * signs("ZI") - 0.4 * signs("IZ") + 1.1 * signs("ZZ") + 0.3)],
        ),
        ({"XI": 1.0, "IZ": 2.0}, [("XZ", signs("XI") + 2 * signs("IZ"))]),
        (
            {"XY": 1.0, "ZI": 0.5, "IZ": 0.5},
            [("XY", signs("XY")), ("ZZ", (signs("ZI") + signs("IZ")) / 2)],
        ),
    ],
)
def test_sums_have_the_covariances_of_what_is_measured_together(
    observable, terms, gates_and_readout
):
    model, circuit, repetitions = noise_model(*gates_and_readout), two_qubits(), 4000
    estimator = BatchedEstimator(noise_model=model, seed=1)
    pub = (circuit, observable, np.repeat(SETTINGS, repetitions, axis=0), 0.2)
    found = estimator.run([pub]).result()[0].data.evs.reshape(-1, repetitions)
    for setting, drawn in zip(SETTINGS, found, strict=True):
        bound = circuit.assign_parameters(setting)
        assert sums_fit(drawn, terms, bound, model, gates_and_readout[1], shots=25)


@pytest.mark.parametrize(
    ("observable", "mean", "variance"),
    [
        (["ZI", "IZ"], 0.0, 4.0),
        (["ZZ", "II"], 2.0, 0.0),
        (["XX", "ZZ", "YY"], 1.0, 0.0),
        (["XI", "IX"], 0.0, 4.0),
        (["ZI", "IX"], 0.0, 2.0),
        (["ZI", "XI"], 0.0, 2.0),
    ],
)
def test_sums_on_a_bell_state_have_the_variances_of_theory(observable, mean, variance):
    shots, repetitions = 100, 600
    estimator = BatchedEstimator(seed=2)
    pubs = [(bell(), SparsePauliOp(observable), None, 0.1)] * repetitions
    data = [one.data for one in estimator.run(pubs).result()]
    assert fits(np.array([one.evs for one in data]), mean, variance / shots)
    found = np.mean([one.stds**2 for one in data])
    assert found == pytest.approx(variance / shots, rel=0.01, abs=1e-12)


def test_opposite_signs_on_a_bell_state_leave_no_noise():
    found = BatchedEstimator(seed=0).run([(bell(), {"ZI": 1.0, "IZ": -1.0})], precision=0.3)
    data = found.result()[0].data
    assert (data.evs, data.stds) == (0.0, 0.0)


@pytest.mark.parametrize("gates_and_readout", NOISES.values(), ids=NOISES)
def test_errors_that_are_returned_agree_with_the_spread(gates_and_readout):
    observable = {"ZI": 0.7, "IZ": -0.4, "XX": 0.5, "II": 3.0}
    estimator = BatchedEstimator(noise_model=noise_model(*gates_and_readout), seed=3)
    repetitions = 4000
    x = np.repeat(SETTINGS[1:], repetitions, axis=0)
    data = estimator.run([(two_qubits(), observable, x, 0.2)]).result()[0].data
    evs, stds = (part.reshape(-1, repetitions) for part in (data.evs, data.stds))
    ratio = evs.var(axis=1, ddof=1) / (stds**2).mean(axis=1)
    assert np.abs(ratio - 1).max() < SIGMAS * np.sqrt(2 / repetitions) * 1.1


def test_the_error_of_a_single_string_is_the_formula_that_is_stated():
    pub = (two_qubits(), "XX", SETTINGS, 0.1)
    data = BatchedEstimator(seed=3).run([pub]).result()[0].data
    assert data.stds == pytest.approx(np.sqrt((1 - data.evs**2) / 99))


def test_a_single_shot_has_no_error():
    data = BatchedEstimator(seed=0).run([(bell(), ["ZI", "XX"])], precision=1.0).result()[0]
    assert data.metadata["shots"] == 1
    assert set(np.abs(data.data.evs)) == {1.0}
    assert np.isnan(data.data.stds).all()


@pytest.mark.parametrize("precision", [1.0, 0.5])
@pytest.mark.parametrize("others", [[], ["ZI"], ["ZI", "XX"]])
def test_the_identity_has_no_error_whatever_is_asked_besides(others, precision):
    pub = (bell(), ["II", *others], None, precision)
    data = BatchedEstimator(seed=0).run([pub]).result()[0].data
    assert (data.evs[0], data.stds[0]) == (1, 0)


@pytest.mark.parametrize("gates_and_readout", NOISES.values(), ids=NOISES)
def test_means_and_errors_agree_with_backend_estimator_on_aer(gates_and_readout):
    model, circuit, repetitions = noise_model(*gates_and_readout), two_qubits(), 40
    observable = SparsePauliOp(["ZI", "IZ", "XX", "II"], [0.7, -0.4, 0.5, 0.2])
    x = np.repeat(SETTINGS[1:4], repetitions, axis=0)
    backend = AerSimulator(noise_model=model, seed_simulator=4, method="density_matrix")
    pub = (circuit, observable, x, 0.05)
    theirs = BackendEstimatorV2(backend=backend).run([pub]).result()[0]
    ours = BatchedEstimator(noise_model=model, seed=4).run([pub]).result()[0]
    assert ours.metadata["shots"] == theirs.metadata["shots"]
    means = [one.data.evs.reshape(3, -1).mean(axis=1) for one in (ours, theirs)]
    spread = np.hypot(*[one.data.evs.reshape(3, -1).std(axis=1) for one in (ours, theirs)])
    assert np.abs(means[0] - means[1]).max() < (SIGMAS * spread / np.sqrt(repetitions)).min()
    ratio = spread**2 / 2 / (ours.data.stds.reshape(3, -1) ** 2).mean(axis=1)
    assert np.abs(ratio - 1).max() < SIGMAS * np.sqrt(1 / repetitions)


def correlation(first, second):
    return np.corrcoef(np.ravel(first), np.ravel(second))[0, 1] * np.sqrt(np.size(first))


@pytest.mark.parametrize("observable", ["ZI", {"ZI": 1.0, "IZ": 1.0}])
def test_noise_of_pubs_runs_and_elements_is_independent(observable):
    estimator, circuit = BatchedEstimator(seed=6, default_precision=0.2), two_qubits()
    pub = (circuit, observable, np.tile(SETTINGS[1], (5000, 1)))
    results = [*estimator.run([pub, pub]).result(), *estimator.run([pub]).result()]
    first, second, third = (one.data.evs for one in results)
    pairs = [(first, second), (first, third), (first[1:], first[:-1]), (first[::2], first[1::2])]
    assert all(abs(correlation(*pair)) < SIGMAS for pair in pairs)


def test_observables_of_one_element_share_shots_only_where_measured_together():
    estimator = BatchedEstimator(seed=6, default_precision=0.2)
    circuit = two_qubits().assign_parameters(SETTINGS[2])
    pub = (circuit, ["ZI", "IZ", "XX"])
    drawn = np.array([one.data.evs for one in estimator.run([pub] * 500).result()])
    assert correlation(drawn[:, 0], drawn[:, 1]) > 2 * SIGMAS
    assert abs(correlation(drawn[:, 0], drawn[:, 2])) < SIGMAS


def test_one_seed_gives_one_stream():
    pub = (two_qubits(), ["ZI", "XX"], SETTINGS[:, None], 0.1)

    def drawn(seed, runs=2):
        estimator = BatchedEstimator(seed=seed)
        return np.array([estimator.run([pub]).result()[0].data.evs for _ in range(runs)])

    first = drawn(7)
    assert np.array_equal(first, drawn(7))
    assert np.array_equal(first, drawn(np.random.default_rng(7)))
    assert not np.array_equal(first[0], first[1])
    assert not np.array_equal(first, drawn(8))
    assert not np.array_equal(drawn(None), drawn(None))


def test_a_generator_is_used_and_goes_on():
    rng, pub = np.random.default_rng(7), (two_qubits(), "ZI", SETTINGS, 0.1)
    before = rng.bit_generator.state
    first = BatchedEstimator(seed=rng).run([pub]).result()[0].data.evs
    assert rng.bit_generator.state != before
    assert not np.array_equal(first, BatchedEstimator(seed=rng).run([pub]).result()[0].data.evs)


def test_exact_values_draw_nothing():
    rng = np.random.default_rng(7)
    before = rng.bit_generator.state
    BatchedEstimator(seed=rng).run([(two_qubits(), "ZI", SETTINGS)]).result()
    assert rng.bit_generator.state == before


def test_the_number_of_threads_does_not_change_the_draws():
    pub = (two_qubits(), ["ZI", "XX"], np.tile(SETTINGS, (20, 1))[:, None], 0.1)
    found = [BatchedEstimator(seed=3, threads=n).run([pub]).result()[0].data.evs for n in (1, 2, 5)]
    assert np.array_equal(found[0], found[1])
    assert np.array_equal(found[0], found[2])


def test_jobs_that_are_started_together_draw_as_if_one_after_the_other():
    wide = QuantumCircuit(10)
    wide.ry(Parameter("a"), range(10))
    for qubit in range(10):
        wide.cx(qubit, (qubit + 1) % 10)
    slow = (wide, ["Z" * 10, "X" * 10], np.ones((3000, 1, 1)), 0.1)
    quick = (two_qubits(), "ZI", SETTINGS, 0.1)

    def drawn(wait):
        estimator = BatchedEstimator(seed=3)
        first = estimator.run([slow])
        if wait:
            first.result()
        second = estimator.run([quick])
        return np.ravel(first.result()[0].data.evs), second.result()[0].data.evs

    for one, other in zip(drawn(wait=True), drawn(wait=False), strict=True):
        assert np.array_equal(one, other)


SUMS = [
    SparsePauliOp("ZI"),
    SparsePauliOp(["ZI", "IZ"]),
    SparsePauliOp(["ZI", "IZ", "XX", "II"], [0.7, -0.4, 0.5, 2.0]),
]


@pytest.mark.parametrize("gates_and_readout", NOISES.values(), ids=NOISES)
@pytest.mark.parametrize("observable", SUMS)
def test_drawn_derivatives_have_the_mean_and_the_variance_of_shifts(observable, gates_and_readout):
    assert slopes_fit(observable, *gates_and_readout)


def test_the_variance_of_a_derivative_is_that_of_both_shifts():
    circuit = QuantumCircuit(1)
    circuit.ry(Parameter("a"), 0)
    program = Simulator().program(circuit)
    x, shots = np.full((4000, 1), 0.4), 100
    found = sampled_jacobian(
        program, x, SparsePauliOp("Z"), np.ones(1, dtype=bool), shots, np.random.default_rng(0)
    )
    variance = (1 - np.sin(0.4) ** 2) / shots / 2
    assert fits(found.derivatives[:, 0], -np.sin(0.4), variance)
    assert found.derivative_variances.mean() == pytest.approx(variance, rel=0.01)


def halved_signs(expected, shots, rng):
    return draw_signs(expected, 2 * shots, rng) / 2


def halved_counts(table, shots, rng):
    return draw_counts(table, 2 * shots, rng) / 2


def too_even_signs(expected, shots, rng):
    return draw_signs(0.9 * expected, shots, rng)


def signs_of_shared_noise(expected, shots, rng):
    uniform = np.random.default_rng(0).random(expected.shape[-1])
    plus = binom.ppf(uniform, shots, np.clip((1 + expected) / 2, 0, 1))
    return np.stack([plus, shots - plus], axis=-1)


def counts_of_shared_noise(table, shots, rng):
    half = len(table) // 2
    uniform = np.tile(rng.random((half, shots)), (2, 1))
    outcomes = (uniform[:, :, None] > np.cumsum(table, axis=1)[:, None, :-1]).sum(axis=2)
    return (outcomes[:, :, None] == np.arange(table.shape[1])).sum(axis=1).astype(float)


@pytest.mark.parametrize("broken", [halved_signs, too_even_signs])
def test_values_of_a_broken_draw_would_be_noticed(monkeypatch, broken):
    monkeypatch.setattr("qnlr.simulator.shots.draw_signs", broken)
    assert not single_strings_fit(repetitions=1000)


def test_sums_of_a_broken_draw_would_be_noticed(monkeypatch):
    monkeypatch.setattr("qnlr.simulator.shots.draw_counts", halved_counts)
    bound = two_qubits().assign_parameters(SETTINGS[1])
    pubs = [(bound, {"ZI": 1.0, "IZ": 1.0}, None, 0.2)] * 400
    drawn = np.array([one.data.evs for one in BatchedEstimator(seed=1).run(pubs).result()])
    terms = [("ZZ", signs("ZI") + signs("IZ"))]
    assert not sums_fit(drawn, terms, bound, NoiseModel(), False, shots=25)


@pytest.mark.parametrize(
    ("observable", "name", "broken"),
    [
        (SUMS[0], "draw_signs", signs_of_shared_noise),
        (SUMS[0], "draw_signs", too_even_signs),
        (SUMS[1], "draw_counts", counts_of_shared_noise),
    ],
)
def test_derivatives_of_a_broken_draw_would_be_noticed(monkeypatch, observable, name, broken):
    monkeypatch.setattr(f"qnlr.simulator.jacobian.{name}", broken)
    assert not slopes_fit(observable)


def test_strings_are_grouped_once_each_with_the_signs_they_have():
    paulis = PauliList(["III", "ZII", "IZZ", "XXI", "IIY", "YIY", "XIX", "ZZZ", "IXI"])
    groups = group(paulis)
    assert sorted(np.concatenate([one.members for one in groups])) == list(range(9))
    for one in groups:
        assert one.strings == paulis[one.members]
        matrix = np.where(one.strings.x, 1, 0) + np.where(one.strings.z, 2, 0)
        assert all(len({*column} - {0}) <= 1 for column in matrix.T)
        if len(one.strings) > 1:
            bits = np.arange(1 << len(one.basis.qubits))[:, None] >> np.arange(
                len(one.basis.qubits)
            )
            on = (one.strings.x | one.strings.z)[:, list(one.basis.qubits)]
            assert np.array_equal(one.signs, np.array([(-1.0) ** ((bits & 1) @ row) for row in on]))


def test_strings_on_too_many_qubits_at_once_are_refused():
    strings = ["Z" + "I" * 16, "I" + "Z" * 16]
    circuit = QuantumCircuit(17)
    with pytest.raises(InputError, match="17 qubits at once"):
        BatchedEstimator().run([(circuit, SparsePauliOp(strings), None, 0.1)]).result()
    data = BatchedEstimator().run([(circuit, "Z" * 17, None, 0.1)]).result()[0].data
    assert data.evs == 1


def test_expectations_a_little_beyond_one_are_drawn_as_one():
    counts = draw_signs(np.array([1 + 1e-12, -1 - 1e-12]), 10, np.random.default_rng(0))
    assert np.array_equal(counts, [[10, 0], [0, 10]])


def test_tables_that_add_up_to_nearly_one_are_drawn_from():
    table = np.array([[0.5 + 1e-9, 0.5 + 1e-9, 0, 0], [1e-17, 0.25, 0.75 - 1e-9, 0]])
    rng = np.random.default_rng(0)
    counts = draw_counts(table, 1000, rng)
    assert np.array_equal(counts.sum(axis=1), [1000, 1000])
    assert not counts[:, 3].any()


@pytest.mark.parametrize("seed", range(3))
def test_outcomes_have_the_probabilities_of_the_table(seed):
    rng = np.random.default_rng(seed)
    table = rng.dirichlet(np.full(16, 0.5), size=4)
    table[:, [0, 5, 15]] = 0
    table /= table.sum(axis=1, keepdims=True)
    drawn = draw_outcomes(table, 20_000, rng)
    counts = np.array([np.bincount(row, minlength=16) for row in drawn])
    assert not counts[:, [0, 5, 15]].any()
    deviations = counts - 20_000 * table
    assert np.all(np.abs(deviations) <= SIGMAS * np.sqrt(20_000 * table * (1 - table)) + 1)


def test_means_and_errors_are_those_of_the_list_of_shots():
    values = np.array([1.0, -0.5, 2.0])
    mean, variance = mean_and_error(np.array([[3.0, 4.0, 5.0]]), values)
    shots = np.repeat(values, [3, 4, 5])
    assert mean == pytest.approx(shots.mean())
    assert variance == pytest.approx(shots.var(ddof=1) / 12)


@pytest.mark.parametrize("seed", ["a", -1, 1.5, [-1]])
def test_what_is_no_seed_is_refused(seed):
    with pytest.raises(InputError, match="seed = "):
        generator(seed)
