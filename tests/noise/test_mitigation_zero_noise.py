import numpy as np
import pytest
from qiskit import QuantumCircuit
from qiskit.circuit import ParameterVector
from qiskit.primitives import BackendEstimatorV2, StatevectorEstimator
from qiskit.quantum_info import SparsePauliOp
from qiskit_aer import AerSimulator
from qiskit_aer.noise import NoiseModel, depolarizing_error
from qiskit_aer.primitives import EstimatorV2

from qnlr.circuits import hardware_efficient
from qnlr.errors import InputError
from qnlr.noise import ZeroNoiseEstimator, from_rate
from qnlr.simulator import BatchedEstimator

NOISE = from_rate(0.01, readout=0.0).model
OBSERVABLE = SparsePauliOp(["ZZ", "IX", "YX", "II"], [0.5, 0.4, -0.3, 0.2])


def aer(noise):
    options = {"backend_options": {"method": "density_matrix", "noise_model": noise}}
    return EstimatorV2(options=options)


def batched(noise):
    return BatchedEstimator(noise_model=noise)


def local_decay(qubits=2, gates=3, rate=0.03):
    """As many noisy gates on every qubit: a string of weight w decays as (1 − p)^(w·gates·λ)."""
    x = ParameterVector("x", qubits * gates)
    circuit = QuantumCircuit(qubits)
    for number in range(gates):
        for qubit in range(qubits):
            circuit.ry(x[number * qubits + qubit], qubit)
    model = NoiseModel()
    model.add_all_qubit_quantum_error(depolarizing_error(rate, 1), ["ry"])
    return circuit, model


def evs(estimator, *pub):
    return estimator.run([pub]).result()[0].data.evs


@pytest.mark.parametrize("make", [batched, aer])
def test_exponential_extrapolation_undoes_an_exponential_decay(make):
    circuit, noise = local_decay()
    pub = circuit, "ZZ", np.random.default_rng(0).uniform(-0.5, 0.5, (5, 6))
    ideal, noisy = evs(StatevectorEstimator(), *pub), evs(make(noise), *pub)
    assert noisy == pytest.approx(ideal * 0.97**6)
    found = evs(ZeroNoiseEstimator(make(noise), (1, 2, 3), "exponential"), *pub)
    assert found == pytest.approx(ideal)
    linear = evs(ZeroNoiseEstimator(make(noise), (1, 3)), *pub)
    assert linear == pytest.approx(ideal * (1.5 * 0.97**6 - 0.5 * 0.97**18))
    assert np.all(np.abs(linear - ideal) < 0.4 * np.abs(noisy - ideal))
    cubic = evs(ZeroNoiseEstimator(make(noise), (1, 3, 5, 7), "richardson"), *pub)
    assert np.all(np.abs(cubic - ideal) < 0.1 * np.abs(linear - ideal))


@pytest.mark.parametrize("extrapolation", ["linear", "exponential", "richardson"])
def test_values_are_those_around_aer(extrapolation):
    circuit = hardware_efficient(2, 2)
    values = np.random.default_rng(1).uniform(-3, 3, (4, circuit.num_parameters))
    found, expected = (
        evs(
            ZeroNoiseEstimator(make(NOISE), (1, 1.5, 3), extrapolation), circuit, OBSERVABLE, values
        )
        for make in (batched, aer)
    )
    assert found == pytest.approx(expected, abs=1e-8)
    assert np.abs(found - evs(batched(NOISE), circuit, OBSERVABLE, values)).max() > 0.01


def test_the_bias_shrinks_where_the_decay_is_no_exponential():
    circuit = hardware_efficient(2, 3)
    pub = circuit, OBSERVABLE, np.random.default_rng(2).uniform(-3, 3, (20, circuit.num_parameters))
    ideal = evs(StatevectorEstimator(), *pub)
    before = np.abs(evs(batched(NOISE), *pub) - ideal).mean()
    for extrapolation in ("linear", "exponential", "richardson"):
        after = evs(ZeroNoiseEstimator(batched(NOISE), extrapolation=extrapolation), *pub)
        assert np.abs(after - ideal).mean() < 0.5 * before


@pytest.mark.parametrize("make", [StatevectorEstimator, BatchedEstimator, EstimatorV2])
def test_any_estimator_without_noise_stays_exact(make):
    circuit = hardware_efficient(2, 1)
    pub = circuit, OBSERVABLE, np.random.default_rng(3).uniform(-3, 3, (3, 6))
    found = ZeroNoiseEstimator(make()).run([pub]).result()[0].data
    assert found.evs == pytest.approx(evs(StatevectorEstimator(), *pub))
    assert not found.stds.any()


def test_standard_errors_are_the_spread_of_values(fits_variance):
    circuit, noise = local_decay()
    values = np.tile(np.full(6, 0.2), (1500, 1))
    ideal = evs(StatevectorEstimator(), circuit, "ZZ", values[0])
    for extrapolation in ("exponential", "richardson", "linear"):
        inner = BatchedEstimator(noise_model=noise, seed=1)
        estimator = ZeroNoiseEstimator(inner, (1, 2, 3), extrapolation)
        data = estimator.run([(circuit, "ZZ", values)], precision=0.02).result()[0].data
        spread = data.evs - data.evs.mean()
        assert fits_variance(spread, data.stds**2)
        if extrapolation != "linear":  # of which a bias is left
            assert abs(data.evs.mean() - ideal) < 4 * spread.std() / np.sqrt(1500) + 0.002


