"""A SamplerV2 that simulates whole parameter arrays at once, noise included."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from qiskit.primitives import (
    BaseSamplerV2,
    BitArray,
    DataBin,
    PrimitiveJob,
    PrimitiveResult,
    SamplerPubResult,
)
from qiskit.primitives.containers.sampler_pub import SamplerPub, SamplerPubLike
from qiskit_aer.noise import NoiseModel

from qnlr.errors import require_count
from qnlr.simulator.compiled import Simulator
from qnlr.simulator.exact_bits import ExactBits
from qnlr.simulator.measurements import Measured
from qnlr.simulator.program import Basis, Program, parameter_rows
from qnlr.simulator.shots import Seed, child, draw_outcomes, generator
from qnlr.types import FloatArray

Z = 3
MOST_BITS = 62


class BatchedSampler(BaseSamplerV2):  # type: ignore[misc]
    """Shots of parametrised circuits, thousands of elements at once.

    A drop-in SamplerV2 for circuits that measure at their end. PUBs of one circuit with equally
    many shots run together.

    Args:
        default_shots: Where a PUB and ``run`` give none, at least 1; None for exact probabilities
            there, as qiskit-machine-learning's ``QMLSampler`` has them.
        noise_model: Aer's noise model, or None. Qubits of circuits are the model's: ISA circuits.
        seed: Seed or generator of the shots; all PUBs and elements draw from one stream, on and on.
        threads: Threads that share the elements; None for ``NUMBA_NUM_THREADS``, or all cores.

    Raises:
        InputError: If a setting is not valid, or the noise model holds what is not supported.

    Example:
        >>> from qiskit import QuantumCircuit
        >>> circuit = QuantumCircuit(2)
        >>> _ = circuit.h(0), circuit.cx(0, 1), circuit.measure_all()
        >>> data = BatchedSampler(seed=0).run([circuit], shots=100).result()[0].data
        >>> sorted(data.meas.get_counts().items())
        [('00', 48), ('11', 52)]
    """

    def __init__(
        self,
        *,
        default_shots: int | None = 1024,
        noise_model: NoiseModel | None = None,
        seed: Seed = None,
        threads: int | None = None,
    ) -> None:
        self.default_shots = (
            None if default_shots is None else require_count("default_shots", default_shots)
        )
        self.simulator = Simulator(noise_model, threads)
        self.rng = generator(seed)

    def run(
        self, pubs: Iterable[SamplerPubLike], *, shots: int | None = None
    ) -> PrimitiveJob[PrimitiveResult[SamplerPubResult]]:
        """Sample circuits.

        Args:
            pubs: circuit, or (circuit[, parameter values[, shots]]) each.
            shots: For PUBs that give none.

        Returns:
            A job; its result has a ``BitArray`` for every classical register of every PUB, and
            exact probabilities where there are no shots.

        Raises:
            InputError: If a circuit measures nothing, or holds what cannot be simulated.
            ValueError: If a PUB is not valid.
        """
        default = self.default_shots if shots is None else shots
        coerced = [SamplerPub.coerce(pub, default) for pub in pubs]
        measured: dict[int, tuple[Measured, Program]] = {}
        for pub in coerced:
            if id(pub.circuit) not in measured:
                measured[id(pub.circuit)] = self.simulator.measured(pub.circuit)
        for one, _ in measured.values():
            one.refuse_doubled(self.simulator.noise)
        draws = any(pub.shots for pub in coerced)
        rng = child(self.rng) if draws else self.rng
        job: PrimitiveJob[Any] = PrimitiveJob(self._run, coerced, measured, rng)
        job._submit()
        return job

    def _run(
        self,
        pubs: list[SamplerPub],
        measured: dict[int, tuple[Measured, Program]],
        rng: np.random.Generator,
    ) -> PrimitiveResult[SamplerPubResult]:
        alike: dict[tuple[int, int | None], list[int]] = {}
        for number, pub in enumerate(pubs):
            alike.setdefault((id(pub.circuit), pub.shots), []).append(number)
        results: dict[int, SamplerPubResult] = {}
        for (circuit, shots), numbers in alike.items():
            here = [pubs[number] for number in numbers]
            table, one = self._table(here, *measured[circuit]), measured[circuit][0]
            bits = {} if shots is None else one.bit_arrays(draw_outcomes(table, shots, rng))
            start = 0
            for number, pub in zip(numbers, here, strict=True):
                part = slice(start, start + pub.parameter_values.size)
                start = part.stop
                data: dict[str, Any] = {
                    name: Shots(array[part].reshape(*pub.shape, *array.shape[1:]), size)
                    for name, (array, size) in bits.items()
                }
                if shots is None:
                    rows = table[part].reshape(*pub.shape, table.shape[1])
                    data = {
                        name: ExactBits(rows, one.read_by(name), size)
                        for name, (size, _) in one.registers.items()
                    }
                about = {"shots": shots, "circuit_metadata": pub.circuit.metadata}
                results[number] = ShotsResult(DataBin(**data, shape=pub.shape), metadata=about)
        return PrimitiveResult([results[n] for n in range(len(pubs))], metadata={"version": 2})

    def _table(self, pubs: list[SamplerPub], measured: Measured, program: Program) -> FloatArray:
        """Return the probabilities of all outcomes for all elements, shape (E, 2^m)."""
        parameters = pubs[0].circuit.parameters
        values = np.vstack([parameter_rows(pub.parameter_values, parameters) for pub in pubs])
        basis = Basis(measured.qubits, (Z,) * len(measured.qubits))
        angles = program.angles(values)
        return program.distributions(angles, basis)


class ShotsResult(SamplerPubResult):  # type: ignore[misc]
    """A ``SamplerPubResult`` whose joined registers count as fast as they do apart."""

    def join_data(self, names: Iterable[str] | None = None) -> Any:
        """Return several registers as one, all of them if none are named."""
        wanted = list(self.data if names is None else names)
        registers = [self.data[name] for name in wanted if name in self.data]
        if registers and all(isinstance(one, ExactBits) for one in registers):
            return ExactBits.joined(registers)
        joined = super().join_data(names)
        return Shots(joined.array, joined.num_bits) if isinstance(joined, BitArray) else joined


class Shots(BitArray):  # type: ignore[misc]
    """A ``BitArray`` that counts its shots as numbers, not as text: many times faster."""

    def get_int_counts(self, loc: int | tuple[int, ...] | None = None) -> dict[int, int]:
        """Return how often each outcome was seen, as in ``BitArray``."""
        if self.num_bits > MOST_BITS:
            found: dict[int, int] = super().get_int_counts(loc)
            return found
        array = self.array if loc is None else self.array[loc]
        outcomes = np.zeros(array.shape[:-1], dtype=np.int64)
        for byte in range(array.shape[-1]):
            outcomes = outcomes << 8 | array[..., byte]
        values, counts = np.unique(outcomes, return_counts=True)
        return dict(zip(values.tolist(), counts.tolist(), strict=True))

    def get_counts(self, loc: int | tuple[int, ...] | None = None) -> dict[str, int]:
        """Return how often each bit string was seen, as in ``BitArray``."""
        counts = self.get_int_counts(loc)
        return {format(outcome, f"0{self.num_bits}b"): n for outcome, n in counts.items()}
