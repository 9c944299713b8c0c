"""Gradients under gate noise."""

from __future__ import annotations

import math

import numpy as np
import pytest
from qiskit.quantum_info import SuperOp
from qiskit_aer import AerSimulator

from qnlr.diagnostics.noisy_variance import _gradients, gate_noise, noisy_gradient_variance
from qnlr.diagnostics.random_gradients import Case
from qnlr.diagnostics.second_moments import second_moments
from qnlr.errors import InputError
from qnlr.noise import noise_rate
from qnlr.simulator import Simulator


@pytest.fixture(scope="module")
def found():
    return noisy_gradient_variance(
        (3,), (1, 2, 4, 8, 12, 16), (0.0, 0.02), ("z", "global_z"), samples=150, fitted_from=4
    )


def test_gradients_are_those_of_aers_density_matrix() -> None:
    case, (noise, _) = Case(2, 2, "global_z"), gate_noise(0.05)
    weights = case.weights(1, seed=0)[0]
    device = AerSimulator(method="density_matrix", noise_model=noise.model)
    rows = np.concatenate([weights + sign * np.pi / 2 * np.eye(len(weights)) for sign in (1, -1)])
    circuit = case.circuit.copy()
    circuit.save_expectation_value(case.operator, range(2))
    jobs = device.run([circuit.assign_parameters(row) for row in rows], shots=1).result()
    values = np.array([jobs.data(number)["expectation_value"] for number in range(len(rows))])
    expected = (values[: len(weights)] - values[len(weights) :]) / 2
    slopes = _gradients(case, Simulator(noise.model), 1, seed=0)[0]
    np.testing.assert_allclose(slopes, expected, atol=1e-12)
    assert np.abs(slopes).max() > 0.05


def test_what_noise_leaves_of_a_string_is_what_the_channel_does() -> None:
    noise, left = gate_noise(0.07)
    for gate, qubits, expected in (("rx", 1, left.one), ("cx", 2, left.two)):
        errors = [entry for entry in noise.model.to_dict()["errors"] if gate in entry["operations"]]
        assert len(errors) == 1
        channel = SuperOp(noise.model._default_quantum_errors[gate])
        z = np.diag([1.0, -1.0] * (2 ** (qubits - 1))).astype(complex)
        out = (channel.data @ z.flatten(order="F")).reshape(z.shape, order="F")
        np.testing.assert_allclose(out, expected * z, atol=1e-12)
    assert noise_rate(noise) == pytest.approx((0.01 + 0.1) / 3)  # read-out is perfect


def test_variances_are_the_exact_ones_and_fall_exponentially(found) -> None:
    words = {check.statement: check.word for check in found.checks}
    assert len(words) == 8
    assert "does not hold" not in words.values()
    assert words["z, 3 qubits, ν = 0.02: the variance falls exponentially with depth"] == "holds"


def test_the_rate_lies_above_what_the_shortest_string_has(found) -> None:
    rates = found.tables["rates"].set_index(
        ["observable", "qubits", "noise_rate", "quantity", "law"]
    )
    floor = -2 * math.log(gate_noise(0.02)[1].per_layer)
    row = rates.loc[("z", 3, 0.02, "mean", "exponential")]
    assert row["low"] > floor
    free = rates.loc[("global_z", 3, 0.0, "component", "exponential")]
    assert not free["decays_exponentially"]


def test_no_second_moment_is_above_the_bound(found) -> None:
    frame = found.frame
    assert (frame["theory"] <= frame["bound"] * (1 + 1e-12)).all()
    noisy = frame[(frame["noise_rate"] > 0) & (frame["layers"] > 2)]
    assert (noisy["theory"] < 0.95 * noisy["bound"]).all()


@pytest.mark.parametrize("observable", ["z", "global_z"])
def test_one_layer_meets_the_bound_where_one_qubit_is_read(observable: str) -> None:
    case, left = Case(3, 1, observable), gate_noise(0.02)[1]
    number = 0 if observable == "z" else 6
    free, noisy = (
        second_moments(case.walk, case.operator, number, noise).chosen for noise in (None, left)
    )
    meets = noisy == pytest.approx(free * left.per_layer**2)
    assert meets == (observable == "z")


def test_gradients_fall_with_depth_and_with_noise(found) -> None:
    frame = found.frame[found.frame["observable"] == "z"].set_index(["noise_rate", "layers"])
    for column in ("magnitude", "gradient_norm", "mean_variance"):
        assert frame.loc[(0.02, 16), column] < frame.loc[(0.02, 8), column]
        assert frame.loc[(0.02, 16), column] < frame.loc[(0.0, 16), column]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"layers": (2,)}, "at least 2 different depths"),
        ({"noise_rates": ()}, "at least one entry"),
        ({"noise_rates": (0.9,)}, "noise rate ν"),
        ({"qubits": (1,)}, "qubits = 1"),
        ({"qubits": (9,)}, "qubits = 9"),
        ({"samples": 2}, "samples = 2"),
    ],
)
def test_settings_that_are_not_valid_are_refused(settings, message) -> None:
    small = {"qubits": (2,), "layers": (1, 2), "noise_rates": (0.0,), "samples": 5}
    with pytest.raises(InputError, match=message):
        noisy_gradient_variance(**{**small, **settings})
