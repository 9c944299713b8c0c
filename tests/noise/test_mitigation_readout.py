import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from qiskit import QuantumCircuit
from qiskit.primitives import BackendEstimatorV2, StatevectorEstimator
from qiskit.quantum_info import SparsePauliOp
from qiskit_aer import AerSimulator
from qiskit_aer.noise import NoiseModel, ReadoutError, depolarizing_error
from qiskit_aer.primitives import EstimatorV2

from qnlr.circuits import hardware_efficient
from qnlr.errors import InputError
from qnlr.noise import ReadoutMitigatedEstimator, ZeroNoiseEstimator
from qnlr.noise.mitigation import Calibration
from qnlr.simulator import BatchedEstimator

OBSERVABLE = SparsePauliOp(["ZZI", "IXZ", "YXX", "III", "IIZ"], [0.5, 0.4, -0.3, 0.2, 0.1])
CIRCUIT = hardware_efficient(3, 1)


def confused(*flips):
    """Read-out errors of every qubit: (P(1 | 0), P(0 | 1)) each."""
    model = NoiseModel()
    for qubit, (up, down) in enumerate(flips):
        model.add_readout_error(ReadoutError([[1 - up, up], [down, 1 - down]]), [qubit])
    return model


NOISE = confused((0.03, 0.1), (0.12, 0.06), (0.02, 0.2))


def weights(number, seed=0):
    return np.random.default_rng(seed).uniform(-3, 3, (number, CIRCUIT.num_parameters))


def evs(estimator, *pub):
    return estimator.run([pub]).result()[0].data.evs


flip = st.floats(0, 0.45)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(flip, flip), min_size=3, max_size=3), st.integers(0, 10**6))
def test_known_confusion_is_undone_exactly(flips, seed):
    noisy = BatchedEstimator(noise_model=confused(*flips))
    pub = CIRCUIT, [["ZII"], [OBSERVABLE], ["XYZ"]], weights(3, seed)
    found = ReadoutMitigatedEstimator(noisy).run([pub]).result()[0]
    assert found.data.evs == pytest.approx(evs(StatevectorEstimator(), *pub), abs=1e-9)
    assert not found.data.stds.any()
    up, down = np.array(flips).T
    assert found.metadata["readout"]["qubits"] == (0, 1, 2)
    assert found.metadata["readout"]["offsets"] == pytest.approx(down - up)
    assert found.metadata["readout"]["scales"] == pytest.approx(1 - down - up)


def test_projectors_are_observables_too():
    pub = CIRCUIT, ["0I1", "+ZI", "Ilr"], weights(1)[0]
    expected = evs(BatchedEstimator(), *pub)
    noisy = BatchedEstimator(noise_model=NOISE)
    assert evs(ReadoutMitigatedEstimator(noisy), *pub) == pytest.approx(expected)
    assert np.abs(evs(noisy, *pub) - expected).max() > 0.02


@pytest.mark.parametrize("make", [StatevectorEstimator, BatchedEstimator, EstimatorV2])
def test_any_estimator_without_read_out_errors_stays_exact(make):
    pub = CIRCUIT, OBSERVABLE, weights(3)
    found = ReadoutMitigatedEstimator(make()).run([pub]).result()[0].data
    assert found.evs == pytest.approx(evs(StatevectorEstimator(), *pub))


def test_measured_on_aer(fits_variance):
    backend = AerSimulator(noise_model=NOISE, seed_simulator=5)
    inner = BackendEstimatorV2(backend=backend)
    estimator = ReadoutMitigatedEstimator(inner)
    pub = CIRCUIT, [["ZZI"], ["IXZ"], ["IIZ"]], weights(5)
    found = estimator.run([pub], precision=0.01).result()[0].data
    ideal = evs(StatevectorEstimator(), *pub)
    assert fits_variance(found.evs - ideal, found.stds**2)
    raw = inner.run([pub], precision=0.01).result()[0].data
    assert not fits_variance(raw.evs - ideal, raw.stds**2)


