"""One backend for hardware, fake devices and Aer: the same circuits, primitives and journal."""

from __future__ import annotations

import contextlib
import copy
import hashlib
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Self

import numpy as np

from qnlr.backends.ibm.calibration import digest, snapshot
from qnlr.backends.ibm.caps import Budget, Caps
from qnlr.backends.ibm.compact import compacted
from qnlr.backends.ibm.counting import Counting
from qnlr.backends.ibm.errors import Refused, Unreachable
from qnlr.backends.ibm.journal import Journal
from qnlr.backends.ibm.layers import Maps, require_learning
from qnlr.backends.ibm.learning import LayerLearning
from qnlr.backends.ibm.modes import Modes
from qnlr.backends.ibm.orders import Orders
from qnlr.backends.ibm.part import RowsPart, part_seed
from qnlr.backends.ibm.phases import Courier
from qnlr.backends.ibm.price import Price, Timing
from qnlr.backends.ibm.program import EstimatorProgram, SamplerProgram, make_program
from qnlr.backends.ibm.settings import UNPAID, DeviceSettings
from qnlr.backends.ibm.submission import Dispatcher
from qnlr.backends.ibm.target import (
    Target,
    keep_calibration,
    keep_target,
    kept_target,
    local_target,
)
from qnlr.backends.primitives import PrimitiveBackend, parameter_array
from qnlr.circuits import VariationalCircuit
from qnlr.errors import CheckpointError, InputError
from qnlr.rng import content_hash, generator_state
from qnlr.types import Cost, Expectations, FloatArray

MARGIN, LEAST_MARGIN = 1.5, 1.25
ROUNDING = 1e-9
LEAST_LIMIT = 10


@dataclass(frozen=True)
class Paying:
    """How the jobs of a run are submitted and paid for; shared by the runs of a study.

    Args:
        modes: The device, and the session or batch.
        budget: What may be spent.
        orders: What may be done.
    """

    modes: Modes
    budget: Budget
    orders: Orders = field(default_factory=Orders)


