"""The page of a leaderboard: figures first, then tables, then how it was measured."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from pathlib import Path

import pandas as pd

from qnlr.errors import InputError
from qnlr.files import replacing
from qnlr.report import Block, Code, Details, Document, Section, Text, write_document
from qnlr.study.build import Builder
from qnlr.study.leaderboard.board import Board
from qnlr.study.leaderboard.outcomes import Kept, runs_frame
from qnlr.study.leaderboard.pictures import (
    cost_figure,
    cost_intervals,
    excess_figure,
    rank_figure,
    rates_figure,
)
from qnlr.study.leaderboard.plan import SPARE, Plan
from qnlr.study.leaderboard.ranks import friedman, mean_rank_frame, rank_comparisons, ranked
from qnlr.study.leaderboard.spending import capped_sentences, spending, spending_table
from qnlr.study.leaderboard.standings import ALL, FINAL, Standings, excesses, percent, standings
from qnlr.study.leaderboard.tabulated import (
    cost_table,
    judged_table,
    loss_table,
    rank_table,
    rate_table,
)
from qnlr.study.leaderboard.targets import costs_frame
from qnlr.study.leaderboard.verdicts import judged, said
from qnlr.study.listing import named
from qnlr.study.store import RunFolder


def write_board(board: Board, results: str | Path = "results") -> tuple[Path, Document]:
    """Write the page of a leaderboard from the runs that are there.

    Args:
        board: The leaderboard, or a part of it.
        results: Folder of all results. Written are ``runs.csv`` in that of the leaderboard, and the
            page in ``report`` there.

    Returns:
        The page, and what is on it.

    Raises:
        InputError: If nothing of it was run to its end.
    """
    folder = Path(results) / board.name
    kept = Kept(folder)
    runs = runs_frame(Plan(board, Builder(board.folder)), kept)
    found = standings(board, runs, kept)
    if not found.entries:
        raise InputError(
            f"nothing of the leaderboard {board.name} was run to its end in {folder}; run it first"
        )
    with replacing(folder / "runs.csv") as beside:
        runs.to_csv(beside, index=False)
    document = board_document(found, kept, folder)
    return write_document(document, folder / "report"), document


def board_document(found: Standings, kept: Kept, folder: Path) -> Document:
    """Return the page of a leaderboard as a document.

    Args:
        found: What is known.
        kept: What is kept of its runs.
        folder: Results folder of the leaderboard.
    """
    board, source = found.board, command(found.board)
    excess, costs = excesses(found), costs_frame(found, kept)
    ranks = ranked(found, found.groups[ALL])
    claims = judged(found, excess, costs)
    subject = board.table.subject or ""
    intervals = cost_intervals(found, costs)
    means = mean_rank_frame(found)
    spent = spending(found)
    files = folder / "report" / "figures"
    figures: list[Block | None] = [
        None if means.empty else rank_figure(means, files),
        None if excess["excess"].isna().all() else excess_figure(found, excess, files),
        rates_figure(excess, files),
        cost_figure(found, intervals, files),
    ]
    modes = [mode.name for mode in board.modes if mode.name in set(excess["mode"])]
    tables: list[Block | None] = [
        judged_table(claims, source) if claims else None,
        None if means.empty else rank_table(means, rank_comparisons(ranks, subject), source),
        cost_table(found, costs, intervals, source),
        Details("What was spent of budgets", (spending_table(found, spent, source),)),
        *(loss_table(found, excess, mode, source) for mode in modes),
        Details("Tuned rates, and what tuning spent", (rate_table(found, source),)),
    ]
    exceptions = tuple(
        Details(f"Where not: {one.claim}", (Text(bullets=one.exceptions),))
        for one in claims
        if one.exceptions
    )
    sentences = (*_ranking(found, means, ranks), *capped_sentences(found, spent))
    sections = [
        Section("findings", "What was found", (Text(sentences, tuple(said(claims))),)),
        Section("figures", "Figures", _there(figures)),
        Section("tables", "Tables", _there(tables)),
        Section("exceptions", "Where claims do not hold", exceptions),
        Section("method", "How it was measured", (Text(bullets=_method(found)),)),
        Section("runs", "Runs", _runs(found, folder)),
        Section("repeat", "To repeat it", _repeat(found, folder, source)),
    ]
    title = f"Leaderboard of optimizers: {board.name}"
    subtitle = (
        f"{len(found.entries)} entries on {len(board.problems)} problems in {len(board.modes)} "
        f"modes, {len(board.seeds)} paired seeds; every run may spend what {board.table.steps} "
        f"steps of SGD cost, in at most {_caps(board)}."
    )
    return Document(title, subtitle, tuple(one for one in sections if one.blocks))


def command(board: Board) -> str:
    """Return the command that repeats a leaderboard.

    Args:
        board: The leaderboard.
    """
    config = "CONFIG" if board.place.path is None else named(board.place.path)
    given = "".join(f" --optimizer {named(file)}" for file in board.extra)
    return f"qnlr leaderboard {config}{given}"


def _there(blocks: Iterable[Block | None]) -> tuple[Block, ...]:
    return tuple(block for block in blocks if block is not None)


def _ranking(found: Standings, means: pd.DataFrame, ranks: pd.DataFrame) -> tuple[str, ...]:
    """Say who ranks first and last, who does not, and whether all might rank alike."""
    if means.empty or ranks.empty:
        return ("There is no problem, mode and seed on which every entry has a run to rank.",)
    order = means[means["mode"] == ALL].sort_values("mean", kind="stable")
    first, last = order.iloc[0], order.iloc[-1]
    test = friedman(ranks)
    p = (
        ""
        if math.isnan(test.p_value)
        else (
            f" Friedman's test that all rank alike, over {test.blocks} problems and modes, has "
            f"p = {test.p_value:.2g}; the modes of a problem are not independent, so that p is "
            "too small rather than too large."
        )
    )
    problems = f"{int(first['problems'])} of {len(found.board.problems)} problems"
    others = [name for name in found.entries if name not in set(order["entry"])]
    apart = (
        f" {', '.join(others)} cannot be ranked with them, for want of problems or modes."
        if others
        else ""
    )
    return (
        f"First by mean rank, at tuned rates, on {problems}, is {first['entry']} with "
        f"{first['mean']:.2f} [{first['low']:.2f}, {first['high']:.2f}] of {len(order)}; last is "
        f"{last['entry']} with {last['mean']:.2f} [{last['low']:.2f}, {last['high']:.2f}].{p}"
        f"{apart}",
    )


def _method(found: Standings) -> tuple[str, ...]:
    table = found.board.table
    energies = [one.name for one in found.board.problems if found.is_energy(one.name)]
    lines = [
        f"Budget: on shots, what {table.steps} steps of SGD with parameter-shift gradients cost, "
        "steps · (2P + 1) · B · bases · shots; with exact values, as many circuits. At most "
        f"{_caps(found.board)}, so that an entry with cheap steps may spend less; with exact "
        "values steps are as many as the most probes that they may take leave room for. What "
        "evaluations cost is not counted.",
        f"Tuning: each entry with an initial rate is run at {len(table.rates)} rates from "
        f"{min(table.rates):g} to {max(table.rates):g}, unless it has its own or none, on the "
        f"seeds {', '.join(map(str, table.tuning_seeds))}, which no comparison uses, for each "
        "problem and mode; the lowest mean final training loss wins, and a rate at which a run "
        "diverges or fails is worse than any other.",
        "Untuned is the rate that the entry has by itself. Decades are "
        f"{', '.join(f'{rate:g}' for rate in table.decades)}, unless an entry has its own. An "
        "entry that is tuned may have fewer seeds at either; tables say how many.",
        "Entries that are compared share data, split, initial weights and mini-batches on each "
        "seed, and draw their shots apart.",
        "Final losses are those of the last weights on all training samples, under the noise of "
        "the mode but without shot noise, for the simulator can leave it out: losses are then "
        "those of the weights and not of the shots that measured them. Rates are tuned, and "
        "targets reached, by losses as the runs measured them.",
        "The best tuned rival of an entry is the other entry with the lowest mean final loss at "
        "its tuned rate. It is picked on the seeds that it is compared on, which favours it.",
    ]
    if energies:
        lines.append(
            f"Losses of {', '.join(energies)} are energies, or minus a cut, whose zero means "
            "nothing: there a share is one of the way from the initial loss, averaged over seeds, "
            "to the rival's final one."
        )
    lines.append(
        f"Targets: the final loss of tuned {table.reference} on the same problem, mode and seed "
        f"plus {percent(table.tolerance, 0)}; first reached at an evaluation, of which a run has "
        f"about {table.evaluations}, evenly in cost, so that costs below 1/{table.evaluations} of "
        "the budget are not told apart. A run of an entry that chooses its shots is evaluated "
        "evenly in steps, which do not cost the same: "
        f"{SPARE * table.evaluations} times if it makes the most steps that it may, and less often "
        "if its budget is spent before."
    )
    lines += _shot_noise(found)
    return (*lines, *table.remarks)


def _caps(board: Board) -> str:
    """Say how many steps a run may make."""
    others: dict[int, list[str]] = {}
    for entry in board.entries:
        if entry.most_steps is not None and entry.most_steps != board.table.most_steps:
            others.setdefault(entry.most_steps, []).append(entry.name)
    but = "; ".join(f"{', '.join(names)}: {most}" for most, names in others.items())
    return f"{board.table.most_steps} steps" + (f" ({but})" if but else "")


def _shot_noise(found: Standings) -> list[str]:
    """Say whose final losses are known with shot noise alone."""
    runs = found.runs[found.runs["use"].isin(FINAL) & found.runs["noisy"]]
    counts = runs.drop_duplicates("run").groupby("entry", sort=False).size()
    if counts.empty:
        return []
    named = ", ".join(f"{entry} ({count})" for entry, count in counts.items())
    return [
        f"Shot noise could not be left out for the runs of {named}, in brackets how many: their "
        "final losses are those that were measured with shots."
    ]


def _runs(found: Standings, folder: Path) -> tuple[Block, ...]:
    runs = found.runs
    different = runs.drop_duplicates("run")
    counts = different["status"].value_counts()
    lines = [f"{count} {status}" for status, count in counts.items()]
    names = sorted({one.name for one in found.board.entries} - set(found.entries))
    if names:
        lines.append(f"without a tuned run yet: {', '.join(names)}")
    bad = different[different["status"].isin(["failed", "diverged"])]
    told = [
        f"{row['entry']}, {row['problem']}, {row['mode']}, seed {row['seed']}, {row['run']}: "
        f"{(RunFolder(folder / row['run']).status() or {}).get('sentence', row['status'])}"
        for row in bad.to_dict("records")
    ]
    whole = Text((f"{len(different)} different runs, in {len(runs)} uses:",), tuple(lines))
    if not told:
        return (whole,)
    return whole, Details("Runs that diverged or failed", (Text(bullets=tuple(told)),))


def _repeat(found: Standings, folder: Path, source: str) -> tuple[Block, ...]:
    versions: dict[str, object] = {}
    for run in dict.fromkeys(found.runs["run"]):
        for session in RunFolder(folder / run).provenance():
            known = {key: value for key, value in session.items() if key != "data"}
            versions.setdefault(json.dumps(known, sort_keys=True), known)
    example = found.runs["run"].iloc[0]
    return (
        Code(source),
        Text(("The page again, from what was run:",)),
        Code(f"{source} --report-only"),
        Text(("One run alone, compared with what is kept of it:",)),
        Code(f"qnlr repeat {found.board.name}/{example}"),
        Text(("With an optimizer of your own, in a file that is executed:",)),
        Code(f"{source} --optimizer my_optimizer.py"),
        Details(
            "With what it ran",
            (Code(json.dumps(list(versions.values()), indent=1, ensure_ascii=False)),),
        ),
    )
