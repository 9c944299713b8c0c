"""Trained weights on a device, beside what was predicted: a section of a report, and lines."""

from __future__ import annotations

import math
from typing import Any

import pandas as pd

from qnlr.report import Cell, Section, Table

EVALUATED = (
    "All test samples, measured with the weights after the last step: on the device, and on the "
    "backend of the training (predicted). Gradient norm: that of the mean loss of the first "
    "training samples; in brackets the norm that shots alone would give a gradient of zero."
)


def evaluation_sections(results: pd.DataFrame) -> list[Section]:
    """Return what a report on a study says of trained weights on a device.

    Args:
        results: What :func:`qnlr.load_results` returned.

    Returns:
        What was measured there beside what was predicted; nothing if nothing was.
    """
    if not has_evaluation(results):
        return []
    return [Section("on_the_device", "On the device, and as predicted", (_table(results),))]


def evaluation_lines(results: pd.DataFrame) -> list[str]:
    """Return what was measured on the device, a line for each run.

    Args:
        results: What :func:`qnlr.load_results` returned.
    """
    if not has_evaluation(results):
        return []
    lines = []
    for _, row in results[results["metric_device_test_accuracy"].notna()].iterrows():
        accuracy, predicted = row["metric_device_test_accuracy"], row["metric_test_accuracy"]
        text = (
            f"{row['label']}, seed {row['spec_seed']}, on {row['spec_evaluation_backend_device']}: "
            f"test accuracy {100 * accuracy:.0f} % (predicted {100 * predicted:.0f} %)"
        )
        if _known(row, "metric_device_gradient_norm"):
            norms = [row[f"metric_{where}_gradient_norm"] for where in ("device", "predicted")]
            text += f", gradient norm {norms[0]:.2f} (predicted {norms[1]:.2f})"
        lines.append(text)
    return lines


def has_evaluation(results: pd.DataFrame) -> bool:
    """Return whether trained weights were measured on a device."""
    return "metric_device_test_accuracy" in results and bool(
        results["metric_device_test_accuracy"].notna().any()
    )


def _table(results: pd.DataFrame) -> Table:
    rows = []
    for _, row in results[results["metric_device_test_accuracy"].notna()].iterrows():
        cells = [
            Cell(f"{row['label']}, seed {row['spec_seed']}", note=row["run_id"]),
            Cell(str(row["spec_evaluation_backend_device"])),
        ]
        for metric, scale, digits in (("accuracy", 100, 1), ("loss", 1, 3)):
            for where in ("metric_device_test", "metric_test"):
                value = scale * row[f"{where}_{metric}"]
                cells.append(Cell(f"{value:.{digits}f}", value))
        cells += [_norm(row, where) for where in ("device", "predicted")]
        rows.append(tuple(cells))
    columns = (
        *("run", "device", "test accuracy %", "predicted %", "test loss", "predicted loss"),
        *("gradient norm", "predicted norm"),
    )
    title = "Trained weights on the device"
    return Table("on_the_device", title, columns, tuple(rows), EVALUATED, text_columns=2)


def _norm(row: pd.Series[Any], where: str) -> Cell:
    if not _known(row, name := f"metric_{where}_gradient_norm"):
        return Cell("–")
    return Cell(f"{row[name]:.3f} ({row[f'metric_{where}_gradient_std']:.3f})", row[name])


def _known(row: pd.Series[Any], name: str) -> bool:
    return name in row and math.isfinite(row[name])
