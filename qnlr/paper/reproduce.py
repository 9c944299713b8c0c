"""Everything that the report on the paper needs, executed as one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from qnlr.errors import InputError, nearest
from qnlr.paper.document import available, paper_document
from qnlr.paper.plateau import draw_config
from qnlr.paper.tables import tables
from qnlr.report import write_document
from qnlr.study.configs import default_configs as default_configs
from qnlr.study.execute import Report, execute
from qnlr.study.figures import save_figures
from qnlr.study.observer import Observer
from qnlr.study.report import write_report
from qnlr.study.results import load_history, load_results
from qnlr.study.spec import Study, load_study

DRAWN = "figure_01_plateau"
"""Figure 1 is drawn from its config alone."""


@dataclass(frozen=True)
class Reproduced:
    """What a reproduction gave.

    Args:
        report: How its runs went.
        page: The report, or None if it was interrupted, or nothing but Figure 1 was wanted.
    """

    report: Report
    page: Path | None


def study_names() -> list[str]:
    """Return the names of all studies of the paper, which are those of their configs.

    Example:
        >>> study_names()[0]
        'table_01_negative_rate'
    """
    return [*dict.fromkeys(study for table in tables().values() for study in table.studies)]


def load_studies(configs: Path, only: Sequence[str] = (), seeds: int | None = None) -> list[Study]:
    """Read the studies of the paper.

    Args:
        configs: Folder of their configs.
        only: Names, or beginnings of names, of the studies and tables that are wanted; none for
            all.
        seeds: Number of seeds to take instead of the configs', or None.

    Returns:
        The studies; Figure 1 has none.

    Raises:
        InputError: If a name is not known, or a config cannot be read.
    """
    studies = study_names()
    named = {name: {name} for name in studies} | {DRAWN: set()}
    for name, table in tables().items():
        named.setdefault(name, set()).update(table.studies)
    for prefix in only:
        if not any(name.startswith(prefix) for name in named):
            close = nearest(prefix, named)
            hint = f'; did you mean "{close}"?' if close else ""
            raise InputError(f'"{prefix}" begins no study{hint} They are: {", ".join(named)}')
    chosen = [own for name, own in named.items() if not only or name.startswith(tuple(only))]
    wanted = set[str]().union(*chosen)
    return [load_study(configs / f"{name}.toml", seeds) for name in studies if name in wanted]


def draw_wanted(configs: Path, only: Sequence[str], results: Path) -> list[Path]:
    """Draw Figure 1 if it is wanted by its name; the report draws it in any case.

    Args:
        configs: Folder of the configs.
        only: Names, or beginnings of names, of what is wanted.
        results: Folder of all results.

    Returns:
        The figure as PNG, PDF and SVG, or nothing.
    """
    wanted = any(DRAWN.startswith(prefix) for prefix in only)
    return draw_config(configs / f"{DRAWN}.toml", results) if wanted else []


def reproduce(
    results: str | Path = "results",
    *,
    configs: str | Path | None = None,
    only: Sequence[str] = (),
    fresh: bool = False,
    observer: Observer | None = None,
    jobs: int = 0,
    scheduler: str | None = None,
    seeds: int | None = None,
) -> Reproduced:
    """Execute every study of the paper and write the report on it.

    Runs that tables share are computed once, and what is done is not done again: call again after
    an interruption to go on.

    Args:
        results: Folder of all results; the report is written to ``report`` in it.
        configs: Folder of the configs; None for the package's own.
        only: Names, or beginnings of names, of the studies, tables or figures that are wanted; none
            for all.
        fresh: Whether to start over; what was there is moved aside.
        observer: Told how it goes on.
        jobs: Processes of one thread each that share the runs; 0 for this process alone.
        scheduler: Address of a Dask scheduler whose workers see the same files, or None.
        seeds: Number of seeds to take instead of the configs', or None.

    Returns:
        How the runs went, and the report, ``report/report.html``.

    Raises:
        InputError: If a config is not valid, or a folder cannot be written.
        CheckpointError: If a checkpoint cannot be used.
    """
    folder = default_configs() if configs is None else Path(configs)
    studies = load_studies(folder, only, seeds)
    draw_wanted(folder, only, Path(results))
    if not studies:
        return Reproduced(Report((), None, 0), None)
    report = execute(
        studies, results, fresh=fresh, observer=observer, jobs=jobs, scheduler=scheduler
    )
    if report.interrupted is not None:
        return Reproduced(report, None)
    return Reproduced(report, write_paper_report(Path(results)))


def write_paper_report(
    results: Path,
    wanted: Sequence[str] | None = None,
    told: Callable[[str], object] = lambda text: None,
) -> Path:
    """Write the report on the paper from what is in a results folder.

    Args:
        results: Folder of all results.
        wanted: Names of tables, or None for all whose studies were run.
        told: Told what it is at.

    Returns:
        The page.

    Raises:
        InputError: If no study of the paper is there.
    """
    if not available(results):
        raise InputError(
            f"there is no study of the paper in {results}; run qnlr reproduce, or unpack kept "
            "results with qnlr restore"
        )
    folder = results / "report"
    return write_document(paper_document(results, folder / "figures", wanted, told), folder)


def write_study_report(folder: Path, pictures: Sequence[Path] | None = None) -> Path:
    """Write the report of one study: with the paper's numbers beside its own, if it is the paper's.

    Args:
        folder: Results folder of the study, or a folder beside it with the name of a table of the
            paper; the report is written to ``report`` in it.
        pictures: Files of the figures of a study that is not the paper's, if they are drawn.

    Returns:
        The page.

    Raises:
        InputError: If there is no study in the folder, or one that the table needs was not run.
    """
    results, output = folder.parent, folder / "report"
    found = available(results)
    named = [name for name, table in found.items() if folder.name in (name, *table.studies)]
    if named:
        return write_document(paper_document(results, output / "figures", named), output)
    if folder.name in tables() and not (folder / "study.json").is_file():
        studies = tables()[folder.name].studies
        needed = [name for name in studies if not (results / name / "study.json").is_file()]
        raise InputError(
            f"{folder.name} needs {', '.join(needed)}, which {results} does not hold; run qnlr "
            f"reproduce {folder.name}"
        )
    history = load_history(folder)
    if pictures is None:
        pictures = [] if history.empty else save_figures(history, folder)
    return write_report(folder, load_results(folder), history, pictures)
