"""The noise of a circuit's layers is learned once for a run, by a job that is paid for once."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from qiskit.circuit import CircuitInstruction, QuantumRegister
from qiskit.providers import BackendV2
from qiskit.quantum_info import PauliLindbladMap

from qnlr.backends.ibm.journal import Journal
from qnlr.backends.ibm.layers import (
    WANTED,
    Arrays,
    Maps,
    from_arrays,
    learning_circuit,
    to_arrays,
)
from qnlr.backends.ibm.limits import EXECUTIONS_PER_JOB, JOB_MAX_SECONDS, MARGIN
from qnlr.backends.ibm.phases import Courier
from qnlr.backends.ibm.price import JOB_SECONDS, Price, Timing
from qnlr.backends.ibm.program import EstimatorProgram, SamplerProgram
from qnlr.errors import CheckpointError, InputError
from qnlr.rng import content_hash

BASES = 9  # pairs of Pauli bases, from which all neighbours are read


@dataclass(frozen=True)
class LayerLearning:
    """The learning of the noise of a circuit's layers: what it costs, its jobs, what it gives.

    Args:
        layers: The layers by their digests, which are the same in every process.
        options: Options of the noise learner.
        device: The device, or that part of it that the layers are on.
        rep_delay: Pause between two executions, in seconds.
        max_seconds: QPU seconds that one job may take, or None for the service's own limit.
    """

    layers: Mapping[str, CircuitInstruction]
    options: Any
    device: BackendV2
    rep_delay: float
    max_seconds: float | None = None

    @classmethod
    def of(
        cls,
        program: EstimatorProgram | SamplerProgram,
        options: Any,
        whole: int,
        places: Sequence[int],
        rep_delay: float,
        max_seconds: float | None,
    ) -> LayerLearning:
        """Find the layers of a circuit.

        Args:
            program: What is run by the estimator.
            options: Its options, which say how layers are cut.
            whole: Number of qubits of the device.
            places: What each qubit of its circuit is there.
            rep_delay: Pause between two executions, in seconds.
            max_seconds: QPU seconds that one job may take, or None.

        Raises:
            InputError: If the circuit has no two-qubit gates.
        """
        from qnlr.backends.ibm.runtime import find_layers, layer_digest, learner_options

        circuit, register = program.circuit, QuantumRegister(whole, "q")
        pubs = program.pubs(np.zeros((1, len(program.parameters))))
        found = {}
        for layer in find_layers(program.device, pubs, options):
            qubits = [register[places[circuit.find_bit(one).index]] for one in layer.qubits]
            found[layer_digest(layer, qubits)] = layer
        if not found:
            raise InputError(
                "PEA and PEC act on layers of two-qubit gates, of which the circuit has none; "
                f"leave out learn_layer_noise = true and {WANTED}"
            )
        layers = {digest: found[digest] for digest in sorted(found)}
        return cls(layers, learner_options(options), program.device, rep_delay, max_seconds)

    @property
    def identities(self) -> dict[str, PauliLindbladMap]:
        """No noise at all, to count executions with as long as the noise is not known."""
        return {
            digest: PauliLindbladMap.identity(len(layer.qubits))
            for digest, layer in self.layers.items()
        }

    @cached_property
    def key(self) -> str:
        """Key of the learning among the phases of a run."""
        return content_hash(["layer noise", list(self.layers), self.about()["learner"]], 16)

    @property
    def executions_per_layer(self) -> int:
        """Circuit executions that learning the noise of one layer takes."""
        own = self.options
        circuits = BASES * len(own.layer_pair_depths) * own.num_randomizations
        return int(circuits * own.shots_per_randomization)

    def about(self) -> dict[str, Any]:
        """Return the options that the noise is learned with, as plain data."""
        names = ("num_randomizations", "shots_per_randomization", "layer_pair_depths")
        return {"learner": self.options.model_dump(mode="json", include=set(names))}

    @cached_property
    def seconds(self) -> dict[str, float]:
        r"""QPU seconds that learning the noise of each layer takes, without those of its job.

        .. math:: t = \sum_d (t_\mathrm{rep\,delay} + t_\mathrm{circuit}(d))
                  · 9 · n_\mathrm{randomisations} · n_\mathrm{shots}

        over the depths d, in pairs of the layer.
        """
        depths = self.options.layer_pair_depths
        each = self.executions_per_layer / len(depths)
        return {
            digest: each * sum(self._timing(layer, depth).execution_seconds for depth in depths)
            for digest, layer in self.layers.items()
        }

    def _timing(self, layer: CircuitInstruction, depth: int) -> Timing:
        circuit = learning_circuit(layer, depth, self.device)
        return Timing.of(self.device, circuit, self.rep_delay)

    @cached_property
    def split(self) -> list[list[str]]:
        """Digests of the layers that each job learns the noise of.

        Raises:
            InputError: If a job may not even take as long as one layer.
        """
        allowed = min(JOB_MAX_SECONDS, self.max_seconds or JOB_MAX_SECONDS) / MARGIN - JOB_SECONDS
        most = max(1, EXECUTIONS_PER_JOB // self.executions_per_layer)
        jobs: list[list[str]] = []
        spent = 0.0
        for digest, seconds in self.seconds.items():
            if seconds > allowed:
                needed = (seconds + JOB_SECONDS) * MARGIN
                raise InputError(
                    f"max_execution_time = {self.max_seconds:g} ends a job before it has learned "
                    f"the noise of one layer; raise it to at least {needed:.0f}, or leave it out"
                )
            if not jobs or len(jobs[-1]) == most or spent + seconds > allowed:
                jobs.append([])
                spent = 0.0
            jobs[-1].append(digest)
            spent += seconds
        return jobs

    @property
    def price(self) -> Price:
        """What it costs."""
        executions = self.executions_per_layer * len(self.layers)
        seconds = sum(self.seconds.values())
        return Price(executions, len(self.split), seconds + JOB_SECONDS * len(self.split))

    def measure(
        self, journal: Journal, courier: Courier, provenance: Callable[[], dict[str, Any]]
    ) -> dict[str, PauliLindbladMap]:
        """Learn the noise of the layers on a device, unless the journal keeps it.

        Args:
            journal: Journal of the run.
            courier: Takes jobs to the device.
            provenance: Says what device it is, and how it was calibrated.

        Returns:
            The noise by the digests of layers.

        Raises:
            Suspended: If the run has to stop here, and can go on later.
        """
        executions = [self.executions_per_layer * len(digests) for digests in self.split]
        about = {"parts": self.split, "executions": executions, **self.about()}
        # Jobs that exist are split as they were, whatever max_execution_time is now.
        split = journal.begin_phase(self.key, {}, about)["parts"]
        parts = [_Part(self, tuple(digests), provenance) for digests in split]
        return _joined(courier.measure(self.key, parts))

    def kept(self, journal: Journal) -> dict[str, PauliLindbladMap] | None:
        """Return the noise that a journal keeps, or None if it is not all learned."""
        phase = journal.phases.get(self.key)
        if phase is None:
            return None
        last = [journal.attempts(self.key, part)[-1:] for part in range(len(phase["parts"]))]
        if not all(found and found[0].collected for found in last):
            return None
        return _joined([journal.kept(found[0].tag) for found in last])

    def known_to(self, options: Any, maps: Maps) -> Any:
        """Return options of the estimator that know the noise of the layers.

        Args:
            options: The options.
            maps: The noise by the digests of layers.

        Raises:
            CheckpointError: If the noise of a layer is missing.
        """
        from qnlr.backends.ibm.runtime import with_layer_noise

        if missing := [digest for digest in self.layers if digest not in maps]:
            raise CheckpointError(
                f"the noise of {len(missing)} of {len(self.layers)} layers was not learned; start "
                "over with --fresh"
            )
        known = [maps[digest] for digest in self.layers]
        return with_layer_noise(options, list(self.layers.values()), known)


@dataclass(frozen=True)
class _Part:
    """One job of the learning."""

    learning: LayerLearning
    digests: tuple[str, ...]
    provenance: Callable[[], dict[str, Any]]

    @property
    def estimate(self) -> float:
        """QPU seconds that it is expected to take."""
        return JOB_SECONDS + sum(self.learning.seconds[digest] for digest in self.digests)

    def submit(self, mode: Any, tags: Sequence[str], limit: int | None) -> Any:
        """Submit it to a device, session or batch, and return the job."""
        from qnlr.backends.ibm.runtime import learn

        layers = [self.learning.layers[digest] for digest in self.digests]
        return learn(mode, layers, self.learning.options, tags, limit)

    def decode(self, result: Any) -> Arrays:
        """Return the noise as arrays."""
        return to_arrays(dict(zip(self.digests, result.to_pauli_lindblad_maps(), strict=True)))

    def about(self) -> dict[str, Any]:
        """Return what its provenance is, as plain data."""
        return {**self.provenance(), **self.learning.about(), "layers": list(self.digests)}


def _joined(kept: Sequence[Arrays]) -> dict[str, PauliLindbladMap]:
    return {digest: one for arrays in kept for digest, one in from_arrays(arrays).items()}
