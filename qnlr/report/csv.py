"""A table as CSV: what is shown, and the numbers behind it at full precision."""

from __future__ import annotations

import csv
import io

from qnlr.report.tables import Table


def render_csv(table: Table) -> str:
    r"""Return a table as CSV text, with a line of heads.

    A column in which any cell has a value is followed by ``"<head> [value]"``, the shortest digits
    that give the same float again; one in which any cell has a note by ``"<head> [note]"``.

    Args:
        table: The table.

    Returns:
        The text, its lines ended by ``\n``.

    Example:
        >>> from qnlr.report import Cell
        >>> row = (Cell("NLR"), Cell("0.33 ± 0.01", 1 / 3))
        >>> print(render_csv(Table("loss", "Loss", ("optimizer", "loss"), (row,))), end="")
        optimizer,loss,loss [value]
        NLR,0.33 ± 0.01,0.3333333333333333
    """
    heads: list[str] = []
    columns: list[list[str]] = []
    for position, head in enumerate(table.columns):
        cells = [row[position] for row in table.rows]
        heads.append(head)
        columns.append([cell.text for cell in cells])
        if any(cell.value is not None for cell in cells):
            heads.append(f"{head} [value]")
            columns.append(["" if c.value is None else repr(float(c.value)) for c in cells])
        if any(cell.note for cell in cells):
            heads.append(f"{head} [note]")
            columns.append([cell.note for cell in cells])
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\n").writerows([heads, *zip(*columns, strict=True)])
    return text.getvalue()