class IBMBackend(PrimitiveBackend):
    """Circuits on an IBM device, on a fake one, or on Aer, by the same path.

    Every call is a phase: one parameter array, split into jobs where a limit needs it. A phase is
    known by its content, so a run that is repeated from its checkpoint finds the results of its
    phases in its journal, and pays for none of them twice.

    Without a run folder (see :meth:`opened`) only devices that are simulated here can be used. They
    are simulated on the qubits that the ISA circuit uses; noise models of fake devices leave out
    what qubits do to each other, so what is measured there is a best case.

    Args:
        model: The circuit, its parameters and its observable.
        settings: How circuits are run, and what that may cost.
        target: The device with the ISA circuit; None for a device that is simulated here.

    Raises:
        InputError: If a setting or option is not valid, or the device has too few qubits.

    Example:
        >>> from qnlr.circuits import angle, hardware_efficient, variational_circuit, z
        >>> model = variational_circuit(angle(2, 2), hardware_efficient(2, 1), z(2))
        >>> backend = IBMBackend(model, DeviceSettings("fake_manila", shots=1000))
        >>> found = backend.values(np.zeros(6), np.zeros((1, 2)), np.random.default_rng(0))
        >>> bool(0.8 < found.values[0] < 1.0), found.cost
        (True, Cost(circuits=1, shots=1000, jobs=1))
    """

    suspends = True

    def __init__(
        self, model: VariationalCircuit, settings: DeviceSettings, target: Target | None = None
    ) -> None:
        super().__init__(model, settings.shots)
        from qnlr.backends.ibm.runtime import checked_options

        self.settings = settings
        self._options = checked_options(settings.primitive, settings.options or {})
        require_learning(settings, self._options)
        self.target = local_target(model, settings) if target is None else target
        self.circuits_per_value = self._program.circuits_per_value
        self._folder: Path | None = None
        self._paying: Paying | None = None
        self._journal = Journal(None, "memory")
        self._noise_is_known = False
        if self.learning is not None:
            self._options = self.learning.known_to(self._options, self.learning.identities)

    @property
    def device_name(self) -> str:
        """Name of the device."""
        return self.target.name

    @property
    def isa(self) -> Any:
        """The ISA circuit."""
        return self.target.isa

    @property
    def noise_rate(self) -> float:
        """Average error rate ν of the device, at the calibration that the circuit was chosen at."""
        return self.target.noise_rate

    @property
    def is_local(self) -> bool:
        """Whether the device is simulated on this machine."""
        return self.settings.is_local

    @property
    def journal(self) -> Journal:
        """The journal of the run."""
        return self._journal

    @cached_property
    def timing(self) -> Timing:
        """How long one execution takes on the device."""
        rep_delay = self._options.execution.rep_delay
        return Timing.of(self.target.device, self.target.isa.circuit, rep_delay)

    @cached_property
    def resolved_options(self) -> dict[str, Any]:
        """The options of the primitive, as it resolves them."""
        from qnlr.backends.ibm.runtime import resolved, with_run

        options = with_run(self._options, shots=self.settings.shots)
        return resolved(self.settings.primitive, self._program.device, options)

    @cached_property
    def _program(self) -> SamplerProgram | EstimatorProgram:
        isa, device = self.target.isa, self.target.device
        circuit, where = isa.circuit, list(isa.qubits)
        if self.settings.is_local or self.target.offline:
            small = compacted(circuit, device, keep=isa.qubits)
            circuit, device = small.circuit, small.device
            where = [small.qubits.index(qubit) for qubit in where]
        return make_program(
            self.settings.primitive,
            circuit,
            device,
            self.model.observable,
            where,
            self.model.parameters,
            self.settings.shots,
            self.settings.readout_correction,
        )

    @cached_property
    def _counting(self) -> Counting:
        limit = self.settings.max_execution_time
        seconds = None if limit is None else float(limit)
        return Counting(self._program, self._options, self.timing, seconds)

    @property
    def rows_per_job(self) -> int:
        """The most parameter sets that one job takes."""
        return self._counting.rows_per_job

    def price(self, circuits: int) -> Price:
        """Return what a phase costs.

        Args:
            circuits: Parameter sets: weight vectors times samples.

        Returns:
            Executions, jobs, and QPU seconds, as the device would charge them.
        """
        return self._counting.price(circuits)

    @cached_property
    def learning(self) -> LayerLearning | None:
        """How the noise of the circuit's layers is learned, or None if it is not."""
        if not self.settings.learn_layer_noise:
            return None
        isa, device = self.target.isa.circuit, self.target.device
        places = compacted(isa, device).qubits if self.target.offline else range(isa.num_qubits)
        rep_delay, longest = self.timing.rep_delay, self.settings.max_execution_time
        return LayerLearning.of(
            self._program, self._options, device.num_qubits, places, rep_delay, longest
        )

    @property
    def options(self) -> Any:
        """Options of the primitive; as long as no noise of layers is learned, there is none."""
        return self._options

    def learning_price(self) -> Price:
        """Return what it costs to learn the noise of the circuit's layers, once for a run."""
        return Price() if self.learning is None else self.learning.price

    def knowing(self, journal: Journal) -> IBMBackend:
        """Return the backend with the noise of layers that a journal keeps, if it keeps any."""
        found = None if self.learning is None else self.learning.kept(journal)
        if found is None:
            return self
        known = copy.copy(self)
        known._know(found)
        return known

    def _learn(self) -> None:
        """Learn the noise of the circuit's layers, if that is wanted and not done."""
        if self.learning is not None and not self._noise_is_known:
            courier = self._courier()
            self._know(self.learning.measure(self._journal, courier, self._provenance))

    def _know(self, maps: Maps) -> None:
        assert self.learning is not None
        self._options = self.learning.known_to(self._options, maps)
        self._noise_is_known = True
        self.__dict__.pop("_counting", None)  # PEC takes as many as the noise asks for

    def opened(self, folder: Path, run_id: str, paying: Paying | None = None) -> IBMBackend:
        """Return the backend bound to the folder of a run, where its journal is.

        Args:
            folder: The folder.
            run_id: Identity of the run.
            paying: How jobs are submitted and paid for; needed for a device of the service.

        Raises:
            InputError: If the folder is that of a run on another device or circuit.
            CheckpointError: If its journal is damaged.
        """
        kept = kept_target(folder)
        if kept is None:
            about = {"settings": self._plain_settings(), "options": self.resolved_options}
            keep_target(folder, self.target, about)
        else:
            self._require_same(folder, kept.name, kept.isa.digest)
        bound = copy.copy(self)
        bound._folder, bound._paying = folder, paying
        bound._journal = Journal(folder, run_id)
        return bound.knowing(bound._journal)

    def settle(self) -> None:
        """Ask for the charges of the run's jobs that the service had not settled yet."""
        if self.target.service is not None and self._paying is not None:
            self._courier().settle()

    def with_shots(self, shots: int) -> Self:
        """Refuse other shots: prices and limits are those of the shots it was made with.

        Raises:
            InputError: Always.
        """
        raise InputError(
            "the optimizer chooses its shots, and a device has those of [backend], which its price "
            "is for; take another optimizer"
        )

    def values(
        self, weights: FloatArray, angles: FloatArray, rng: np.random.Generator
    ) -> Expectations:
        """Measure ⟨O⟩ in one phase.

        Args:
            weights: Shape (..., P).
            angles: Encoding angles, shape (B, D).
            rng: Tells this phase from the others, and seeds devices that are simulated here.

        Returns:
            Values and standard errors, shape (..., B).

        Raises:
            Suspended: If the run has to stop here, and can go on later.
        """
        weights = np.asarray(weights, dtype=float)
        inputs = {"weights": weights, "angles": np.asarray(angles, dtype=float)}
        return self._phase(parameter_array(weights, angles), inputs, rng)

    def run(self, parameters: FloatArray, rng: np.random.Generator) -> Expectations:
        """Measure ⟨O⟩ for every row of a parameter array of shape (..., D + P), in one phase."""
        return self._phase(parameters, {"parameters": parameters}, rng)

    def _phase(
        self, parameters: FloatArray, inputs: Mapping[str, FloatArray], rng: np.random.Generator
    ) -> Expectations:
        self._learn()
        state = generator_state(rng)
        seed = int(rng.integers(2**31))
        rows = np.ascontiguousarray(parameters.reshape(-1, parameters.shape[-1]))
        about = [self.target.isa.digest, state, list(parameters.shape), self.settings.shots]
        if self._folder is None:
            about.append(hashlib.sha256(rows.tobytes()).hexdigest())
        key = content_hash(about, 16)
        if key in self._journal.phases:
            rows = self._kept_rows(key, inputs)
        pub = hashlib.sha256(rows.tobytes()).hexdigest()
        counting = self._counting
        sizes = counting.split(len(rows))
        phase = self._journal.begin_phase(
            key,
            inputs,
            {
                "pub": pub,
                "circuit": self.target.isa.digest,
                "random_state": state,
                "parts": sizes,
                "executions": [counting.executions(size) for size in sizes],
            },
        )
        sizes = phase["parts"]  # as it was begun, whatever max_execution_time is now
        ends = np.cumsum(sizes)
        parts = [
            self._part(rows[end - size : end], part_seed(seed, number))
            for number, (size, end) in enumerate(zip(sizes, ends, strict=True))
        ]
        kept = self._courier().measure(key, parts)
        found = [self._program.expectations(one) for one in kept]
        values, stds = (np.concatenate(part) for part in zip(*found, strict=True))
        executions = sum(counting.executions(size) for size in sizes)
        shape = parameters.shape[:-1]
        circuits = len(rows) * self.circuits_per_value
        cost = Cost(circuits, executions, jobs=len(sizes))
        return Expectations(values.reshape(shape), stds.reshape(shape), cost)

    def _kept_rows(self, key: str, inputs: Mapping[str, FloatArray]) -> FloatArray:
        """Return the rows that a phase was begun with: another machine may round them otherwise."""
        kept = self._journal.kept(key)
        for name, wanted in inputs.items():
            same = name in kept and kept[name].shape == wanted.shape
            if not same or not np.allclose(kept[name], wanted, rtol=0.0, atol=ROUNDING):
                number = self._journal.phases[key]["number"]
                raise CheckpointError(
                    f"phase {number} in the journal of {self._folder} was measured at other {name} "
                    "than are asked for now, so that its code or data must have changed; go on "
                    "with those it was begun with, or start over with --fresh"
                )
        if "parameters" in kept:
            return kept["parameters"].reshape(-1, len(self.model.parameters))
        found = parameter_array(kept["weights"], kept["angles"])
        return np.ascontiguousarray(found.reshape(-1, found.shape[-1]))

    def _part(self, rows: FloatArray, seed: int) -> RowsPart:
        """Return rows as a job; on this machine it costs nothing, and is seeded."""
        local = self.is_local
        return RowsPart(
            self._program,
            rows,
            self._options,
            0.0 if local else self._counting.seconds(len(rows)),
            seed if local else None,
            self._provenance,
        )

    def _provenance(self) -> dict[str, Any]:
        """Return where and how jobs are submitted just now, as plain data."""
        return {
            "device": self.device_name,
            "circuit": self.target.isa.digest[:16],
            "calibration": self._note_calibration(),
        }

    def _note_calibration(self) -> str:
        """Keep the calibration that the device now reports, and return what it is called."""
        target = self.target
        known = target.calibration
        if not self.is_local:
            from qnlr.backends.ibm.runtime import refresh

            with contextlib.suppress(Refused, Unreachable):  # no reason not to submit
                refresh(target.device)
                known = snapshot(target.device, target.isa)
        if self._folder is None:
            return digest(dict(known))[:16]
        return keep_calibration(self._folder, known)

    def _courier(self) -> Courier:
        paying = self._paying
        if paying is None:
            if not self.is_local:
                raise InputError(
                    f"{self.device_name} is paid for by the second, so that jobs are submitted "
                    "from a run folder only: use qnlr run, or opened(folder, run_id, paying)"
                )
            paying = Paying(Modes(self._program.device), Budget(Caps(math.inf)))
        elif self.is_local:
            paying = Paying(Modes(self._program.device), paying.budget, paying.orders)
        service = self.target.service
        return Courier(
            Dispatcher(
                self._journal,
                paying.modes,
                service,
                paying.budget,
                lambda estimate: self._limit(estimate, paying.budget),
                paying.orders,
            )
        )

    def _limit(self, estimate: float, budget: Budget) -> int | None:
        if self.is_local:
            return None
        if self.settings.max_execution_time is not None:
            return self.settings.max_execution_time
        # A job that is cut short is paid for and brings nothing: small ones that were cheaper than
        # expected are no reason to give a large one less time.
        expected = estimate * max(1.0, budget.correction)
        affordable = math.floor(budget.left + estimate * budget.correction)
        wanted = min(max(LEAST_LIMIT, math.ceil(MARGIN * expected)), affordable)
        return max(math.ceil(LEAST_MARGIN * expected), wanted)

    def _require_same(self, folder: Path, name: str, digest: str) -> None:
        if name != self.device_name:
            raise InputError(
                f"{folder} is the folder of a run on {name}, and not on {self.device_name}; go on "
                f'with device = "{name}", or start over with --fresh'
            )
        if digest != self.target.isa.digest:
            raise InputError(
                f"{folder} holds another circuit than this run has; start over with --fresh"
            )

    def _plain_settings(self) -> dict[str, Any]:
        return {key: value for key, value in asdict(self.settings).items() if key not in UNPAID}
