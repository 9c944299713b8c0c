"""QPU seconds by the published formula, against IBM's own table."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from qiskit import QuantumCircuit, transpile
from qiskit_aer import AerSimulator

from qnlr.backends.ibm.price import (
    DEFAULT_REP_DELAY,
    Price,
    Timing,
    qpu_seconds,
    quick_seconds,
)
from qnlr.circuits import amplitude, hardware_efficient, variational_circuit, z
from qnlr.errors import InputError
from qnlr.noise import fake_devices

# One parameter-shift step of the paper's model: 2·90 + 1 weight vectors, 32 samples, 1000 shots.
STEP = (2 * 90 + 1) * 32 * 1000
DAY = 86_400


@pytest.fixture(scope="module")
def devices():
    return {name: fake_devices()[f"fake_{name}"]() for name in ("kingston", "fez", "miami")}


def paper_circuit(features, data_qubits, device, measured):
    encoding = amplitude(features=features, qubits=6, data_qubits=data_qubits)
    circuit = variational_circuit(encoding, hardware_efficient(6, 5), z(6)).circuit
    if measured:
        circuit.measure_all()
    return transpile(circuit, device, optimization_level=3, seed_transpiler=11)


def test_the_quick_formula_of_the_table():
    # 2 s + 0.35 ms · 5.792 M
    assert quick_seconds(STEP) == pytest.approx(2029, abs=0.5)
    assert quick_seconds(STEP) * 500 / DAY == pytest.approx(11.7, abs=0.05)
    assert quick_seconds(1000, jobs=3) == pytest.approx(6.35)


@pytest.mark.parametrize(
    ("features", "data_qubits", "microseconds", "seconds", "days"),
    [(8, [0, 1, 2], 5, 1490, 8.6), (64, None, 19, 1575, 9.1)],
)
def test_the_table_on_kingston(devices, features, data_qubits, microseconds, seconds, days):
    # The table's lengths are those of the measured circuit, all six qubits, rounded down; the reset
    # of 2.3 µs comes on top. (250 + length + 2.3) µs · 5.792 M + 2 s, to half a per cent.
    circuit = paper_circuit(features, data_qubits, devices["kingston"], measured=True)
    timing = Timing.of(devices["kingston"], circuit)
    reset = devices["kingston"].target["reset"][(0,)].duration
    assert int((timing.circuit_seconds - reset) * 1e6) == microseconds
    step = qpu_seconds(STEP, 1, timing)
    assert step == pytest.approx(seconds, rel=0.005)
    assert step * 500 / DAY == pytest.approx(days, abs=0.06)


def test_the_table_at_a_short_rep_delay(devices):
    # (20 + 5.5 + 2.3) µs · 5.792 M + 2 s; 500 steps take about 23 hours.
    circuit = paper_circuit(8, [0, 1, 2], devices["kingston"], measured=True)
    timing = Timing.of(devices["kingston"], circuit, rep_delay=20e-6)
    assert timing.rep_delay == 20e-6
    assert qpu_seconds(STEP, 1, timing) == pytest.approx(163, abs=1)
    assert qpu_seconds(STEP, 1, timing) * 500 / 3600 == pytest.approx(23, abs=0.5)


def test_the_table_on_miami(devices):
    # (4000 + 7 + 2.4) µs · 5.792 M + 2 s: the rep_delay is nearly all of it.
    circuit = paper_circuit(8, [0, 1, 2], devices["miami"], measured=True)
    step = qpu_seconds(STEP, 1, Timing.of(devices["miami"], circuit))
    assert step == pytest.approx(23_200, rel=0.005)
    assert step * 500 / DAY == pytest.approx(134, abs=0.5)
    assert step > 3 * 3600


def test_fez_is_as_kingston(devices):
    circuit = paper_circuit(8, [0, 1, 2], devices["fez"], measured=True)
    assert qpu_seconds(STEP, 1, Timing.of(devices["fez"], circuit)) == pytest.approx(
        1490, rel=0.005
    )


def test_a_circuit_without_measurement_is_timed_with_its_qubits_measured(devices):
    device = devices["kingston"]
    bare = paper_circuit(8, [0, 1, 2], device, measured=False)
    before = bare.copy()
    timing = Timing.of(device, bare)
    with_measurement = bare.copy()
    with_measurement.measure_active()
    assert bare == before
    assert timing == Timing.of(device, with_measurement)


def test_the_length_is_the_sum_along_the_longest_path(devices):
    target = devices["kingston"].target
    circuit = QuantumCircuit(156, 1)
    circuit.sx(0)
    circuit.sx(0)
    circuit.cz(0, 1)
    circuit.measure(0, 0)
    expected = (
        2 * target["sx"][(0,)].duration
        + target["cz"][(0, 1)].duration
        + target["measure"][(0,)].duration
        + target["reset"][(0,)].duration
    )
    assert Timing.of(devices["kingston"], circuit).circuit_seconds == pytest.approx(expected)


def test_a_device_without_reset_takes_another_measurement(devices):
    circuit = QuantumCircuit(120, 1)
    circuit.measure(3, 0)
    measure = devices["miami"].target["measure"][(3,)].duration
    assert Timing.of(devices["miami"], circuit).circuit_seconds == pytest.approx(2 * measure)


def test_a_simulator_has_no_length_and_the_documented_delay():
    circuit = QuantumCircuit(2)
    circuit.ry(0.1, 0)
    circuit.cx(0, 1)
    assert Timing.of(AerSimulator(), circuit) == Timing(DEFAULT_REP_DELAY, 0.0)


@given(
    executions=st.integers(0, 10**9),
    jobs=st.integers(0, 10**4),
    delay=st.floats(0, 1e-2),
    length=st.floats(0, 1e-3),
    number=st.integers(0, 1000),
)
def test_prices_add_and_multiply(executions, jobs, delay, length, number):
    timing = Timing(delay, length)
    one = Price.of(executions, jobs, timing)
    assert one.seconds == qpu_seconds(executions, jobs, timing)
    many = Price.of(executions * number, jobs * number, timing)
    assert (many.executions, many.jobs) == (
        one.times(number).executions,
        one.times(number).jobs,
    )
    assert many.seconds == pytest.approx(one.times(number).seconds)
    twice = one + one
    assert (twice.executions, twice.jobs) == (2 * executions, 2 * jobs)
    assert twice.seconds == pytest.approx(one.times(2).seconds)


@pytest.mark.parametrize("bad", [-1e-6, float("nan"), float("inf"), "250"])
def test_times_that_are_none(bad):
    with pytest.raises(InputError, match="rep_delay = "):
        Timing(bad, 0.0)
    with pytest.raises(InputError, match="circuit_seconds = "):
        Timing(0.0, bad)


def test_counts_that_are_none():
    timing = Timing(0.0, 0.0)
    with pytest.raises(InputError, match="executions = -1"):
        qpu_seconds(-1, 1, timing)
    with pytest.raises(InputError, match=r"jobs = 0\.5"):
        qpu_seconds(1, 0.5, timing)
    with pytest.raises(InputError, match="number = -1"):
        Price().times(-1)
