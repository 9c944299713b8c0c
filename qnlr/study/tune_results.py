"""What a tuning found: tables of trials and best rates, tables to paste, and warnings."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from qnlr.files import replacing
from qnlr.study.stats import ENDED
from qnlr.study.store import RunFolder
from qnlr.study.summary import shots_text
from qnlr.study.tune_config import Cell, Tuning, put

NEAR_AN_EDGE = 0.05
DIFFERENT_SHOTS = 1.01


@dataclass(frozen=True)
class Trial:
    """A cell at one rate.

    Args:
        number: Which of the cell's trials, counted from 0.
        cell: The cell.
        rate: What was tried.
        values: The metric for each seed; NaN where the run failed or diverged.
        shots: Shots that all its runs have spent in training.
        status: How they ended.
    """

    number: int
    cell: Cell
    rate: float
    values: tuple[float, ...]
    shots: int
    status: str

    @property
    def value(self) -> float:
        """The mean over seeds; NaN if a run has no finite value."""
        return float(np.mean(self.values))


def trial(
    tuning: Tuning, cell: Cell, number: int, rate: float, folders: Sequence[RunFolder]
) -> Trial:
    """Read how the runs of a trial ended.

    Args:
        tuning: The tuning.
        cell: The cell.
        number: Which of the cell's trials, counted from 0.
        rate: What was tried.
        folders: The runs, one a seed.

    Returns:
        The trial.
    """
    values, shots, endings = [], 0, []
    for folder in folders:
        status = folder.status() or {"status": "failed", "metrics": {}, "cost": {}}
        value = status["metrics"].get(f"metric_{tuning.table.metric}")
        ended = status["status"] in ENDED and value is not None
        values.append(float(value) if ended else math.nan)
        endings.append(str(status["status"]))
        shots += int(status["cost"].get("cost_shots", 0))
    return Trial(number, cell, rate, tuple(values), shots, ", ".join(dict.fromkeys(endings)))


def trials_frame(tuning: Tuning, trials: Sequence[Trial]) -> pd.DataFrame:
    """Return a row for each trial, cell by cell.

    Args:
        tuning: The tuning.
        trials: Its trials.

    Returns:
        Cell, rate, mean value, the value on each seed, shots, status and number of the trial.
    """
    seeds = [f"{tuning.table.metric}_seed_{seed}" for seed in tuning.seeds]
    rows = [
        {
            **_named(cell),
            "rate": one.rate,
            "value": one.value,
            **dict(zip(seeds, one.values, strict=True)),
            "shots": one.shots,
            "status": one.status,
            "trial": one.number,
        }
        for cell in tuning.cells
        for one in trials
        if one.cell is cell
    ]
    columns = ["label", "setting", "optimizer", "rate", "value", *seeds, "shots", "status", "trial"]
    return pd.DataFrame(rows, columns=columns)


def best_rates(tuning: Tuning, trials: pd.DataFrame) -> pd.DataFrame:
    """Return a row for each cell: its best rate; of equally good ones that tried first.

    Args:
        tuning: The tuning.
        trials: What :func:`trials_frame` returned.

    Returns:
        Cell, best rate and its value, NaN if every trial failed; the rate of the config and its
        value, NaN if it was not tried; trials, how many of them failed, and the shots of all.
    """
    rows = []
    for cell in tuning.cells:
        tried = trials[trials["label"] == cell.label]
        good = tried.dropna(subset="value").sort_values(
            "value", ascending=tuning.lower_is_better, kind="stable"
        )
        own = good[good["rate"] == cell.own_rate]
        row = {
            **_named(cell),
            "rate": _first(good["rate"]),
            "value": _first(good["value"]),
            "own_rate": cell.own_rate,
            "own_value": _first(own["value"]),
            "trials": len(tried),
            "failed": len(tried) - len(good),
            "shots": int(tried["shots"].sum()),
        }
        rows.append(row)
    return pd.DataFrame(rows)


def write_tuning(tuning: Tuning, trials: Sequence[Trial], folder: Path) -> None:
    """Write ``trials.csv``, ``best.csv`` and ``best.toml``, each whole or not at all.

    Args:
        tuning: The tuning.
        trials: Its trials so far.
        folder: Results folder of the study.
    """
    frame = trials_frame(tuning, trials)
    best = best_rates(tuning, frame)
    _write(folder / "trials.csv", lambda file: frame.to_csv(file, index=False))
    _write(folder / "best.csv", lambda file: best.to_csv(file, index=False))
    text = best_toml(tuning, best)
    _write(folder / "best.toml", lambda file: file.write_text(text, encoding="utf-8"))


def best_toml(tuning: Tuning, best: pd.DataFrame) -> str:
    """Write the optimizers at their best rates as tables of a config.

    Args:
        tuning: The tuning.
        best: What :func:`best_rates` returned.

    Returns:
        TOML; the tables of a setting follow a comment that names it.
    """
    table = tuning.table
    seeds = ", ".join(map(str, tuning.seeds))
    lines = [
        f"# The best {table.parameter} by {table.metric}, mean over the seeds {seeds},",
        f"# after {best['trials'].min()} of {table.trials} trials. Paste the tables of "
        "one setting.",
    ]
    for setting in dict.fromkeys(cell.setting for cell in tuning.cells):
        lines += ["", f"# Setting: {setting or 'the only one'}"]
        for cell, (_, row) in zip(tuning.cells, best.iterrows(), strict=True):
            if cell.setting == setting:
                lines += ["", *_optimizer(tuning, cell, row)]
    return "\n".join(lines) + "\n"


def remarks(tuning: Tuning, trials: pd.DataFrame, best: pd.DataFrame) -> list[str]:
    """Say what trials have spent, and what speaks against a comparison at the best rates.

    Args:
        tuning: The tuning.
        trials: What :func:`trials_frame` returned.
        best: What :func:`best_rates` returned.

    Returns:
        Sentences.
    """
    ended = trials.dropna(subset="value")
    sentences = _shots(ended[ended["shots"] > 0])
    for _, row in best.iterrows():
        if math.isnan(row["rate"]):
            sentences.append(f"Warning: {row['label']}: every trial failed or diverged.")
        elif (edge := _edge(tuning, row["rate"])) is not None:
            sentences.append(
                f"Warning: {row['label']}: the best rate {row['rate']:g} lies at the edge of the "
                f"range, {edge}; a better one may lie beyond."
            )
    return sentences


def _shots(trials: pd.DataFrame) -> list[str]:
    """Say what trials have spent, and in which settings cells have spent different shots."""
    if trials.empty:
        return []
    least, most = shots_text(trials["shots"].min()), shots_text(trials["shots"].max())
    sentences = [f"A trial spent {least if least == most else f'{least} to {most}'} shots."]
    for setting, own in trials.groupby("setting", sort=False):
        ordered = own.sort_values("shots", kind="stable")
        low, high = ordered.iloc[0], ordered.iloc[-1]
        if high["shots"] > DIFFERENT_SHOTS * low["shots"]:
            sentences.append(
                f"Warning: {setting}{': ' * bool(setting)}a trial of {low['optimizer']} spent "
                f"{shots_text(low['shots'])} shots, one of {high['optimizer']} "
                f"{shots_text(high['shots'])}; set training.max_shots to tune at the same budget."
            )
    return sentences


def _edge(tuning: Tuning, rate: float) -> str | None:
    """Name the edge of the range that a rate is next to, on a scale of logarithms."""
    low, high = tuning.table.low, tuning.table.high
    place = math.log(rate / low) / math.log(high / low)
    if place <= NEAR_AN_EDGE:
        return f"low = {low:g}"
    return f"high = {high:g}" if place >= 1 - NEAR_AN_EDGE else None


def _named(cell: Cell) -> dict[str, str]:
    optimizer = cell.specs[0].optimizer.name
    return {"label": cell.label, "setting": cell.setting, "optimizer": optimizer}


def _first(values: pd.Series) -> float:
    return math.nan if values.empty else float(values.iloc[0])


def _write(path: Path, write: Callable[[Path], object]) -> None:
    with replacing(path) as beside:
        write(beside)


def _optimizer(tuning: Tuning, cell: Cell, row: pd.Series) -> list[str]:
    if math.isnan(row["rate"]):
        return [f"# {cell.label}: every trial failed or diverged"]
    optimizer, tuned = cell.specs[0].optimizer, cell.path[1]
    given = optimizer.model_dump(mode="json", exclude_unset=True, exclude_none=True)
    whole = {"name": optimizer.name, tuned: optimizer.model_dump(mode="json")[tuned], **given}
    table = put(whole, cell.path[1:], float(row["rate"]))
    return [
        f"# {tuning.table.metric} {row['value']:.4g}",
        "[[optimizer]]",
        *(f"{key} = {_toml(value)}" for key, value in table.items()),
    ]


def _toml(value: Any) -> str:
    """Write a value of a config as TOML, tables in one line."""
    if isinstance(value, Mapping):
        inner = ", ".join(f"{key} = {_toml(one)}" for key, one in value.items())
        return f"{{ {inner} }}"
    if isinstance(value, list):
        return f"[{', '.join(map(_toml, value))}]"
    return json.dumps(value, ensure_ascii=False)  # as in JSON: strings, numbers, booleans
