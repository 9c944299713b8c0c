import numpy as np
import pytest
from pydantic import TypeAdapter
from qiskit import QuantumCircuit
from qiskit.circuit import Parameter, ParameterVector
from qiskit.quantum_info import SparsePauliOp
from qiskit_aer.noise import NoiseModel, ReadoutError, depolarizing_error
from qiskit_aer.primitives import EstimatorV2

from qnlr.backends import BACKENDS, AerBackend, EstimatorBackend, MitigatedBackend, statevector
from qnlr.backends.gradients import parameter_shift
from qnlr.circuits import VariationalCircuit, hardware_efficient, mean_z, variational_circuit, z
from qnlr.errors import InputError
from qnlr.noise import Noise, ZeroNoise, ZeroNoiseEstimator, from_device, from_rate
from qnlr.study.schema import Backend
from qnlr.types import Cost

ANGLES = np.array([[0.2, 0.9], [1.3, -0.4], [2.2, 0.1]])
MIXED = SparsePauliOp(["ZZ", "IX", "YX", "II"], [0.5, 0.4, -0.3, 0.2])
RNG = np.random.default_rng


def readout_only():
    model = NoiseModel()
    model.add_readout_error(ReadoutError([[0.97, 0.03], [0.08, 0.92]]), [0])
    model.add_readout_error(ReadoutError([[0.9, 0.1], [0.05, 0.95]]), [1])
    return Noise(model, "uneven read-out errors")


def decaying():
    """A circuit in which every qubit has as many gates, all equally noisy, and their noise."""
    x, theta = Parameter("x"), ParameterVector("θ", 4)
    circuit = QuantumCircuit(2)
    circuit.ry(x, [0, 1])
    for number, weight in enumerate(theta):
        circuit.ry(weight, number % 2)
    model = NoiseModel()
    model.add_all_qubit_quantum_error(depolarizing_error(0.02, 1), ["ry"])
    model.add_all_qubit_readout_error(ReadoutError([[0.95, 0.05], [0.1, 0.9]]))
    observable = SparsePauliOp(["ZZ"])
    whole = VariationalCircuit(circuit, (x,), tuple(theta), observable, layers=1)
    return whole, Noise(model, "even noise")


def test_both_mitigations_undo_an_exponential_decay_exactly():
    model, noise = decaying()
    zero_noise = ZeroNoise((1, 3), "exponential")
    backend = MitigatedBackend(model, noise=noise, zero_noise=zero_noise, readout=True)
    weights, angles = np.array([0.3, -0.2, 0.1, 0.2]), np.array([[0.1], [-0.3]])
    found = backend.jacobian(weights, angles, RNG(0))
    ideal = statevector(model).jacobian(weights, angles, RNG(0))
    assert found.values == pytest.approx(ideal.values)
    assert found.derivatives == pytest.approx(ideal.derivatives, abs=1e-9)
    raw = MitigatedBackend(model, noise=noise).values(weights, angles, RNG(0))
    assert np.abs(raw.values - ideal.values).max() > 0.1


@pytest.mark.parametrize("extrapolation", ["linear", "exponential", "richardson"])
def test_zero_noise_is_that_around_aer(extrapolation, encoding, weights):
    model = variational_circuit(encoding, hardware_efficient(2, 1), MIXED)
    noise = from_rate(0.02, readout=0.0)
    zero_noise = ZeroNoise((1, 2, 3), extrapolation)
    found = MitigatedBackend(model, noise=noise, zero_noise=zero_noise).jacobian(
        weights, ANGLES, RNG(0)
    )
    options = {"backend_options": {"method": "density_matrix", "noise_model": noise.model}}
    around = ZeroNoiseEstimator(EstimatorV2(options=options), (1, 2, 3), extrapolation)
    expected = EstimatorBackend(model, around).jacobian(weights, ANGLES, RNG(0))
    assert found.values == pytest.approx(expected.values, abs=1e-8)
    assert found.derivatives == pytest.approx(expected.derivatives, abs=1e-8)


