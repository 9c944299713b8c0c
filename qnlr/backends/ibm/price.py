"""What circuit executions cost on a device: QPU seconds, by IBM's published formula."""

from __future__ import annotations

import math
from dataclasses import dataclass

from qiskit import QuantumCircuit
from qiskit.exceptions import QiskitError
from qiskit.providers import BackendV2

from qnlr.errors import InputError, is_number, require_count

JOB_SECONDS = 2.0
QUICK_SECONDS = 0.00035
DEFAULT_REP_DELAY = 250e-6


@dataclass(frozen=True)
class Timing:
    """How long one execution of a circuit holds a device.

    Args:
        rep_delay: Pause between two executions, in seconds, at least 0.
        circuit_seconds: Length of the circuit with its measurement and the reset of its qubits, in
            seconds, at least 0.

    Raises:
        InputError: If a time is negative or not finite.

    Example:
        >>> Timing(rep_delay=250e-6, circuit_seconds=5e-6).execution_seconds
        0.000255
    """

    rep_delay: float
    circuit_seconds: float

    def __post_init__(self) -> None:
        for name in ("rep_delay", "circuit_seconds"):
            value = getattr(self, name)
            if not (is_number(value) and math.isfinite(value) and value >= 0):
                raise InputError(
                    f"{name} = {value!r} is not valid; it must be a number of seconds of at least 0"
                )

    @property
    def execution_seconds(self) -> float:
        """Seconds of one execution."""
        return self.rep_delay + self.circuit_seconds

    @classmethod
    def of(
        cls, device: BackendV2, circuit: QuantumCircuit, rep_delay: float | None = None
    ) -> Timing:
        """Return the timing of an ISA circuit on a device, or its fake counterpart.

        The circuit may have parameters: gates take the same time at every angle. One without a
        measurement is timed with all of its qubits measured at its end. A device that lists no
        reset has it timed as another measurement, which is what a reset begins with; one that
        lists no durations at all, a simulator, has a circuit length of 0.

        Source: IBM Quantum documentation, "Estimate job run time" (September 2026).

        Args:
            device: The device.
            circuit: A circuit in the device's gates, on its qubits.
            rep_delay: Pause between executions, in seconds, if it is not the device's default.

        Returns:
            The timing. A device that tells no default is given the 250 µs documented for Heron.

        Example:
            >>> from qiskit import QuantumCircuit, transpile
            >>> from qnlr.noise import from_device
            >>> device = from_device("fake_manila").device
            >>> bell = QuantumCircuit(2)
            >>> _ = bell.h(0), bell.cx(0, 1), bell.measure_all()
            >>> timing = Timing.of(device, transpile(bell, device, seed_transpiler=0))
            >>> round(timing.rep_delay * 1e6), round(timing.circuit_seconds * 1e6)
            (250, 11)
        """
        if rep_delay is None:
            told = getattr(device, "default_rep_delay", None)
            rep_delay = DEFAULT_REP_DELAY if told is None else float(told)
        return cls(rep_delay, _circuit_seconds(device, circuit))


@dataclass(frozen=True)
class Price:
    """What something costs on a device.

    Args:
        executions: Circuit executions: shots of all circuits.
        jobs: Jobs that they are split into.
        seconds: QPU seconds.

    Example:
        >>> gradient, loss = Price(1000, 1, 2.25), Price(100, 1, 2.5)
        >>> gradient + loss
        Price(executions=1100, jobs=2, seconds=4.75)
        >>> gradient.times(10)
        Price(executions=10000, jobs=10, seconds=22.5)
    """

    executions: int = 0
    jobs: int = 0
    seconds: float = 0.0

    def __add__(self, other: Price) -> Price:
        return Price(
            self.executions + other.executions,
            self.jobs + other.jobs,
            self.seconds + other.seconds,
        )

    def times(self, number: int) -> Price:
        """Return the price of ``number`` of them."""
        require_count("number", number, low=0)
        return Price(self.executions * number, self.jobs * number, self.seconds * number)

    @classmethod
    def of(cls, executions: int, jobs: int, timing: Timing) -> Price:
        """Return the price of executions; see :func:`qpu_seconds`."""
        return cls(executions, jobs, qpu_seconds(executions, jobs, timing))


def qpu_seconds(executions: int, jobs: int, timing: Timing) -> float:
    r"""Return the QPU seconds that IBM expects jobs to take.

    .. math:: t = 2\,\mathrm{s} · n_\mathrm{jobs}
              + (t_\mathrm{rep\,delay} + t_\mathrm{circuit}) · n_\mathrm{executions}

    Source: IBM Quantum documentation, "Estimate job run time" (September 2026).

    Args:
        executions: Circuit executions: circuits after broadcasting × shots, at least 0.
        jobs: Jobs, at least 0.
        timing: How long one execution takes.

    Returns:
        QPU seconds.

    Example:
        >>> shift_rule = 181 * 32 * 1000
        >>> round(qpu_seconds(shift_rule, 1, Timing(250e-6, 7e-6)))
        1491
    """
    require_count("executions", executions, low=0)
    require_count("jobs", jobs, low=0)
    return JOB_SECONDS * jobs + timing.execution_seconds * executions


def quick_seconds(executions: int, jobs: int = 1) -> float:
    """Return QPU seconds by IBM's rule of thumb, 2 s + 0.35 ms · executions, for any circuit.

    Source: IBM Quantum documentation, "Estimate job run time" (September 2026).

    Args:
        executions: Circuit executions, at least 0.
        jobs: Jobs, at least 0.

    Returns:
        QPU seconds.

    Example:
        >>> round(quick_seconds(181 * 32 * 1000))
        2029
    """
    return qpu_seconds(executions, jobs, Timing(QUICK_SECONDS, 0.0))


def _circuit_seconds(device: BackendV2, circuit: QuantumCircuit) -> float:
    measured = circuit
    if "measure" not in circuit.count_ops():
        measured = circuit.copy()
        measured.measure_active()
    try:
        length = float(measured.estimate_duration(device.target))
    except QiskitError:  # a simulator lists no durations
        return 0.0
    used = {measured.find_bit(qubit).index for step in measured for qubit in step.qubits}
    return length + max((_reset_seconds(device, qubit) for qubit in used), default=0.0)


def _reset_seconds(device: BackendV2, qubit: int) -> float:
    for name in ("reset", "measure"):
        if name in device.target.operation_names:
            listed = (device.target[name] or {}).get((qubit,))
            if listed is not None and listed.duration is not None:
                return float(listed.duration)
    return 0.0
