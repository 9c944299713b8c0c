"""A table as plain data."""

from __future__ import annotations

from dataclasses import dataclass

from qnlr.errors import InputError, require_count, unknown_name
from qnlr.report.names import require_different, require_stem

KINDS = ("", "paper", "good", "bad", "muted")
LEGEND = "Italics: as the paper gives it."


@dataclass(frozen=True)
class Cell:
    """One cell of a table.

    Args:
        text: What is shown.
        value: What the cell is sorted by, and what CSV files give at full precision; None for text.
        note: What else is to be known of the cell, such as the runs behind it.
        kind: ``"paper"`` for what the paper gives, ``"good"``, ``"bad"``, ``"muted"``, or nothing.

    Raises:
        InputError: If the kind is not known.

    Example:
        >>> Cell("0.93 ± 0.02", 0.9312, note="10 seeds")
        Cell(text='0.93 ± 0.02', value=0.9312, note='10 seeds', kind='')
    """

    text: str
    value: float | None = None
    note: str = ""
    kind: str = ""

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise unknown_name("kind of cell", self.kind, [kind for kind in KINDS if kind])


@dataclass(frozen=True)
class Table:
    """A table.

    Args:
        name: Stem of its files, such as ``"table_06"``.
        title: What it shows, in a few words.
        columns: The heads of its columns, all different.
        rows: As many cells each as there are columns.
        caption: What has to be known to read it.
        source: The command that repeats it.
        text_columns: How many columns from the left are words, and therefore set left-aligned.

    Raises:
        InputError: If the name is no file stem, two columns share a head, or a row has more or
            fewer cells than there are columns.

    Example:
        >>> table = Table("loss", "Loss", ("optimizer", "loss"), ((Cell("NLR"),),))
        Traceback (most recent call last):
        ...
        qnlr.errors.InputError: row 1 of table "loss" has 1 cells; it must have 2: optimizer, loss
    """

    name: str
    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    caption: str = ""
    source: str = ""
    text_columns: int = 1

    def __post_init__(self) -> None:
        require_stem("table", self.name)
        where = f'table "{self.name}"'
        require_count(f"number of columns of {where}", len(self.columns))
        require_count(f"text_columns of {where}", self.text_columns, 0, len(self.columns))
        require_different(f"columns of {where}", self.columns)
        for number, row in enumerate(self.rows, start=1):
            if len(row) != len(self.columns):
                raise InputError(
                    f"row {number} of {where} has {len(row)} cells; "
                    f"it must have {len(self.columns)}: {', '.join(self.columns)}"
                )

    @property
    def legend(self) -> str:
        """What its italics mean, if it has any."""
        return LEGEND if any(cell.kind == "paper" for row in self.rows for cell in row) else ""