@pytest.mark.parametrize(
    ("observable", "calibration"), [("IIZ", None), ("ZXI", 0.02), ("IIZ", 0.2)]
)
def test_standard_errors_count_those_of_the_calibration(observable, calibration, fits_variance):
    inner = BatchedEstimator(noise_model=NOISE, seed=11)
    values = weights(1, seed=3)[0]
    ideal = evs(StatevectorEstimator(), CIRCUIT, observable, values)
    found = []
    for _ in range(200):
        estimator = ReadoutMitigatedEstimator(inner, calibration)
        result = estimator.run([(CIRCUIT, observable, values, 0.05)]).result()
        found.append((result[0].data.evs, result[0].data.stds))
    deviations, stds = np.array(found).T - np.array([[ideal], [0]])
    assert np.mean(deviations**2) == pytest.approx(np.mean(stds**2), rel=0.35)
    if calibration != 0.2:  # so coarse a calibration is biased to second order
        assert fits_variance(deviations, stds**2)
        assert abs(deviations.mean()) < 4 * deviations.std() / np.sqrt(200)


def test_slopes_are_the_derivatives_by_what_the_calibration_measured():
    m = np.array([[0.9, 0.8, 0.95], [-0.85, -0.7, -0.9]])
    stds = np.full(3, 0.1)
    known = Calibration((0, 1, 2), *m, stds, stds)
    slopes = known.slopes(OBSERVABLE)
    assert [std for std, _ in slopes] == [0.1] * 6
    for number, (_, slope) in enumerate(slopes):
        step = np.zeros((2, 3))
        step[number % 2, number // 2] = 1e-5
        plus, minus = (
            Calibration((0, 1, 2), *(m + sign * step), stds, stds).corrected(OBSERVABLE)
            for sign in (1, -1)
        )
        np.testing.assert_allclose(
            slope.to_matrix(), (plus.to_matrix() - minus.to_matrix()) / 2e-5, atol=1e-8
        )


def test_calibrations_are_kept_for_each_set_of_qubits():
    estimator = ReadoutMitigatedEstimator(BatchedEstimator(noise_model=NOISE, seed=0))
    pubs = [
        (CIRCUIT, "IIZ", weights(4)),
        (CIRCUIT, "ZZI", weights(1)[0]),
        (CIRCUIT, "IIX", weights(2)),
    ]

    def cost(some, **options):
        told = estimator.run(some, **options).result().metadata
        return told["circuits"], told["jobs"], told["calibration_circuits"]

    assert cost(pubs[:1], precision=0.1) == (4 + 2, 2, 2)
    assert cost(pubs, precision=0.1) == (7 + 2, 2, 2)
    assert cost(pubs, precision=0.1) == (7, 1, 0)
    assert cost(pubs[:1], precision=0.05) == (4 + 2, 2, 2)
    assert len(estimator.calibrations) == 3
    estimator.calibrations.clear()
    assert cost(pubs, precision=0.1) == (7 + 4, 2, 4)


def test_every_circuit_is_counted():
    seen = []

    class Watched(AerSimulator):
        def run(self, circuits, shots=None, **options):
            seen.extend([shots] * len(circuits))
            return super().run(circuits, shots=shots, **options)

    inner = BackendEstimatorV2(backend=Watched(noise_model=NOISE, seed_simulator=1))
    estimator = ReadoutMitigatedEstimator(inner)
    result = estimator.run([(CIRCUIT, OBSERVABLE, weights(3))], precision=0.1).result()
    assert result.metadata["circuits"] == len(seen)
    assert set(seen) == {100}
    each = estimator.circuits_per_value(CIRCUIT, OBSERVABLE)
    assert len(seen) == 3 * each + 2
    around = ZeroNoiseEstimator(estimator, (1, 3))
    result = around.run([(CIRCUIT, OBSERVABLE, weights(3))], precision=0.1).result()
    assert around.circuits_per_value(CIRCUIT, OBSERVABLE) == 2 * each
    assert result.metadata["circuits"] == 6 * each
    assert len(seen) == 9 * each + 2


@pytest.mark.parametrize("precision", [None, 0.1])
def test_broadcasting_is_that_of_the_wrapped_estimator(precision):
    estimator = ReadoutMitigatedEstimator(BatchedEstimator(noise_model=NOISE, seed=0))
    pubs = [
        (CIRCUIT, [["ZZI"], [OBSERVABLE]], weights(4)),
        (CIRCUIT, OBSERVABLE, weights(1)[0]),
        (CIRCUIT, ["ZII", "III", "IXI"], weights(6).reshape(2, 3, -1)),
        (CIRCUIT, "III", weights(2)),
    ]
    found = [one.data for one in estimator.run(pubs, precision=precision).result()]
    assert [one.shape for one in found] == [(2, 4), (), (2, 3), (2,)]
    assert all(one.evs.shape == one.stds.shape == one.shape for one in found)
    assert found[3].evs.tolist() == [1, 1]
    assert found[2].evs[:, 1] == pytest.approx([1, 1])
    assert found[2].stds[:, 1] == pytest.approx([0, 0])
    for pub, data in zip(pubs, found, strict=True):
        errors = np.maximum(data.stds, 1e-9)
        assert np.all(np.abs(data.evs - evs(StatevectorEstimator(), *pub)) < 5 * errors)


def decaying():
    model = confused((0.03, 0.1), (0.12, 0.06))
    model.add_all_qubit_quantum_error(depolarizing_error(0.03, 1), ["ry"])
    circuit = QuantumCircuit(2)
    for _ in range(3):
        circuit.ry(0.1, 0)
        circuit.ry(0.2, 1)
    return BatchedEstimator(noise_model=model), (circuit, ["ZZ", "XZ", "IZ"])


def test_wrappers_compose_either_way():
    inner, pub = decaying()
    ideal = evs(StatevectorEstimator(), *pub)
    outside = ZeroNoiseEstimator(ReadoutMitigatedEstimator(inner), (1, 3), "exponential")
    (one,) = outside.run([pub]).result()
    assert one.data.evs == pytest.approx(ideal)
    assert {"readout", "zero_noise"} <= one.metadata.keys()
    inside = ReadoutMitigatedEstimator(ZeroNoiseEstimator(inner, (1, 3), "richardson"))
    result = inside.run([pub]).result()
    richardson = evs(ZeroNoiseEstimator(ReadoutMitigatedEstimator(inner), (1, 3)), *pub)
    assert result[0].data.evs == pytest.approx(richardson)
    assert {"readout", "zero_noise"} <= result[0].metadata.keys()
    assert (result.metadata["circuits"], result.metadata["jobs"]) == (2 * 2 + 3, 2)


@pytest.mark.parametrize("flips", [(0.5, 0.5), (0.3, 0.68)])
def test_a_qubit_that_reads_the_same_in_both_states_is_refused(flips):
    noise = confused((0.0, 0.0), flips, (0.0, 0.0))
    estimator = ReadoutMitigatedEstimator(BatchedEstimator(noise_model=noise))
    assert evs(estimator, CIRCUIT, "ZIZ", weights(1)[0]) == pytest.approx(
        evs(StatevectorEstimator(), CIRCUIT, "ZIZ", weights(1)[0])
    )
    with pytest.raises(InputError, match=r"qubit 1 reads nearly the same"):
        estimator.run([(CIRCUIT, "IZI", weights(1)[0])])


def test_read_out_the_wrong_way_round_is_corrected():
    estimator = ReadoutMitigatedEstimator(BatchedEstimator(noise_model=confused((0.9, 0.95))))
    circuit = QuantumCircuit(1)
    circuit.ry(0.7, 0)
    assert evs(estimator, circuit, "Z") == pytest.approx(np.cos(0.7))


def test_a_string_on_too_many_qubits_is_refused():
    estimator = ReadoutMitigatedEstimator(BatchedEstimator())
    with pytest.raises(InputError, match="13 qubits at once"):
        estimator.run([(QuantumCircuit(13), "Z" * 13)])


@pytest.mark.parametrize("precision", [0, -0.1, np.nan, "high"])
def test_settings_are_checked(precision):
    with pytest.raises(InputError, match="calibration_precision"):
        ReadoutMitigatedEstimator(BatchedEstimator(), precision)
    with pytest.raises(InputError, match="EstimatorV2"):
        ReadoutMitigatedEstimator(AerSimulator())
