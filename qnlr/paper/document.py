"""The report on the paper: what was found, claim by claim and table by table."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from qnlr.paper.checks import Book, Difference, Ref
from qnlr.paper.claims import claims
from qnlr.paper.evidence import Evidence
from qnlr.paper.numbers import Numbers, numbers
from qnlr.paper.pictures import cave, of_table, per_step
from qnlr.paper.reference import reference
from qnlr.paper.shown import READING, compared_table, numbers_table
from qnlr.paper.shown_beside import bounds_table, last_and_best_table, ranks_table
from qnlr.paper.tables import ADAM, NLR, SGD, Z_NLR, PaperTable, tables
from qnlr.paper.verdicts import NAMES, judged, left_out
from qnlr.report import Block, Claim, Claims, Code, Details, Document, Section, Text, Verdict
from qnlr.study.report import repeat_blocks

METHOD = (
    "Every run is a mini-batch optimization of the paper's circuit: six qubits, five layers of "
    "RX, RY, RZ and a chain of CX, amplitude encoding, ⟨Z⟩ of qubit 0, squared error against "
    "labels ±1, mini-batches of 32, 500 steps, η = 0.01 and η' = 0.02 unless a table varies them. "
    "Methods that are compared share data, split, initial weights and mini-batches on each seed, "
    "and draw their shots apart.",
    "Each is evaluated in three ways: exactly, with 1000 shots, and with 1000 shots under "
    "depolarizing and read-out noise of rate ν = 0.01. The paper measures with 1000 shots, so "
    "these decide verdicts, unless a claim is about noise; what the others show stands beside. "
    "Error mitigation, and the axis of Table V read as a noise rate, are measured under noise "
    "only.",
    "Tuned learning rates are what Optuna found in eight trials from 0.003 to 3 for each "
    "optimizer on each dataset, by the training loss after the shots that 500 steps of SGD cost, "
    "as the mean of two seeds that are not compared, with 1000 shots and without noise; κ = η'/η "
    "stays at 2. They are used in all three evaluations. Best losses of the optimizers lie closer "
    "together than two seeds can tell apart.",
)
VERDICTS = (
    "Reproduced: what the claim says was seen, at the 5 % level of Student's t over paired seeds.",
    "Contradicted: its contrary was seen, at 5 % divided by the number of comparisons in the "
    "claim.",
    "Not reproduced: neither; the interval allows both.",
    "Cannot hold: a bound forbids it, or the paper's own numbers do.",
    "Not specified enough: the paper does not say what would have to be run; what was assumed "
    "instead is said.",
)


def available(results: Path) -> dict[str, PaperTable]:
    """Return the tables of which all studies are in a results folder.

    Args:
        results: Folder of all results.
    """
    return {
        name: table
        for name, table in tables().items()
        if all((results / study / "study.json").is_file() for study in table.studies)
    }


def evidence_of(table: PaperTable, results: Path) -> Evidence:
    """Load the runs of a table's studies.

    Args:
        table: The table.
        results: Folder of all results.
    """
    return Evidence.joined([Evidence.load(results / study) for study in table.studies])


def paper_document(
    results: Path,
    files: Path,
    wanted: Sequence[str] | None = None,
    told: Callable[[str], object] = lambda text: None,
) -> Document:
    """Return the report on the paper, from what is in a results folder.

    Args:
        results: Folder of all results.
        files: Folder in which figures are made.
        wanted: Names of tables, or None for all whose studies were run.
        told: Told what it is at, as this can take a minute.

    Returns:
        The report: findings, claims, and a section for each table and figure.
    """
    found, whole = available(results), wanted is None
    chosen = {name: found[name] for name in (found if wanted is None else wanted)}
    book: dict[str, Numbers] = {}
    sections = []
    for number, (name, table) in enumerate(chosen.items(), start=1):
        told(f"report: {table.title} ({number} of {len(chosen)})")
        evidence = evidence_of(table, results)
        book[name] = numbers(table, evidence)
        sections.append(_section(book[name], evidence, files))
    if whole:
        sections.insert(0, Section("figure_01", "Figure 1", (cave(files),)))
    verdicts = judged(book, [claim for claim in claims() if whole or claim.measured])
    unjudged = left_out(book) if whole else ()
    missing = Text(("Not judged, as not all was run that they are about:",), unjudged)
    first = Section(
        "claims",
        "What the paper claims, and what was measured",
        (Claims(verdicts), *([missing] if unjudged else [])),
    )
    setup = reference()["setup"]
    shown = (
        "Every table and figure" if whole else "; ".join(table.title for table in chosen.values())
    )
    return Document(
        "Escaping barren plateaus with a negative learning rate: reproduced",
        f"{setup['source']}. {shown}, beside what was measured.",
        (
            Section(
                "findings", "What was found", (Text((_summary(book, verdicts),), _main(book)),)
            ),
            first,
            Section("reading", "How to read the tables", (Text(READING),)),
            *(_bounds() if whole else []),
            *sections,
            _how(results, chosen),
        ),
        "Repeat everything: qnlr reproduce",
    )


def _section(numbers: Numbers, evidence: Evidence, files: Path) -> Section:
    table = numbers.table
    if table.per_step:
        drawn = table.per_step.startswith("metric_")
        figures = per_step(numbers, evidence, files) if drawn else of_table(numbers, files)
        return Section(f"section_{table.name}", table.title, (*figures, _endings(numbers)))
    blocks: list[Block] = [*of_table(numbers, files)]
    blocks.append(numbers_table(numbers))
    if table.axis == "dataset" and len(numbers.table.methods) > 2:
        blocks.append(ranks_table(numbers))
    blocks += [
        Details("Compared with SGD and with Adam, with tests", (compared_table(numbers),)),
        Details("Last and best, training and test samples", (last_and_best_table(numbers),)),
        _endings(numbers),
    ]
    return Section(f"section_{table.name}", table.title, tuple(blocks))


def _endings(numbers: Numbers) -> Block:
    if numbers.runs.empty:
        return Text(("Nothing was run.",))
    runs = numbers.runs.drop_duplicates("run_id")
    counts = runs["status"].value_counts()
    lines = [f"{count} {status}" for status, count in counts.items()]
    others = runs[runs["status"] != "finished"]
    for row in others.to_dict("records"):
        cell = ", ".join(filter(None, [row["method"], row["setting"], row["mode"]]))
        lines.append(f"{cell}, seed {row['spec_seed']}: {row['status']} ({row['sentence']})")
    return Details("How its runs ended", (Text((f"{len(runs)} runs.",), tuple(lines)),))


def _summary(book: Book, verdicts: Sequence[Claim]) -> str:
    counts = {one: sum(claim.verdict is one for claim in verdicts) for one in Verdict}
    said = ", ".join(f"{count} {verdict}" for verdict, count in counts.items() if count)
    runs = {run for numbers in book.values() for run in numbers.runs.get("run_id", [])}
    return f"Of {len(verdicts)} claims: {said}. This rests on {len(runs)} runs."


def _bounds() -> list[Section]:
    said = (
        "For a bare ⟨Z⟩, and for squared error and cross-entropy, a gradient can only be as large "
        "as the loss on the same samples allows, whatever the circuit: most pairs of loss and "
        "gradient norm that the paper reports are beyond that.",
    )
    folded = Details("Every row of the paper against the bounds", (bounds_table(),))
    return [Section("bounds", "What circuits can have", (Text(said), folded))]


def _main(book: Book) -> tuple[str, ...]:
    """Return the main comparisons as sentences."""
    lines = []
    for mode, how in NAMES.items():
        for table, at in (
            ("table_06_optimizers", "all at the rate 0.01"),
            ("table_06_tuned", "each at its tuned rate"),
        ):
            base = Ref(table, SGD.label).seeds(book, mode)
            gaps = {
                method.label: Difference.between(Ref(table, method.label).seeds(book, mode), base)
                for method in (NLR, Z_NLR, ADAM)
            }
            parts = [
                f"{label} {gap.interval.text()}"
                for label, gap in gaps.items()
                if gap.interval.count > 1
            ]
            if parts:
                lines.append(
                    f"Gaussians, {how}, {at}: training loss minus SGD's ({base.mean():.3f}) is "
                    f"{', '.join(parts)}."
                )
    return tuple(lines)


def _how(results: Path, chosen: dict[str, PaperTable]) -> Section:
    studies = list(dict.fromkeys(name for table in chosen.values() for name in table.studies))
    return Section(
        "method",
        "How it was measured",
        (
            Text(METHOD),
            Text(("What the verdicts mean:",), VERDICTS),
            Code("qnlr reproduce"),
            *repeat_blocks([results / name for name in studies]),
        ),
    )
