"""From the spec of a run to its objects."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from qnlr.backends import PrimitiveBackend
from qnlr.circuits import Encoding, VariationalCircuit, variance, variational_circuit
from qnlr.data import Dataset
from qnlr.errors import InputError
from qnlr.noise import noise_rate
from qnlr.problems import Classification
from qnlr.rng import canonical_json, stream
from qnlr.study.schema import RunSpec
from qnlr.training import Streams, Training, TrainingSettings
from qnlr.types import NoiseLevel

Built = TypeVar("Built")


class Builder:
    """Builds runs, and shares between them what they have in common.

    Datasets depend on data and seed; a circuit is transpiled once for all runs that have it.
    Random streams depend on the seed and on what they are for: runs that differ in their optimizer
    alone see the same data, initial weights and mini-batches. Shots are drawn for every run apart.

    Args:
        folder: Folder that paths in the config are relative to.
    """

    def __init__(self, folder: Path = Path()) -> None:
        self._folder = folder
        self._shared: dict[str, Any] = {}

    def run(self, spec: RunSpec) -> Training:
        """Build a run.

        Args:
            spec: What to build.

        Returns:
            The run, at its beginning.

        Raises:
            InputError: If a value is not valid; the message begins with the table it is in.
        """
        plain = spec.model_dump(mode="json")
        dataset = self._dataset(spec)
        encoding, model = self._circuit(spec, dataset.features)
        backend = self._backend(spec, model, dataset.features)
        problem = _in_table("data", lambda: self._problem(spec, model, encoding, dataset))
        settings = _in_table("training", lambda: TrainingSettings(**plain["training"]))
        optimizer = _in_table(
            "optimizer",
            lambda: spec.optimizer.build(
                noise_level=NoiseLevel(self._noise_rate(spec, backend), spec.circuit.layers),
                observable_variance=variance(model.observable),
                maxiter=settings.steps,
                seed=int(stream("optimizer", spec.seed, plain).integers(2**32)),
            ),
        )
        streams = Streams.spawn(spec.seed, plain, data=[plain["data"], settings.batch_size])
        if not spec.init.low < spec.init.high:
            raise InputError(
                f"init: low = {spec.init.low:g} is not valid; it must be below high = "
                f"{spec.init.high:g}"
            )
        init = stream("init", spec.seed, [plain["circuit"], plain["init"]])
        weights = init.uniform(spec.init.low, spec.init.high, problem.num_weights)
        return _in_table(
            "training",
            lambda: Training(problem, backend, optimizer, settings, streams, weights),
        )

    def _dataset(self, spec: RunSpec) -> Dataset:
        plain = spec.data.model_dump(mode="json")

        def build() -> Dataset:
            dataset: Dataset = spec.data.build(
                data_rng=stream("data", spec.seed, plain),
                split_rng=stream("split", spec.seed, plain),
            )
            return dataset

        return self._once("data", [plain, spec.seed], lambda: _in_table("data", build))

    def _circuit(self, spec: RunSpec, features: int) -> tuple[Encoding, VariationalCircuit]:
        table = spec.circuit

        def build() -> tuple[Encoding, VariationalCircuit]:
            encoding = table.encoding.build(features=features, qubits=table.qubits)
            ansatz = table.ansatz.build(qubits=table.qubits, layers=table.layers)
            observable = table.observable.build(qubits=table.qubits)
            return encoding, variational_circuit(encoding, ansatz, observable)

        content = [table.model_dump(mode="json"), features]
        return self._once("circuit", content, lambda: _in_table("circuit", build))

    def _backend(self, spec: RunSpec, model: VariationalCircuit, features: int) -> PrimitiveBackend:
        content = [
            spec.backend.model_dump(mode="json"),
            spec.circuit.model_dump(mode="json"),
            features,
        ]

        def build() -> PrimitiveBackend:
            backend: PrimitiveBackend = spec.backend.build(model=model, folder=self._folder)
            return backend

        return self._once("backend", content, lambda: _in_table("backend", build))

    def _problem(
        self, spec: RunSpec, model: VariationalCircuit, encoding: Encoding, dataset: Dataset
    ) -> Classification:
        return Classification(model, encoding, dataset, spec.problem.loss.build())

    def _noise_rate(self, spec: RunSpec, backend: PrimitiveBackend) -> float:
        noise = getattr(backend, "noise", None)
        content = spec.backend.model_dump(mode="json").get("noise")
        return self._once("noise", content, lambda: noise_rate(noise) if noise else 0.0)

    def _once(self, what: str, content: Any, build: Callable[[], Built]) -> Built:
        key = what + canonical_json(content)
        if key not in self._shared:
            self._shared[key] = build()
        found: Built = self._shared[key]
        return found


def validate(specs: tuple[RunSpec, ...], builder: Builder) -> None:
    """Build every run, so that whatever is not valid is found before anything is written.

    Args:
        specs: The runs.
        builder: Builds them.

    Raises:
        InputError: If a value is not valid.
    """
    for spec in specs:
        builder.run(spec)


def _in_table(table: str, build: Callable[[], Built]) -> Built:
    try:
        return build()
    except InputError as error:
        raise InputError(f"[{table}] {error}") from error
