"""From the spec of a run to its objects."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from qnlr.backends import DeviceSettings, IBMBackend, PrimitiveBackend
from qnlr.backends.ibm.target import DEVICE
from qnlr.circuits import VariationalCircuit, variance
from qnlr.data import Dataset
from qnlr.diagnostics.metric import fubini_study
from qnlr.errors import InputError
from qnlr.noise import noise_rate
from qnlr.optimizers import NLR, AskTell, StandardErrors
from qnlr.problems import Problem
from qnlr.rng import canonical_json, stream
from qnlr.study.devices import Devices
from qnlr.study.instances import Instances
from qnlr.study.parts import BuildError, Part, within
from qnlr.study.problem_tables import ClassificationTable
from qnlr.study.schema import NO_STRATEGY, RunSpec, unpaid
from qnlr.study.spec import Study, run_id
from qnlr.training import Plan, Streams, Training, TrainingSettings
from qnlr.types import FloatArray, NoiseLevel

Built = TypeVar("Built")
PREPROCESSING = {"features", "reduction", "scaling", "constant"}
PLANNED = ("circuit", "problem", "init", "strategy")  # what the draws of a strategy are about
PLACES = {"source"}  # naming the place of the same images leaves all draws as they are


class Builder:
    """Builds runs, and shares between them what they have in common.

    Datasets depend on data and seed; a circuit is transpiled once for all runs that have it.
    Random streams depend on the seed and on what they are for: samples, split and mini-batches on
    what they are drawn from; initial weights on qubits, layers and ansatz; shots on the whole run
    but how long it trains and what is kept of it. So runs that differ in their optimizer alone see
    the same data, initial weights and mini-batches, and draw their shots apart.

    Args:
        folder: Folder that paths in the config are relative to.
        offline: Whether fake devices stand in for real ones, so that nothing needs a network.
        submitting: Whether jobs are to be submitted to devices, and not only collected.
    """

    def __init__(
        self, folder: Path = Path(), offline: bool = False, submitting: bool = True
    ) -> None:
        self._folder = folder
        self.devices = Devices(offline, submitting)
        self._shared: dict[str, Any] = {}

    def run(self, spec: RunSpec, kept: Path | None = None) -> Training:
        """Build a run.

        Args:
            spec: What to build.
            kept: Folder of the run. One that was begun on a device stays on it, and its circuit.

        Returns:
            The run, at its beginning.

        Raises:
            BuildError: If a value is not valid; it knows the table that the value is in.
        """
        plain = spec.model_dump(mode="json")
        # What may be changed to look closer at a run, or to stop it elsewhere, is no part of this.
        own = {
            **plain,
            "training": {"batch_size": plain["training"]["batch_size"]},
        }
        if "data" in plain:
            own["data"] = {key: value for key, value in plain["data"].items() if key not in PLACES}
        own = unpaid(own)
        own.pop("evaluation", None)
        with within("training"):
            settings = TrainingSettings(**plain["training"])
        instances = self._instances(spec, settings, kept)
        part = instances.part
        problem = part.problem
        backend: PrimitiveBackend = part.backend  # type: ignore[assignment]
        with within("gradient"):
            gradient = spec.gradient.build()
            gradient.require_fit(problem.num_circuit_weights, backend.shots)
        with within("optimizer"):
            optimizer = self._optimizer(spec, backend, instances.steps, own)
        with within("init"):
            weights = instances.weights
        with _of_strategy():
            plan = self._plan(spec, instances)
            if plan is not None and plan.optimizer is not None:
                optimizer = plan.optimizer(optimizer)
        drawn = [_drawn(spec), settings.batch_size]
        with _of_gradient(), within("training"):
            planned = {key: own[key] for key in PLANNED if key in own}
            streams = Streams.spawn(spec.seed, own, data=drawn, strategy=planned)
            return Training(
                problem,
                backend,
                optimizer,
                settings,
                streams,
                weights,
                gradient,
                plan,
                fubini_study,
            )

    def device(
        self, spec: RunSpec, training: Training, kept: Path | None = None
    ) -> IBMBackend | None:
        """Return the device that a run is trained on, or evaluated on at its end.

        Args:
            spec: The run.
            training: The run, built.
            kept: Folder of the run. One that was begun on a device stays on it, and its circuit.

        Returns:
            The device, or None if the run has none.

        Raises:
            BuildError: If a value is not valid.
        """
        if spec.strategy.name != NO_STRATEGY["name"] and (
            isinstance(training.backend, IBMBackend) or spec.evaluation is not None
        ):
            raise BuildError(
                "a strategy changes circuits on the way, and is run in simulation only; leave "
                "[strategy] out, or take another backend and leave [evaluation] out",
                ("strategy",),
            )
        if isinstance(training.backend, IBMBackend) and getattr(
            training.optimizer, "wants_metric", False
        ):
            raise BuildError(
                "the metric of the natural gradient is computed from exact states, which no device "
                "has; take another optimizer, or another backend",
                ("optimizer",),
            )
        if (
            isinstance(training.backend, IBMBackend)
            and getattr(training.optimizer, "planned_shots", None) is not None
        ):
            raise BuildError(
                f"{type(training.optimizer).__name__} chooses its shots, and a device has those of "
                "[backend], which its price is for; take another optimizer, or another backend",
                ("optimizer",),
            )
        if isinstance(training.backend, IBMBackend) or spec.evaluation is None:
            if spec.evaluation is not None:
                raise BuildError(
                    "a run that is trained on a device is evaluated there; leave [evaluation] out",
                    ("evaluation",),
                )
            return training.backend if isinstance(training.backend, IBMBackend) else None
        table = spec.evaluation
        samples = len(training.problem.train)
        with within("evaluation", "backend"):
            found = self._backend(spec, training.problem.model, "device", kept, table.backend)
        if not isinstance(found, IBMBackend):
            raise BuildError(
                f'name = "{table.backend.name}" is not a device; take "ibm"',
                ("evaluation", "backend"),
            )
        if table.gradient_samples > samples:
            raise BuildError(
                f"gradient_samples = {table.gradient_samples} is not valid; there are {samples} "
                "training samples",
                ("evaluation",),
            )
        return found

    def _dataset(self, spec: RunSpec, table: Part) -> Dataset:
        def build() -> Dataset:
            dataset: Dataset = table.build(
                data_rng=stream("data", spec.seed, _drawn(spec)),
                split_rng=stream("split", spec.seed, _drawn(spec)),
            )
            return dataset

        return self._once("data", [table.model_dump(mode="json"), spec.seed], build)

    def _instances(self, spec: RunSpec, settings: TrainingSettings, kept: Path | None) -> Instances:
        dataset = None
        if spec.data is not None:
            with within("data"):
                dataset = self._dataset(spec, spec.data)
        samples = 1 if dataset is None else len(dataset.train.labels)

        def backend_of(model: VariationalCircuit, about: Any) -> PrimitiveBackend:
            with within("backend"):
                return self._backend(spec, model, about, kept)

        return Instances(
            spec,
            dataset,
            backend_of,
            settings.total_steps(samples),
            lambda problem: self._weights(spec, problem),
        )

    def _plan(self, spec: RunSpec, instances: Instances) -> Plan | None:
        if spec.strategy.name == NO_STRATEGY["name"]:
            return None
        if spec.backend.name == "ibm":
            return None  # refused with the device
        plan: Plan = spec.strategy.build().plan(instances)
        return plan

    def _backend(
        self,
        spec: RunSpec,
        model: VariationalCircuit,
        about: Any,
        kept: Path | None,
        table: Part | None = None,
    ) -> PrimitiveBackend:
        wanted = table or spec.backend
        begun = kept is not None and (kept / DEVICE).is_file()
        content = [
            wanted.model_dump(mode="json"),
            spec.circuit.model_dump(mode="json"),
            *([] if spec.data is None else [spec.data.model_dump(mode="json")]),
            spec.problem.model_dump(mode="json"),
            about,
            *([str(kept)] if begun else []),
        ]

        def build() -> PrimitiveBackend:
            built: PrimitiveBackend | DeviceSettings = wanted.build(
                model=model, folder=self._folder
            )
            if isinstance(built, DeviceSettings):
                return self.devices.backend(model, built, kept)
            return built

        return self._once("backend", content, build)

    def _optimizer(self, spec: RunSpec, backend: PrimitiveBackend, steps: int, own: Any) -> AskTell:
        optimizer: AskTell = spec.optimizer.build(
            noise_level=NoiseLevel(self._noise_rate(spec, backend), spec.circuit.layers),
            observable_variance=variance(backend.model.observable),
            maxiter=steps,
            seed=int(stream("optimizer", spec.seed, own).integers(2**32)),
            folder=self._folder,
        )
        trigger = optimizer.rule.trigger if isinstance(optimizer, NLR) else None
        if isinstance(trigger, StandardErrors) and backend.shots == 1:
            raise InputError(
                "the trigger standard_errors needs losses with a standard error, and one shot has "
                "none; set shots to at least 2 in [backend], or use another trigger"
            )
        if getattr(optimizer, "wants_shots", False):  # one that cannot do without says so here
            optimizer.base_shots = backend.shots  # type: ignore[attr-defined]
        return optimizer

    def _weights(self, spec: RunSpec, problem: Problem) -> FloatArray:
        low, high = spec.init.low, spec.init.high
        if not low < high:
            raise InputError(f"low = {low:g} is not valid; it must be below high = {high:g}")
        circuit, table = spec.circuit, spec.problem
        about = [circuit.qubits, circuit.layers, circuit.ansatz.model_dump(), [low, high]]
        draws = stream("init", spec.seed, about)
        if not isinstance(table, ClassificationTable):
            return draws.uniform(low, high, problem.num_weights)
        head = table.head.build().initial(stream("head", spec.seed, table.head.model_dump()))
        return np.append(draws.uniform(low, high, problem.num_circuit_weights), head)

    def _noise_rate(self, spec: RunSpec, backend: PrimitiveBackend) -> float:
        if isinstance(backend, IBMBackend):
            return backend.noise_rate
        noise = getattr(backend, "noise", None)
        content = spec.backend.model_dump(mode="json").get("noise")
        return self._once("noise", content, lambda: noise_rate(noise) if noise else 0.0)

    def _once(self, what: str, content: Any, build: Callable[[], Built]) -> Built:
        key = what + canonical_json(content)
        if key not in self._shared:
            self._shared[key] = build()
        found: Built = self._shared[key]
        return found


def validate(study: Study, builder: Builder, folder: Path | None = None) -> None:
    """Build every run, so that whatever is not valid is found before anything is written.

    Args:
        study: The study.
        builder: Builds its runs.
        folder: Results folder of the study, where runs may have begun.

    Raises:
        InputError: If a value is not valid; the message names the place in the config.
    """
    for number, spec in enumerate(study.runs):
        kept = None if folder is None else folder / run_id(spec)
        try:
            builder.device(spec, builder.run(spec, kept), kept)
        except BuildError as error:
            raise study.misplaced(number, error) from error


@contextlib.contextmanager
def _of_strategy() -> Iterator[None]:
    """Say of every error that it is the strategy's, also where another circuit of it was built."""
    try:
        with within("strategy"):
            yield
    except BuildError as error:
        if len(error.table) > 1:
            error.table, error.key = ("strategy",), None
        raise


@contextlib.contextmanager
def _of_gradient() -> Iterator[None]:
    """Say of a gradient that does not fit the optimizer that it is in a table of its own."""
    try:
        yield
    except BuildError as error:
        if error.key == "gradient":
            error.table, error.key = ("gradient",), None
        raise


def _drawn(spec: RunSpec) -> dict[str, Any]:
    """Return what samples are drawn from, without what is done to them afterwards."""
    if spec.data is None:
        return {}
    return spec.data.model_dump(mode="json", exclude=PREPROCESSING | PLACES)
