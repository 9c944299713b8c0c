"""Shots of its own for every weight: right on average, as precise as asked, paid for exactly."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from qiskit.quantum_info import SparsePauliOp

from qnlr.backends import (
    AerBackend,
    Allocated,
    Meter,
    MeteredBackend,
    MitigatedBackend,
    SimulatorBackend,
    statevector,
)
from qnlr.backends.gradients import reshot
from qnlr.backends.gradients.shift_rule import differences
from qnlr.backends.ibm import DeviceSettings, IBMBackend
from qnlr.circuits import angle, hardware_efficient, variational_circuit, z
from qnlr.errors import InputError
from qnlr.noise import from_rate
from qnlr.types import Cost

ANGLES = np.array([[0.3, -1.2], [0.8, 0.1]])
SHOTS = np.array([0, 20, 40, 80, 8, 160])
FIELDS = ("values", "stds", "derivatives", "derivative_stds", "cost")
OBSERVABLES = {
    "one Pauli": (z(2, 1), 1),
    "one group": (SparsePauliOp(["ZZ", "IZ", "ZI", "II"], [0.5, 0.4, -0.3, 0.2]), 1),
    "three groups": (SparsePauliOp(["ZZ", "IX", "YX", "XI"], [0.5, 0.4, -0.3, 0.2]), 3),
}
each_observable = pytest.mark.parametrize("name", OBSERVABLES)
spreads = arrays(np.int64, 6, elements=st.integers(0, 30))


@pytest.fixture(scope="module")
def models():
    circuit = angle(2, 2), hardware_efficient(2, 1)
    return {name: variational_circuit(*circuit, one) for name, (one, _) in OBSERVABLES.items()}


class OneByOne:
    """A simulator that knows no shorter way than a job for each number of shots."""

    def __init__(self, backend):
        self.backend, self.shots = backend, backend.shots
        self.circuits_per_value = backend.circuits_per_value
        self.values = backend.values

    def with_shots(self, shots):
        return OneByOne(self.backend.with_shots(shots))


class Fixed:
    """A backend whose shots are what they are."""

    def __init__(self, backend):
        self.shots, self.circuits_per_value = backend.shots, backend.circuits_per_value
        self.values, self.jacobian = backend.values, backend.jacobian


def measured(backend, weights, shots=SHOTS, rng=0):
    rng = np.random.default_rng(rng)
    return Allocated(shots).jacobian(backend, weights, ANGLES, rng, rng, {})[0]


def drawn(backend, weights, shots, times):
    """Return values, derivatives and the standard errors of both, of many draws."""
    rng = np.random.default_rng(7)
    found = [measured(backend, weights, shots, rng) for _ in range(times)]
    return [np.array([getattr(one, name) for one in found]) for name in FIELDS[:4]]


def assert_drawn_around(truth, found, asked, fits_variance):
    """Check the means, and that deviations are as large as the standard errors say."""
    values, stds, derivatives, slope_stds = found
    for seen, errors, exact in (
        (values, stds, truth.values),
        (derivatives[..., asked], slope_stds[..., asked], truth.derivatives[:, asked]),
    ):
        variances = (errors**2).mean(axis=0)
        np.testing.assert_array_less(
            np.abs(seen.mean(axis=0) - exact), 5 * np.sqrt(variances / len(seen))
        )
        assert fits_variance(seen - exact, variances)
    assert not derivatives[..., ~asked].any()
    assert not slope_stds[..., ~asked].any()


@each_observable
@pytest.mark.parametrize("noise", [None, from_rate(0.02, readout=0.05)], ids=["clean", "noisy"])
@pytest.mark.parametrize("around", [lambda one: one, OneByOne], ids=["at once", "one by one"])
def test_draws_spread_around_the_exact_derivatives(
    around, noise, name, models, weights, fits_variance
):
    exact = SimulatorBackend(models[name], noise=noise)
    truth = exact.jacobian(weights, ANGLES, np.random.default_rng(0))
    backend = around(SimulatorBackend(models[name], shots=10, noise=noise))
    found = drawn(backend, weights, SHOTS, 120)
    assert_drawn_around(truth, found, SHOTS > 0, fits_variance)


OTHERS = {
    "statevector": (statevector, "three groups", None),
    "aer": (AerBackend, "three groups", None),
    # Aer also turns bases with noise, so that Paulis of Z alone are what both measure alike.
    "noisy aer": (AerBackend, "one group", from_rate(0.02, readout=0.05)),
}


@pytest.mark.parametrize("kind", OTHERS)
def test_other_backends_draw_the_same_one_by_one(kind, models, weights, fits_variance):
    make, name, noise = OTHERS[kind]
    backend = make(models[name], shots=10, **({} if noise is None else {"noise": noise}))
    assert not hasattr(backend, "allocated_jacobian")
    shots = np.array([0, 100, 400, 100, 0, 400])
    exact = SimulatorBackend(models[name], noise=noise)
    truth = exact.jacobian(weights, ANGLES, np.random.default_rng(0))
    assert_drawn_around(truth, drawn(backend, weights, shots, 12), shots > 0, fits_variance)


def test_standard_errors_of_one_pauli_are_the_closed_form(models, weights):
    r"""s_k² = [(1 − f₊²) + (1 − f₋²)]/(4 n_k), on average, and (1 − f²)/max n for the value."""
    shots, model = np.array([5, 20, 80, 320, 10, 40]), models["one Pauli"]
    shifts = np.pi / 2 * np.eye(6)
    rows = np.vstack([weights, weights + shifts, weights - shifts])
    exact = statevector(model).values(rows, ANGLES, np.random.default_rng(0)).values
    there, plus, minus = exact[0], exact[1:7].T, exact[7:].T
    _, stds, _, slope_stds = drawn(SimulatorBackend(model, shots=10), weights, shots, 1000)
    expected = (2 - plus**2 - minus**2) / (4 * shots)
    np.testing.assert_allclose((slope_stds**2).mean(axis=0), expected, rtol=0.06)
    np.testing.assert_allclose((stds**2).mean(axis=0), (1 - there**2) / 320, rtol=0.02)


@each_observable
@pytest.mark.parametrize("noise", [None, from_rate(0.02, readout=0.05)], ids=["clean", "noisy"])
def test_a_hundred_times_the_shots_give_a_tenth_of_the_error(name, noise, models, weights):
    backend = SimulatorBackend(models[name], shots=10, noise=noise)
    few = measured(backend, weights, np.full(6, 10_000))
    for place in range(6):
        shots = np.full(6, 10_000)
        shots[place] *= 100
        more = measured(backend, weights, shots)
        ratio = few.derivative_stds / more.derivative_stds
        expected = np.where(np.arange(6) == place, 10.0, 1.0)
        np.testing.assert_allclose(ratio, np.broadcast_to(expected, ratio.shape), rtol=0.1)
        np.testing.assert_allclose(few.stds / more.stds, 10.0, rtol=0.1)


@each_observable
@pytest.mark.parametrize("noise", [None, from_rate(0.02, readout=0.05)], ids=["clean", "noisy"])
def test_equal_shots_are_the_plain_jacobian_draw_for_draw(name, noise, models, weights):
    backend = SimulatorBackend(models[name], shots=37, noise=noise)
    plain = backend.jacobian(weights, ANGLES, np.random.default_rng(3))
    equal = measured(backend, weights, np.full(6, 37), 3)
    for field in FIELDS:
        np.testing.assert_equal(getattr(equal, field), getattr(plain, field))


@settings(max_examples=20)
@given(shots=spreads)
@each_observable
@pytest.mark.parametrize("around", [lambda one: one, OneByOne], ids=["at once", "one by one"])
def test_what_is_asked_is_what_is_paid(around, name, shots, models, weights):
    meter = Meter()
    backend = MeteredBackend(around(SimulatorBackend(models[name], shots=7)), meter)
    found = measured(backend, weights, shots)
    each, asked = len(ANGLES) * OBSERVABLES[name][1], shots > 0
    jobs = 1 if around is not OneByOne else max(1, len(np.unique(shots[asked])))
    circuits = each * Allocated(shots).rows(6)
    assert circuits == each * (2 * asked.sum() + 1)
    assert found.cost == Cost(circuits, each * (2 * shots.sum() + max(1, shots.max())), jobs)
    assert meter.cost == found.cost
    assert not found.derivatives[:, ~asked].any()
    assert not found.derivative_stds[:, ~asked].any()
    assert np.isfinite(found.values).all()


@pytest.mark.parametrize("kind", [statevector, AerBackend])
def test_other_backends_are_paid_the_same(kind, model, weights):
    backend, shots = kind(model, shots=7), np.array([0, 3, 3, 0, 9, 1])
    assert measured(backend, weights, shots).cost == Cost(9 * 2, (2 * 16 + 9) * 2, 3)
    assert measured(backend, weights, 0 * shots).cost == Cost(2, 2, 1)
    assert backend.shots == 7


def test_differences_are_halves_of_what_is_measured_beside(model, weights):
    shifts = np.pi / 2 * np.eye(6)[[1, 4]]
    exact = differences(statevector(model), weights, shifts, ANGLES, np.random.default_rng(0))
    whole = statevector(model).jacobian(weights, ANGLES, np.random.default_rng(0))
    np.testing.assert_allclose(exact.values, whole.derivatives[:, [1, 4]].T, atol=1e-12)
    shot = differences(
        statevector(model, shots=50), weights, shifts, ANGLES, np.random.default_rng(0)
    )
    assert (shot.values.shape, shot.cost) == ((2, 2), Cost(8, 400, 1))
    assert (shot.stds > 0).all()


@pytest.mark.parametrize(
    "shots",
    [
        np.array([1, 2, -1, 0, 0, 0]),
        np.ones(6),
        np.ones(6, dtype=bool),
        np.ones((1, 6), dtype=int),
        np.array(3),
    ],
)
def test_shots_must_be_counts(shots):
    with pytest.raises(InputError, match="must be integers of at least 0, one for each weight"):
        Allocated(shots)


def test_shots_must_fit(model, weights):
    with pytest.raises(InputError, match="there are 5 numbers of shots for 6 weights"):
        measured(SimulatorBackend(model, shots=7), weights, SHOTS[:5])
    for exact in (SimulatorBackend(model), statevector(model)):
        with pytest.raises(InputError, match="where values are exact"):
            measured(exact, weights)


def test_other_shots_leave_the_backend_as_it_is(model, weights):
    backend, meter = SimulatorBackend(model, shots=7), Meter()
    other = reshot(backend, 30)
    assert (backend.shots, other.shots) == (7, 30)
    metered = MeteredBackend(backend, meter).with_shots(np.int64(11))
    metered.values(weights, ANGLES, np.random.default_rng(0))
    assert (metered.shots, meter.cost) == (11, Cost(2, 22, 1))
    fresh = SimulatorBackend(model, shots=30)
    for one in (other, fresh):
        found = one.jacobian(weights, ANGLES, np.random.default_rng(1))
        assert found.cost.shots == 30 * 26
    np.testing.assert_array_equal(
        other.jacobian(weights, ANGLES, np.random.default_rng(1)).derivatives,
        fresh.jacobian(weights, ANGLES, np.random.default_rng(1)).derivatives,
    )


@pytest.mark.parametrize("shots", [0, -3, 2.5, 2**31])
def test_other_shots_must_be_valid(shots, model):
    with pytest.raises(InputError, match=f"shots = {shots} is not valid"):
        statevector(model, shots=5).with_shots(shots)


def test_exact_values_take_no_shots(model):
    for backend in (SimulatorBackend(model), statevector(model)):
        with pytest.raises(InputError, match="shots = 5 cannot be asked for"):
            backend.with_shots(5)


def test_mitigated_shots_are_fixed(model, weights):
    noise = from_rate(0.01, readout=0.1)
    backend = MitigatedBackend(model, shots=50, noise=noise, readout=True)
    for refused in (lambda: backend.with_shots(60), lambda: measured(backend, weights)):
        with pytest.raises(InputError, match="a mitigated backend has those it was made with"):
            refused()
    plain = MitigatedBackend(model, shots=50, noise=noise)
    assert plain.with_shots(60).shots == 60
    for field in FIELDS:
        np.testing.assert_equal(
            getattr(measured(plain, weights), field),
            getattr(measured(SimulatorBackend(model, shots=50, noise=noise), weights), field),
        )


def test_shots_of_a_device_are_fixed(model, weights):
    backend = IBMBackend(model, DeviceSettings("fake_lagos", shots=60, transpiler_seeds=1))
    for refused in (lambda: backend.with_shots(50), lambda: measured(backend, weights)):
        with pytest.raises(InputError, match=r"a device has those of \[backend\]"):
            refused()


def test_a_backend_that_cannot_change_its_shots_is_named(model, weights):
    fixed = Fixed(SimulatorBackend(model, shots=9))
    for backend in (fixed, MeteredBackend(fixed, Meter())):
        with pytest.raises(InputError, match="those of Fixed are fixed; take the simulator"):
            measured(backend, weights)
