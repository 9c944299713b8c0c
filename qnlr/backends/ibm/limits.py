"""What IBM's service takes at most: in a job, a circuit, a session, a batch, on the open plan.

Source: IBM Quantum documentation, "Job limits", "Maximum execution time", "Run jobs in a session",
"Run jobs in a batch" and "Plans overview" (September 2026).
"""

from __future__ import annotations

import math
from collections import Counter

from qiskit import QuantumCircuit

from qnlr.backends.ibm.price import JOB_SECONDS, Timing
from qnlr.errors import InputError, require_count, require_positive

EXECUTIONS_PER_JOB = 10_000_000
JOB_MAX_SECONDS = 3 * 3600.0
JOBS_PREPARED_AT_ONCE = 5
SESSION_MAX_SECONDS = 8 * 3600.0
BATCH_MAX_SECONDS = {"open": 600.0, "paid": 8 * 3600.0}
OPEN_PLAN_SECONDS = 600.0
OPEN_PLAN_DAYS = 28
MARGIN = 1.25
"""How much longer than estimated a job may take, and still end within its limit."""

CONTROL_INSTRUCTIONS_PER_QUBIT = 26_800_000
CONTROL_INSTRUCTIONS = {"rz": 1, "sx": 2, "measure": 10, "reset": 17}
GATE_CONTROL_INSTRUCTIONS = {1: 2, 2: 5}
INIT_CONTROL_INSTRUCTIONS = 50
GATES_PER_CIRCUIT = {"rz": 30_000_000, "sx": 20_000_000}
TWO_QUBIT_GATES_PER_CIRCUIT = 5_000_000
_NO_GATES = ("barrier", "delay")


def rows_per_job(
    executions_per_row: int,
    executions_per_job: int,
    timing: Timing,
    max_seconds: float | None = None,
) -> int:
    r"""Return how many circuits fit into one job.

    .. math:: n = \left\lfloor \frac{\min(10^7, \frac{t_{\max}/1.25 - 2\,\mathrm{s}}
              {t_\mathrm{execution}}) - e_\mathrm{job}}{e_\mathrm{row}} \right\rfloor

    A job may take a quarter longer than estimated and still end in time: one that does not is
    charged, and gives nothing.

    Source: IBM Quantum documentation, "Job limits" and "Maximum execution time" (September 2026):
    10 million executions and 3 hours of QPU time in a job.

    Args:
        executions_per_row: Executions of each circuit, at least 1: its shots.
        executions_per_job: Executions in each job besides, at least 0, such as those of calibration
            circuits.
        timing: How long one execution takes.
        max_seconds: QPU seconds that a job may take, above 0; None for the service's 3 hours,
            which is the most in any case.

    Returns:
        The most circuits in one job, at least 1.

    Raises:
        InputError: If not even one circuit fits.

    Example:
        >>> rows_per_job(1000, 0, Timing(250e-6, 7e-6))
        10000
        >>> rows_per_job(1000, 2000, Timing(4e-3, 7e-6), max_seconds=3600)
        716
    """
    require_count("executions_per_row", executions_per_row)
    require_count("executions_per_job", executions_per_job, low=0)
    allowed = JOB_MAX_SECONDS
    if max_seconds is not None:
        allowed = min(allowed, require_positive("max_seconds", max_seconds))
    executions, left = EXECUTIONS_PER_JOB, allowed / MARGIN - JOB_SECONDS
    if left < timing.execution_seconds * executions:
        executions = math.floor(left / timing.execution_seconds) if left > 0 else 0
    rows = (executions - executions_per_job) // executions_per_row
    if rows < 1:
        raise InputError(
            f"one circuit of {executions_per_row} executions, with {executions_per_job} of "
            f"calibration, does not fit into one job: it takes at most {EXECUTIONS_PER_JOB} "
            f"executions and {allowed:g} QPU seconds; take fewer shots, or raise "
            "max_execution_time"
        )
    return rows


def exceeded(circuit: QuantumCircuit) -> list[str]:
    """Return the limits on one circuit that a circuit passes.

    Source: IBM Quantum documentation, "Job limits" (September 2026). What is not in its table of
    control instructions counts as ``sx`` on one qubit, and as ``cz`` on two.

    Args:
        circuit: An ISA circuit.

    Returns:
        A sentence for each; none if the service takes it.

    Example:
        >>> circuit = QuantumCircuit(2)
        >>> _ = circuit.sx(0), circuit.cz(0, 1)
        >>> exceeded(circuit)
        []
    """
    gates: Counter[str] = Counter()
    control: Counter[int] = Counter()
    two_qubit = 0
    for step in circuit:
        if step.name in _NO_GATES:
            continue
        size = len(step.qubits)
        gates[step.name] += 1
        two_qubit += size == 2
        for qubit in step.qubits:
            control[circuit.find_bit(qubit).index] += CONTROL_INSTRUCTIONS.get(
                step.name, GATE_CONTROL_INSTRUCTIONS.get(size, 5)
            )
    sentences = [
        _sentence(gates[name], f"{name} gates", most) for name, most in GATES_PER_CIRCUIT.items()
    ]
    sentences.append(_sentence(two_qubit, "two-qubit gates", TWO_QUBIT_GATES_PER_CIRCUIT))
    if control:
        qubit, number = control.most_common(1)[0]
        sentences.append(
            _sentence(
                number + INIT_CONTROL_INSTRUCTIONS,
                f"control instructions on qubit {qubit}",
                CONTROL_INSTRUCTIONS_PER_QUBIT,
            )
        )
    return [sentence for sentence in sentences if sentence]


def _sentence(number: int, what: str, most: int) -> str:
    if number <= most:
        return ""
    return (
        f"the circuit has {number} {what}, and the service takes at most {most}; take fewer layers"
    )
