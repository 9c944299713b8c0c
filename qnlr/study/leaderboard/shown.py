"""What a leaderboard shows in a terminal."""

from __future__ import annotations

from rich.table import Table

from qnlr.report import Document
from qnlr.study.display import console


def show_board(document: Document) -> None:
    """Print what was found, and the mean ranks.

    Args:
        document: The page.
    """
    out = console()
    first = document.sections[0].blocks[0]
    for line in (*getattr(first, "paragraphs", ()), *getattr(first, "bullets", ())):
        out.print(line, markup=False, soft_wrap=not out.is_terminal)
    ranks = [table for table in document.tables if table.name == "ranks"]
    for table in ranks:
        grid = Table(title=table.title, title_justify="left", box=None, pad_edge=False)
        for number, column in enumerate(table.columns):
            grid.add_column(column, justify="left" if number == 0 else "right")
        for row in table.rows:
            grid.add_row(*(cell.text for cell in row))
        out.print(grid)