def test_counted_and_measured_on_aer(fits_variance):
    circuit, noise = local_decay()
    backend = Watched(noise_model=noise, seed_simulator=7)
    estimator = ZeroNoiseEstimator(BackendEstimatorV2(backend=backend), (1, 3), "exponential")
    observable = SparsePauliOp(["ZI", "IZ", "XX"], [0.3, 0.3, 0.3])
    values = np.random.default_rng(4).uniform(-0.4, 0.4, (6, 6))
    pubs = [(circuit, "ZZ", values), (circuit, [[observable], ["YI"]], values[:3])]
    result = estimator.run(pubs, precision=0.01).result()
    assert backend.seen == [10_000] * 2 * (6 + 3 * 3)
    assert result.metadata["circuits"] == len(backend.seen)
    assert result.metadata["jobs"] == 1
    assert estimator.circuits_per_value(circuit, observable) == 2 * 2
    assert [one.metadata["zero_noise"]["pubs"] for one in result] == [2, 2]
    deviations = result[0].data.evs - evs(StatevectorEstimator(), *pubs[0])
    assert fits_variance(deviations, result[0].data.stds ** 2)


class Watched(AerSimulator):
    seen: list[int]

    def __init__(self, **options):
        super().__init__(**options)
        self.seen = []

    def run(self, circuits, shots=None, **options):
        self.seen += [shots] * len(circuits)
        return super().run(circuits, shots=shots, **options)


def test_broadcasting_is_that_of_the_wrapped_estimator():
    circuit = hardware_efficient(2, 1)
    values = np.random.default_rng(5).uniform(-3, 3, (4, 6))
    observables = [["ZZ"], ["XI"], [OBSERVABLE]]
    estimator = ZeroNoiseEstimator(batched(NOISE))
    pubs = [(circuit, observables, values), (circuit, "ZZ", values[0]), (circuit, ["XI"], values)]
    table, single, row = (one.data for one in estimator.run(pubs).result())
    assert table.evs.shape == table.stds.shape == table.shape == (3, 4)
    assert table.evs_noise_factors.shape == (3, 4, 3)
    assert single.evs.shape == single.shape == ()
    assert row.shape == (4,)
    assert single.evs == pytest.approx(table.evs[0, 0])
    assert row.evs == pytest.approx(table.evs[1])
    raw = evs(batched(NOISE), *pubs[0])
    assert table.evs_noise_factors[..., 0] == pytest.approx(raw)


def test_metadata_tell_what_was_done():
    circuit, noise = local_decay()
    estimator = ZeroNoiseEstimator(batched(noise), (1, 1.4, 3), "exponential")
    observables = [["ZZ"], ["YI"]]  # nothing turns a qubit out of the plane of X and Z
    (one,) = estimator.run([(circuit, observables, np.full((2, 6), 0.1))]).result()
    told = one.metadata["zero_noise"]
    assert told["factors"] == pytest.approx((1, 4 / 3, 3))
    assert (told["extrapolation"], told["pubs"], told["fallbacks"]) == ("exponential", 3, 2)
    assert one.metadata["target_precision"] == 0


def test_precision_reaches_every_pub():
    circuit = hardware_efficient(2, 1)
    estimator = ZeroNoiseEstimator(BatchedEstimator(seed=0, default_precision=0.25))
    pubs = [(circuit, "ZZ", np.ones(6)), (circuit, "ZZ", np.ones(6), 0.1)]
    assert [one.metadata["shots"] for one in estimator.run(pubs).result()] == [16, 100]
    found = estimator.run(pubs, precision=0.05).result()
    assert [one.metadata["shots"] for one in found] == [400, 100]


def test_a_circuit_without_gates_runs_once():
    estimator = ZeroNoiseEstimator(batched(from_rate(0.01).model))
    (found,) = (result := estimator.run([(QuantumCircuit(2), ["ZI", "IZ"])]).result())
    assert found.data.evs == pytest.approx(np.full(2, 1 - 2 * 0.1 / 7))
    assert result.metadata["circuits"] == 1
    assert estimator.circuits_per_value(QuantumCircuit(2), SparsePauliOp("ZI")) == 1


def test_factors_that_a_short_circuit_cannot_tell_apart_are_refused():
    circuit = QuantumCircuit(1)
    circuit.x(0)
    with pytest.raises(InputError, match="not all different on a circuit of so few gates"):
        ZeroNoiseEstimator(BatchedEstimator(), (1, 1.5)).run([(circuit, "Z")])


def test_another_folding_is_taken_at_its_word():
    circuit, noise = local_decay(gates=2)

    def repeat(one, factor):
        folded = one.copy()
        for _ in range(round((factor - 1) * 2)):
            for qubit in range(2):
                folded.ry(0.0, qubit)
        return folded

    estimator = ZeroNoiseEstimator(batched(noise), (1, 1.5, 2.5), "exponential", folding=repeat)
    assert evs(estimator, circuit, "ZZ", np.full(4, 0.2)) == pytest.approx(np.cos(0.4) ** 2)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"factors": (1,)}, "two or more"),
        ({"factors": (1, 3, 3)}, "all different"),
        ({"factors": (0.5, 1)}, "at least 1"),
        ({"factors": 3}, "list"),
        ({"extrapolation": "expnential"}, 'did you mean "exponential"'),
        ({"estimator": "aer"}, "EstimatorV2"),
    ],
)
def test_settings_are_checked(settings, words):
    with pytest.raises(InputError, match=words):
        ZeroNoiseEstimator(**{"estimator": BatchedEstimator(), **settings})
