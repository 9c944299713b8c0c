"""Cheaper variants of a study on a device, each built and priced as the study itself is."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from qnlr.backends.ibm.price import Price
from qnlr.errors import InputError
from qnlr.study.build import Builder
from qnlr.study.estimate import StudyEstimate, changed, estimate, on_device, total
from qnlr.study.hardware import CLOSED_LOOPS
from qnlr.study.results import flatten
from qnlr.study.schema import RunSpec
from qnlr.study.spec import Study, run_id

Change = Callable[[RunSpec], Mapping[str, Any]]
LEAST_SHOTS = 2  # one shot has no standard error


@dataclass(frozen=True)
class Variant:
    """A cheaper variant of a study.

    Args:
        name: What is done about the price.
        keys: What to change in its config.
        price: What it costs.
    """

    name: str
    keys: str
    price: Price


def variants(
    study: Study,
    whole: StudyEstimate,
    *,
    device: str | None = None,
    builder: Builder | None = None,
) -> list[Variant]:
    """Return cheaper variants of a study, each from its beginning.

    Args:
        study: The study.
        whole: Its estimate.
        device: Device that all runs are estimated on, whatever their backend, or None.
        builder: Builds the runs; by default without a network.

    Returns:
        Those that can be built and are cheaper than the whole study. The last trains on the
        simulator, with the noise of the device, and evaluates the trained weights once on the
        device.
    """
    builder = builder or Builder(study.folder, offline=True)
    own = study if device is None else on_device(study, device)
    wanted: dict[str, tuple[Change, ...]] = {
        "a tenth of the shots": (_fewer_shots,),
        "a quarter of the batch": (_smaller_batch,),
        "SPSA gradients": (_spsa,),
    }
    found = {name: _variant(own, name, changes, builder) for name, changes in wanted.items()}
    dearest = estimate(own, builder=builder).price.seconds
    found = {name: one for name, one in found.items() if one and one.price.seconds < dearest}
    useful = [wanted[name] for name in found]
    if len(useful) > 1:
        all_of_them = "all three" if len(useful) == 3 else "both"
        changes = tuple(change for one in useful for change in one)
        found[all_of_them] = _variant(own, all_of_them, changes, builder)
    cheaper = [one for one in found.values() if one is not None]
    evaluated = _evaluation_only(whole)
    if evaluated.price is not None and evaluated.price.seconds < whole.price.seconds:
        cheaper.append(evaluated)
    return cheaper


def _variant(
    study: Study, name: str, changes: Sequence[Change], builder: Builder
) -> Variant | None:
    """Build and price a study with some keys changed; None if that cannot be built."""
    keys: dict[str, set[str]] = {}
    runs: dict[str, tuple[RunSpec, int]] = {}
    for number, spec in enumerate(study.runs):
        new = spec
        for change in changes if spec.backend.name == "ibm" else ():
            tables = change(spec)
            new = changed(new, dict(tables))
            for path, value in flatten(tables, ".").items():
                keys.setdefault(path, set()).add(f'"{value}"' if isinstance(value, str) else value)
        runs.setdefault(run_id(new), (new, number))
    said = ", ".join(f"{path} = {_values(values)}" for path, values in keys.items())
    other = replace(
        study,
        runs=tuple(spec for spec, _ in runs.values()),
        origins=tuple(study.origins[number] for _, number in runs.values()),
    )
    try:
        return Variant(name, said, estimate(other, builder=builder).price)
    except InputError:
        return None


def _values(values: set[Any]) -> str:
    known = sorted(values)
    return str(known[0]) if len(known) == 1 else f"{known[0]} to {known[-1]}"


def _fewer_shots(spec: RunSpec) -> Mapping[str, Any]:
    shots = spec.backend.model_dump()["shots"]
    return {"backend": {"shots": max(min(shots, LEAST_SHOTS), round(shots / 10))}}


def _smaller_batch(spec: RunSpec) -> Mapping[str, Any]:
    size = spec.training.model_dump()["batch_size"]
    return {"training": {"batch_size": max(1, round(size / 4))}}


def _spsa(spec: RunSpec) -> Mapping[str, Any]:
    measured = spec.optimizer.name not in CLOSED_LOOPS
    other = spec.gradient.name != "spsa"
    return {"gradient": {"name": "spsa"}} if measured and other else {}


def _evaluation_only(whole: StudyEstimate) -> Variant:
    names = [device for device in whole.devices if device != "aer_simulator"]
    fakes = " or ".join(f'"{name.replace("ibm_", "fake_")}"' for name in names)
    noise = f', noise = {{ name = "device", device = {fakes} }}' if fakes else ""
    return Variant(
        "evaluation only",
        f'backend = {{ name = "simulator"{noise} }}, and the trained weights once on '
        f"{', '.join(whole.devices) or 'the device'} by [evaluation], as in ibm_evaluate.toml",
        total([run.learning + run.evaluation for run in whole.runs]),
    )
