"""The report of a study: one HTML page that needs nothing beside it."""

from __future__ import annotations

import base64
import html
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from qnlr.files import replacing
from qnlr.study.results import flatten
from qnlr.study.stats import findings, summary
from qnlr.study.store import RunFolder, listed_runs, read_json

STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 70rem; margin: 2rem auto; padding: 0 1rem;
       color: #1a1a1a; background: #fff; }
figure { display: inline-block; width: 49%; margin: 0; } figure img { width: 100%; }
figure.wide { width: 100%; }
@media (max-width: 50rem) { figure { width: 100%; } }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; margin: 1rem 0; }
th, td { padding: .3rem .6rem; text-align: right; border-bottom: 1px solid #ddd; }
th, td { white-space: nowrap; }
th:first-child, td:first-child, td:last-child { text-align: left; }
div { overflow-x: auto; } pre { background: #f5f5f5; padding: 1rem; overflow-x: auto; }
"""


def write_report(folder: Path, results: pd.DataFrame, figures: Sequence[Path]) -> Path:
    """Write the report of a study: findings, figures, table, and how to repeat it.

    Args:
        folder: Results folder of the study.
        results: What :func:`qnlr.load_results` returned.
        figures: PNG files, which are written into the page.

    Returns:
        The file.
    """
    name = html.escape(folder.name)
    sentences = "".join(f"<li>{html.escape(text)}</li>" for text in findings(results))
    shape = "wide" if results["setting"].nunique() > 1 else "half"  # a panel for each setting
    pictures = "".join(
        f'<figure class="{shape}"><img alt="{html.escape(file.stem.replace("_", " "))} per step" '
        f'src="data:image/png;base64,{base64.b64encode(file.read_bytes()).decode()}"></figure>'
        for file in figures
    )
    table = summary(results)
    numbers = "" if table.empty else table.reset_index().to_html(index=False, border=0)
    file = folder / "report.html"
    text = f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{name}</title>
<meta name="viewport" content="width=device-width, initial-scale=1"><style>{STYLE}</style></head>
<body><h1>{name}</h1>
<ul>{sentences}</ul>
{pictures}
<div>{numbers}</div>
<p>Training loss and test accuracy are measured after the last step on all samples, on the same
backend and with the same shots as training; those shots are not part of the count. The gradient
norm is that of the last mini-batch. Mean ± 95 % interval over seeds. A method is compared with the
SGD of its own setting and learning rate, or the only SGD of its setting.</p>
{_endings(results)}
{_provenance(folder)}
</body></html>
"""
    with replacing(file) as beside:
        beside.write_text(text, encoding="utf-8")
    return file


def _endings(results: pd.DataFrame) -> str:
    lines = [
        f"{row['label']}, seed {row['spec_seed']}: {row['status']} ({row['sentence']})"
        for _, row in results[results["status"] != "finished"].iterrows()
    ]
    if not lines:
        return ""
    return (
        "<h2>Runs that ended otherwise</h2><ul>"
        + "".join(f"<li>{html.escape(line)}</li>" for line in lines)
        + "</ul>"
    )


def _provenance(folder: Path) -> str:
    """Return how to repeat the study, what all of its runs have in common, and with what it ran."""
    config = read_json(folder / "study.json").get("config")
    runs = listed_runs(folder) or {}
    command = html.escape(f"qnlr run {config}")
    repeat = f"<h2>To repeat it</h2><pre>{command}</pre>" if config else ""
    known: list[dict[str, Any]] = []
    for run in runs:
        for session in RunFolder(folder / run).provenance():
            known += [] if session in known else [session]
    specs = [flatten(spec, ".") for spec in runs.values()]
    common = [
        f"{key} = {json.dumps(value, ensure_ascii=False)}"
        for key, value in specs[0].items()
        if value is not None and all(spec.get(key) == value for spec in specs)
    ]
    return (
        f"{repeat}<h2>What all runs have in common</h2><pre>{html.escape(chr(10).join(common))}"
        f"</pre><h2>With what they ran</h2><pre>{html.escape(json.dumps(known, indent=1))}</pre>"
    )
