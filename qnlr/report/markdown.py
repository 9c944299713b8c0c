"""A document as Markdown, as GitHub and most other places show it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from html import escape
from typing import assert_never

from qnlr.report.claims import Claim, Claims
from qnlr.report.document import Block, Code, Details, Document, Figure, Section, Text
from qnlr.report.tables import Cell, Table

STYLES = {"paper": "*", "good": "**"}


def render_markdown(document: Document) -> str:
    """Return a document as Markdown, with aligned tables.

    Figures are shown from ``figures/<name>.svg``, where :func:`qnlr.report.write_document` puts
    them. Notes of cells follow their table.

    Args:
        document: The document.

    Returns:
        The text.

    Example:
        >>> from qnlr.report import Cell
        >>> rows = ((Cell("NLR"), Cell("0.3", 0.3)), (Cell("SGD"), Cell("0.25", 0.25)))
        >>> loss = Table("loss", "Loss", ("optimizer", "loss"), rows)
        >>> print(render_markdown(Document("Study", "", (Section("all", "All", (loss,)),))))
        # Study
        <BLANKLINE>
        ## All
        <BLANKLINE>
        **Loss.**
        <BLANKLINE>
        | optimizer | loss |
        |:----------|-----:|
        | NLR       |  0.3 |
        | SGD       | 0.25 |
        <BLANKLINE>
    """
    parts = [f"# {_words(document.title)}", _paragraph(document.subtitle)]
    parts += [part for section in document.sections for part in _section(section)]
    if document.footer:
        parts += ["---", _paragraph(document.footer)]
    return "\n\n".join(part for part in parts if part) + "\n"


def _section(section: Section) -> list[str]:
    return [f"{'#' * section.level} {_words(section.title)}", *_blocks(section.blocks)]


def _blocks(blocks: Iterable[Block]) -> list[str]:
    return [part for block in blocks for part in _block(block)]


def _block(block: Block) -> list[str]:
    match block:
        case Text():
            bullets = "\n".join(f"- {_paragraph(item)}" for item in block.bullets)
            return [*map(_paragraph, block.paragraphs), bullets]
        case Table():
            return _table(block)
        case Figure():
            image = f"![{_words(block.described)}](figures/{block.name}.svg)"
            return [image, _titled(block.title, block.caption), _others(block)]
        case Claims():
            return [part for claim in block.claims for part in _claim(claim)]
        case Code():
            return [_code(block.text)]
        case Details():
            summary = f"<details>\n<summary>{escape(block.title)}</summary>"
            return [summary, *_blocks(block.blocks), "</details>"]
        case _:
            assert_never(block)


def _titled(title: str, caption: str) -> str:
    return f"**{_words(title)}.** {_words(caption)}".strip()


def _others(figure: Figure) -> str:
    links = [f"[{_words(file.name)}](<figures/{file.name}>)" for file in figure.files]
    return f"Also as {', '.join(links)}." if links else ""


def _claim(claim: Claim) -> list[str]:
    where = f" ({_words(claim.where)})" if claim.where else ""
    says = f"**{claim.verdict.icon} {claim.verdict.capitalize()}:** {_words(claim.says)}{where}"
    interval = f" ({_words(claim.interval)})" if claim.interval else ""
    detail = f"\n- {_paragraph(claim.detail)}" if claim.detail else ""
    lines = "".join(f"\n- {_words(line)}" for line in (*claim.others, *claim.parts))
    return [says, f"- Measured: {_words(claim.measured)}{interval}{detail}{lines}"]


def _table(table: Table) -> list[str]:
    notes: dict[str, int] = {}
    rows = [[_cell(cell, notes) for cell in row] for row in table.rows]
    heads = [_words(head) for head in table.columns]
    columns = list(zip(heads, *rows, strict=True))
    widths = [max(3, *map(len, column)) for column in columns]
    words = table.text_columns
    lines = [
        "|"
        + "|".join(
            f" {cell:<{width}} " if position < words else f" {cell:>{width}} "
            for position, (cell, width) in enumerate(zip(line, widths, strict=True))
        )
        + "|"
        for line in [heads, *rows]
    ]
    rules = [
        f":{'-' * (width + 1)}" if position < words else f"{'-' * (width + 1)}:"
        for position, width in enumerate(widths)
    ]
    lines.insert(1, f"|{'|'.join(rules)}|")
    below = [
        _words(table.legend),
        *(f"[{number}] {_words(note)}" for note, number in notes.items()),
    ]
    source = f"To repeat it: {_inline_code(table.source)}" if table.source else ""
    return [
        _titled(table.title, table.caption),
        "\n".join(lines),
        "\\\n".join(filter(None, [*below, source])),
    ]


def _cell(cell: Cell, notes: dict[str, int]) -> str:
    mark = STYLES.get(cell.kind, "")
    text = _words(cell.text)
    styled = f"{mark}{text}{mark}" if text else ""
    if not cell.note:
        return styled
    number = notes.setdefault(cell.note, len(notes) + 1)
    return f"{styled} <sup>{number}</sup>"


def _code(text: str) -> str:
    fence = "`" * max(3, _longest_ticks(text) + 1)
    return f"{fence}text\n{text}\n{fence}"


def _inline_code(text: str) -> str:
    line = " ".join(text.split())
    ticks = "`" * (_longest_ticks(line) + 1)
    room = " " if ticks != "`" else ""
    return f"{ticks}{room}{line}{room}{ticks}"


def _longest_ticks(text: str) -> int:
    return max(map(len, re.findall("`+", text)), default=0)


def _words(text: str) -> str:
    """Return plain text on one line, with all signs escaped that Markdown would read."""
    return re.sub(r"([\\`*_\[\]<>|&~$#])", r"\\\1", " ".join(text.split()))


def _paragraph(text: str) -> str:
    """Return plain text that does not start with what would make it a list or a heading."""
    return re.sub(r"^(\d*)([-+=.)])", r"\1\\\2", _words(text))
