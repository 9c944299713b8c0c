"""Mitigation by the primitives, on devices of 7, 27 and 156 qubits that are simulated here."""

import numpy as np
import pytest
from qiskit.quantum_info import SparsePauliOp

from qnlr.backends import DeviceSettings, IBMBackend, SimulatorBackend
from qnlr.backends.ibm.target import local_target
from qnlr.circuits import angle, hardware_efficient, variational_circuit, z
from qnlr.errors import InputError

RNG = np.random.default_rng(0)
WEIGHTS = RNG.uniform(-0.3, 0.3, 12)
ANGLES = RNG.uniform(-0.3, 0.3, (12, 2))
SHOTS = 4000
DEVICES = ["fake_lagos", "fake_kolkata", "fake_fez"]


@pytest.fixture(scope="module")
def on():
    """Make a backend; those of one device and observable share their ISA circuit."""
    targets = {}

    def make(device, observable=None, *, level=None, shots=SHOTS, **settings):
        observable = SparsePauliOp("ZZ") if observable is None else observable
        model = variational_circuit(angle(2, 2), hardware_efficient(2, 2), observable)
        if level is not None:
            settings |= {"primitive": "estimator", "options": {"resilience_level": level}}
        chosen = DeviceSettings(device, shots=shots, transpiler_seeds=2, **settings)
        key = device, str(observable)
        if key not in targets:
            targets[key] = local_target(model, chosen)
        return IBMBackend(model, chosen, targets[key])

    return make


def bias(backend, phases):
    """How far values are from the ideal ones, on average, and its standard error."""
    rng = np.random.default_rng(1)
    ideal = SimulatorBackend(backend.model).values(WEIGHTS, ANGLES, rng).values
    found = [backend.values(WEIGHTS, ANGLES, rng) for _ in range(phases)]
    variances = np.mean([one.stds**2 for one in found]) / len(ANGLES) / phases
    return np.mean([one.values - ideal for one in found]), np.sqrt(variances)


@pytest.mark.slow
@pytest.mark.parametrize("device", DEVICES)
def test_every_level_of_resilience_is_nearer_the_ideal_value_than_none(on, device):
    plain, std = bias(on(device, level=0), phases=1)
    assert plain < -8 * std
    for level in (1, 2):
        better, std = bias(on(device, level=level), phases=1)
        assert abs(better) + 4 * std < abs(plain)
        assert abs(better) < 0.6 * abs(plain)


@pytest.mark.parametrize("device", DEVICES)
def test_read_out_correction_is_nearer_the_ideal_value(on, device):
    plain, std = bias(on(device), phases=2)
    assert plain < -8 * std
    better, std = bias(on(device, readout_correction=True), phases=2)
    assert abs(better) + 5 * std < abs(plain)
    assert abs(better) < 0.5 * abs(plain)


@pytest.mark.slow
@pytest.mark.parametrize("observable", ["ZZ", "sum"])
def test_corrected_values_scatter_as_their_standard_errors_say(on, observable, fits_variance):
    terms = SparsePauliOp(["ZZ", "IX", "ZI"], [0.5, 0.4, 0.3])
    chosen = terms if observable == "sum" else SparsePauliOp(observable)
    backend = on("fake_lagos", chosen, shots=500, readout_correction=True)
    rng = np.random.default_rng(2)
    found = [backend.values(WEIGHTS, ANGLES[:2], rng) for _ in range(20)]
    values = np.array([one.values for one in found])
    variances = np.mean([one.stds**2 for one in found], axis=0)
    scatter = (values - values.mean(axis=0)) * np.sqrt(20 / 19)
    for column in range(2):  # rows of a phase share its calibration
        assert fits_variance(scatter[:, column], variances[column])


@pytest.mark.slow
def test_level_2_tells_standard_errors_that_fit_the_scatter(on):
    backend = on("fake_lagos", z(2, 1), level=2, shots=500)
    found = backend.values(WEIGHTS, np.tile(ANGLES[0], (40, 1)), np.random.default_rng(3))
    assert np.isfinite(found.stds).all()
    assert found.stds.min() > 0.2 * np.median(found.stds)
    assert 0.7 < np.sqrt(np.mean(found.stds**2)) / found.values.std(ddof=1) < 1.8


@pytest.mark.parametrize(
    "settings",
    [
        {"options": {"twirling": {"enable_gates": True, "enable_measure": True}}},
        {"options": {"dynamical_decoupling": {"enable": True, "sequence_type": "XpXm"}}},
        {"options": {"execution": {"rep_delay": 1e-4}}},
        {
            "primitive": "estimator",
            "options": {"dynamical_decoupling": {"enable": True}, "resilience_level": 1},
        },
        {
            "primitive": "estimator",
            "options": {
                "resilience": {
                    "zne_mitigation": True,
                    "zne": {"noise_factors": [1, 2], "extrapolator": "linear"},
                }
            },
        },
        {
            "primitive": "estimator",
            "options": {
                "resilience": {"measure_mitigation": True},
                "twirling": {"num_randomizations": 8, "shots_per_randomization": 100},
            },
        },
    ],
    ids=["twirled", "decoupled", "delayed", "TREX-decoupled", "ZNE", "TREX"],
)
def test_options_of_the_primitives_run(on, settings, fits_variance):
    backend = on("fake_kolkata", z(2, 1), shots=800, **settings)
    rng = np.random.default_rng(4)
    ideal = SimulatorBackend(backend.model).values(WEIGHTS, ANGLES, rng).values
    found = backend.values(WEIGHTS, ANGLES, rng)
    assert np.isfinite(found.stds).all()
    assert np.abs(found.values - ideal).max() < 0.15
    again = backend.values(WEIGHTS, ANGLES, np.random.default_rng(5))
    same = backend.values(WEIGHTS, ANGLES, np.random.default_rng(5))
    assert np.array_equal(again.values, same.values)
    assert not np.array_equal(again.values, found.values)


def test_options_change_what_is_run(on):
    plain = on("fake_kolkata", z(2, 1), shots=800)
    for options, key in (
        ({"twirling": {"enable_gates": True}}, "twirling"),
        ({"dynamical_decoupling": {"enable": True}}, "dynamical_decoupling"),
    ):
        changed = on("fake_kolkata", z(2, 1), shots=800, options=options)
        assert changed.resolved_options[key] != plain.resolved_options[key]


@pytest.mark.parametrize(
    "resilience",
    [{"pec_mitigation": True}, {"zne_mitigation": True, "zne": {"amplifier": "pea"}}],
    ids=["PEC", "PEA"],
)
@pytest.mark.parametrize(
    ("device", "said"),
    [
        ("fake_lagos", "PEA and PEC are not valid on fake_lagos: .*learned on hardware only"),
        ("ibm_lagos", "PEA and PEC need the noise .*; set learn_layer_noise = true in"),
    ],
)
def test_pec_and_pea_without_learned_noise_are_refused_in_a_sentence(on, resilience, device, said):
    local = on("fake_lagos", z(2, 1))
    settings = DeviceSettings(device, primitive="estimator", options={"resilience": resilience})
    with pytest.raises(InputError, match=said) as caught:
        IBMBackend(local.model, settings, local.target)
    assert "\n" not in str(caught.value)