@pytest.mark.parametrize("observable", [z(2), mean_z(2), MIXED])
def test_readout_mitigation_gives_what_aer_gives_without_read_out_errors(
    observable, encoding, weights
):
    model = variational_circuit(encoding, hardware_efficient(2, 1), observable)
    both = readout_only()
    gates = NoiseModel()
    for one in (both.model, gates):
        one.add_all_qubit_quantum_error(depolarizing_error(0.05, 2), ["cx"])
    found = MitigatedBackend(model, noise=both, readout=True).jacobian(weights, ANGLES, RNG(0))
    expected = AerBackend(model, noise=Noise(gates, "gates")).jacobian(weights, ANGLES, RNG(0))
    assert found.values == pytest.approx(expected.values)
    assert found.derivatives == pytest.approx(expected.derivatives, abs=1e-9)


ONE_QUBIT = SparsePauliOp(["ZI", "XI", "II"], [0.7, 0.5, 0.1])


@pytest.mark.parametrize("shots", [None, 50])
def test_the_fast_jacobian_is_the_shift_rule_on_mitigated_values(shots, encoding, weights):
    model = variational_circuit(encoding, hardware_efficient(2, 1), ONE_QUBIT)
    backend = MitigatedBackend(model, shots=shots, noise=readout_only(), readout=True)
    exact = statevector(model).jacobian(weights, ANGLES, RNG(0))
    if shots is None:
        found = backend.jacobian(weights, ANGLES, RNG(0))
        slow = parameter_shift(backend, weights, ANGLES, RNG(0))
        assert found.values == pytest.approx(slow.values)
        assert found.values == pytest.approx(exact.values)
        assert found.derivatives == pytest.approx(slow.derivatives)
        assert not found.derivative_stds.any()
        assert found.cost == slow.cost == Cost(39 * 2 + 2, 0, 2)
        return
    rng = RNG(1)
    found = [backend.jacobian(weights, ANGLES[:1], rng) for _ in range(300)]
    values = np.array([one.values - exact.values[0] for one in found])
    slopes = np.array([one.derivatives - exact.derivatives[0] for one in found])
    spread = np.mean([one.stds**2 for one in found])
    assert np.mean(values**2) == pytest.approx(spread, rel=0.3)
    spreads = np.mean([one.derivative_stds**2 for one in found], axis=0)
    assert np.mean(slopes**2, axis=0) == pytest.approx(spreads, rel=0.35)
    slow = [parameter_shift(backend, weights, ANGLES[:1], rng) for _ in range(20)]
    assert np.mean([one.stds for one in slow]) == pytest.approx(np.sqrt(spread), rel=0.1)


def test_errors_of_extrapolated_values_are_their_spread(model, weights):
    backend = MitigatedBackend(
        model, shots=400, noise=from_rate(0.01), zero_noise=ZeroNoise((1, 3)), readout=True
    )
    exact = MitigatedBackend(
        model, noise=from_rate(0.01), zero_noise=ZeroNoise((1, 3)), readout=True
    )
    rng = RNG(2)
    (truth,) = exact.values(weights, ANGLES[:1], rng).values
    found = [backend.values(weights, ANGLES[:1], rng) for _ in range(200)]
    deviations = np.array([one.values[0] for one in found]) - truth
    stds = np.array([one.stds[0] for one in found])
    assert np.mean(deviations**2) == pytest.approx(np.mean(stds**2), rel=0.3)
    assert abs(deviations.mean()) < 4 * deviations.std() / np.sqrt(200)


@pytest.mark.parametrize(
    ("mitigation", "factors", "extra"),
    [
        ({}, 1, 0),
        ({"readout": True}, 1, 2),
        ({"zero_noise": ZeroNoise()}, 3, 0),
        ({"zero_noise": ZeroNoise((1, 3)), "readout": True}, 2, 2),
    ],
)
@pytest.mark.parametrize(("observable", "bases"), [(z(2), 1), (mean_z(2), 1), (MIXED, 2)])
def test_the_cost_counts_every_circuit(
    mitigation, factors, extra, observable, bases, encoding, weights
):
    model = variational_circuit(encoding, hardware_efficient(2, 1), observable)
    backend = MitigatedBackend(model, shots=20, noise=from_rate(0.01), **mitigation)
    assert backend.circuits_per_value == factors * bases
    jobs = 2 if extra else 1
    found = backend.values(weights, ANGLES, RNG(0))
    circuits = 3 * factors * bases + extra
    assert found.cost == Cost(circuits, 20 * circuits, jobs)
    found = backend.jacobian(weights, ANGLES, RNG(0))
    circuits = 39 * factors * bases + extra
    assert found.cost == Cost(circuits, 20 * circuits, jobs)


