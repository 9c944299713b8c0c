"""Programs of circuits, compiled once for each content and kept."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from typing import Any

from qiskit import QuantumCircuit
from qiskit_aer.noise import NoiseModel

from qnlr.simulator.channels import GateNoise
from qnlr.simulator.measurements import Measured, split_measurements
from qnlr.simulator.program import Program
from qnlr.simulator.running import Threads
from qnlr.simulator.tape import content_key

CACHED = 64


class Simulator:
    """Compiles circuits, once for each content, and keeps the programs.

    Args:
        noise_model: Aer's noise model, or None.
        threads: Threads that share the elements of a batch; None for Numba's number.

    Raises:
        InputError: If the noise model holds what is not supported, or threads is below 1.

    Example:
        >>> import numpy as np
        >>> from qiskit.quantum_info import PauliList
        >>> circuit = QuantumCircuit(2)
        >>> _ = circuit.h(0), circuit.cx(0, 1)
        >>> program = Simulator().program(circuit)
        >>> program.expectations(program.angles(np.zeros((1, 0))), PauliList(["ZZ", "IZ"])).round(9)
        array([[1.],
               [0.]])
    """

    def __init__(self, noise_model: NoiseModel | None = None, threads: int | None = None) -> None:
        self.noise = None if noise_model is None else GateNoise(noise_model)
        self.threads = Threads(threads)
        self._programs: dict[Any, Any] = {}
        self._lock = threading.Lock()

    def __getstate__(self) -> dict[str, Any]:
        return {"noise": self.noise, "threads": self.threads}  # programs are compiled anew

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.noise, self.threads = state["noise"], state["threads"]
        self._programs, self._lock = {}, threading.Lock()

    def program(self, circuit: QuantumCircuit, observed: Iterable[int] = ()) -> Program:
        """Return the program of a circuit, compiled if it is not known.

        Args:
            circuit: The circuit, without measurements.
            observed: Qubits that are asked about, idle or not.

        Returns:
            The program.

        Raises:
            InputError: If the circuit holds what is no gate.
        """
        wanted = tuple(sorted(observed))

        def compiled() -> Program:
            return Program(circuit.copy(), self.noise, self.threads, wanted)

        found: Program = self._once((content_key(circuit), wanted), compiled)
        return found

    def measured(self, circuit: QuantumCircuit) -> tuple[Measured, Program]:
        """Return the measurements at the end of a circuit, and the program of what is before them.

        Args:
            circuit: The circuit, with its measurements.

        Returns:
            Both.

        Raises:
            InputError: If the circuit measures nothing, goes on with a qubit that it has measured,
                or holds what is no gate.
        """

        def compiled() -> tuple[Measured, Program]:
            split = split_measurements(circuit)
            return split, Program(split.circuit, self.noise, self.threads, split.qubits)

        places = {bit: number for number, bit in enumerate(circuit.clbits)}
        registers = tuple((one.name, *(places[bit] for bit in one)) for one in circuit.cregs)
        key = content_key(circuit), registers
        found: tuple[Measured, Program] = self._once(key, compiled)
        return found

    def _once(self, key: Any, compiled: Callable[[], Any]) -> Any:
        with self._lock:
            if key not in self._programs:
                if len(self._programs) >= CACHED:
                    self._programs.pop(next(iter(self._programs)))
                self._programs[key] = compiled()
            return self._programs[key]
