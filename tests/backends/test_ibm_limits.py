"""What fits into one job, and into one circuit."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from qiskit import QuantumCircuit

from qnlr.backends.ibm import limits
from qnlr.backends.ibm.limits import exceeded, rows_per_job
from qnlr.backends.ibm.price import Timing, qpu_seconds
from qnlr.errors import InputError

HERON, NIGHTHAWK = Timing(250e-6, 7e-6), Timing(4e-3, 7e-6)


def test_a_step_of_the_paper_fits_into_one_job_on_heron_and_not_on_nighthawk():
    assert rows_per_job(1000, 0, HERON) >= 181 * 32
    assert rows_per_job(1000, 0, NIGHTHAWK) < 181 * 32


@given(
    per_row=st.integers(1, 10**6),
    per_job=st.integers(0, 10**6),
    delay=st.floats(0, 1e-2),
    length=st.floats(0, 1e-3),
    seconds=st.none() | st.floats(1, 20_000),
)
def test_as_many_rows_as_fit_and_not_one_more(per_row, per_job, delay, length, seconds):
    timing = Timing(delay, length)
    most = min(3 * 3600, seconds or 3 * 3600)

    def excess(rows):
        """By how much of a limit so many rows pass it; below 0 if they fit."""
        executions = per_job + rows * per_row
        taken = limits.MARGIN * qpu_seconds(executions, 1, timing)
        return max(executions / 10_000_000, taken / most) - 1

    try:
        rows = rows_per_job(per_row, per_job, timing, seconds)
    except InputError:
        assert excess(1) > -1e-9
    else:
        assert rows >= 1
        assert excess(rows) < 1e-9
        assert excess(rows + 1) > -1e-9


def test_a_job_never_gets_more_than_three_hours():
    assert rows_per_job(1000, 0, NIGHTHAWK, 1e9) == rows_per_job(1000, 0, NIGHTHAWK)


def test_calibration_takes_its_share():
    assert rows_per_job(1000, 0, HERON) == 10_000
    assert rows_per_job(1000, 2000, HERON) == 9_998


@pytest.mark.parametrize("bad", [{"per_row": 20_000_000}, {"per_job": 10**7}, {"seconds": 2.0}])
def test_a_circuit_that_fits_into_no_job(bad):
    with pytest.raises(InputError, match="does not fit into one job"):
        rows_per_job(bad.get("per_row", 1), bad.get("per_job", 0), HERON, bad.get("seconds"))


def test_an_ordinary_circuit_passes_no_limit():
    circuit = QuantumCircuit(3, 3)
    circuit.sx(0)
    circuit.cz(0, 1)
    circuit.rzz(0.3, 1, 2)
    circuit.barrier()
    circuit.measure(range(3), range(3))
    assert exceeded(circuit) == []
    assert exceeded(QuantumCircuit(2)) == []


@pytest.fixture
def small_limits(monkeypatch):
    """The same limits, a million times lower, so that a test can pass them."""
    monkeypatch.setattr(limits, "TWO_QUBIT_GATES_PER_CIRCUIT", 5)
    monkeypatch.setattr(limits, "GATES_PER_CIRCUIT", {"rz": 30, "sx": 20})
    monkeypatch.setattr(limits, "CONTROL_INSTRUCTIONS_PER_QUBIT", 100)


def repeated(gate, number):
    circuit = QuantumCircuit(2, 1)
    for _ in range(number):
        getattr(circuit, gate)(*{"rz": (0.1, 0), "sx": (1,), "cz": (0, 1), "reset": (0,)}[gate])
    return circuit


@pytest.mark.usefixtures("small_limits")
@pytest.mark.parametrize(
    ("gate", "fits", "sentence"),
    [
        ("rz", 30, "has 31 rz gates, and the service takes at most 30;"),
        ("sx", 20, "has 21 sx gates, and the service takes at most 20;"),
        ("cz", 5, "has 6 two-qubit gates, and the service takes at most 5;"),
        # 50 for the initial state, and 17 for each reset
        ("reset", 2, "has 101 control instructions on qubit 0, and the service takes at most 100;"),
    ],
)
def test_a_circuit_at_a_limit_and_one_beyond_it(gate, fits, sentence):
    assert exceeded(repeated(gate, fits)) == []
    assert [one for one in exceeded(repeated(gate, fits + 1)) if sentence in one]


@pytest.mark.usefixtures("small_limits")
def test_control_instructions_are_counted_by_qubit():
    circuit = QuantumCircuit(2, 1)
    circuit.cz(0, 1)  # 5 on each
    circuit.sx(1)  # 2
    for _ in range(4):
        circuit.measure(1, 0)  # 10 each: 50 + 5 + 2 + 40 on qubit 1
    assert exceeded(circuit) == []
    circuit.sx(0)
    assert exceeded(circuit) == []
    circuit.measure(1, 0)
    assert "107 control instructions on qubit 1" in exceeded(circuit)[0]