@pytest.mark.parametrize("zero_noise", [None, ZeroNoise((1, 3))])
def test_a_backend_holds_no_state(zero_noise, model, weights):
    options = {"shots": 30, "noise": from_rate(0.01), "zero_noise": zero_noise, "readout": True}
    used, fresh = (MitigatedBackend(model, **options) for _ in range(2))
    used.values(weights, ANGLES, RNG(0))
    for method in ("values", "jacobian"):
        one, other = (getattr(it, method)(weights, ANGLES, RNG(4)) for it in (used, fresh))
        assert np.array_equal(one.values, other.values)
        assert np.array_equal(one.stds, other.stds)
        assert one.cost == other.cost
    rng = RNG(4)
    first, second = (used.values(weights, ANGLES, rng).values for _ in range(2))
    assert not np.array_equal(first, second)


@pytest.mark.slow
def test_a_device_keeps_its_circuits_and_reads_the_right_qubit(encoding, weights):
    model = variational_circuit(encoding, hardware_efficient(2, 1), z(2, 1))
    noise = from_device("fake_manila")
    ideal = statevector(model).values(weights, ANGLES, RNG(0)).values
    errors = []
    for mitigation in ({}, {"readout": True}, {"readout": True, "zero_noise": ZeroNoise((1, 3))}):
        found = MitigatedBackend(model, noise=noise, **mitigation).values(weights, ANGLES, RNG(0))
        errors.append(np.abs(found.values - ideal).mean())
    assert errors[0] > 2 * errors[1] > 2 * errors[2]


def test_one_shot_has_no_standard_error(model, weights):
    noise, zero_noise = from_rate(0.0), ZeroNoise((1, 3))
    backend = MitigatedBackend(model, shots=1, noise=noise, zero_noise=zero_noise, readout=True)
    found = backend.jacobian(weights, ANGLES, RNG(0))
    assert np.isnan(found.stds).all()
    assert np.isnan(found.derivative_stds).all()


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (None, None),
        ("folding", ZeroNoise()),
        ({"name": "folding", "factors": [1, 3]}, ZeroNoise((1, 3))),
        (
            {"name": "folding", "factors": [1, 1.5, 2], "extrapolation": "exponential"},
            ZeroNoise((1, 1.5, 2), "exponential"),
        ),
    ],
)
def test_a_config_says_what_is_mitigated(given, expected, model):
    table = {"name": "mitigated", "shots": 100, "zero_noise": given, "readout": True}
    part = TypeAdapter(Backend).validate_python(table)
    again = TypeAdapter(Backend).validate_python(part.model_dump(mode="json"))
    for one in (part, again):
        backend = one.build(model=model, folder=None)
        assert isinstance(backend, BACKENDS["mitigated"])
        assert backend.zero_noise == expected
        assert backend.readout


@pytest.mark.parametrize(
    "given",
    ["fold", {"name": "folding", "extrapolation": "cubic"}, {"name": "folding", "factors": 3}],
)
def test_mistakes_in_a_config_are_found(given):
    with pytest.raises(ValueError, match="zero_noise"):
        TypeAdapter(Backend).validate_python({"name": "mitigated", "zero_noise": given})


def test_settings_are_checked_before_anything_runs(encoding):
    model = variational_circuit(encoding, hardware_efficient(2, 1), z(2))
    with pytest.raises(InputError, match="not all different"):
        MitigatedBackend(model, zero_noise=ZeroNoise((1, 1.01)))
    with pytest.raises(InputError, match="zero_noise"):
        MitigatedBackend(model, zero_noise="linear")
    with pytest.raises(InputError, match="readout"):
        MitigatedBackend(model, readout=0.1)
