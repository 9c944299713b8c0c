"""A table as LaTeX, for a paper."""

from __future__ import annotations

from qnlr.report.latex_text import latex_text
from qnlr.report.tables import Cell, Table

STYLES = {"paper": r"\textit{%s}", "good": r"\textbf{%s}"}


def render_latex(table: Table) -> str:
    r"""Return a table as a LaTeX float that needs the package booktabs and no other.

    What the paper gives is set in italics, what is good in bold. Notes of cells are kept as
    comments, for they are mostly names of runs.

    Args:
        table: The table.

    Returns:
        The text, to be read with ``\input``; its label is ``tab:<name>``.

    Example:
        >>> from qnlr.report import Cell
        >>> row = (Cell("NLR"), Cell("0.33 ± 0.01", 1 / 3))
        >>> print(render_latex(Table("loss", "Loss", ("optimizer", "loss"), (row,))))
        % needs \usepackage{booktabs}
        \begin{table}
          \centering
          \caption{Loss.}
          \label{tab:loss}
          \begin{tabular}{lr}
            \toprule
            optimizer & loss \\
            \midrule
            NLR & 0.33 \ensuremath{\pm} 0.01 \\
            \bottomrule
          \end{tabular}
        \end{table}
        <BLANKLINE>
    """
    title = f"{table.title}."
    caption = " ".join(filter(None, (title, table.caption, table.legend)))
    numbers = len(table.columns) - table.text_columns
    source = [f"% repeated by: {_comment(table.source)}"] if table.source else []
    lines = [
        r"% needs \usepackage{booktabs}",
        *source,
        *_notes(table),
        r"\begin{table}",
        r"  \centering",
        rf"  \caption{{{latex_text(caption)}}}",
        rf"  \label{{tab:{table.name}}}",
        rf"  \begin{{tabular}}{{{'l' * table.text_columns}{'r' * numbers}}}",
        r"    \toprule",
        _line([latex_text(head) for head in table.columns]),
        r"    \midrule",
        *(_line([_cell(cell) for cell in row]) for row in table.rows),
        r"    \bottomrule",
        r"  \end{tabular}",
        r"\end{table}",
    ]
    return "\n".join(lines) + "\n"


def _line(cells: list[str]) -> str:
    line = " & ".join(cells)
    guard = (
        "{}" if line.startswith(("[", "*")) else ""
    )  # the line before would take them for its own
    return f"    {guard}{line} \\\\"


def _cell(cell: Cell) -> str:
    text = latex_text(cell.text)
    return STYLES.get(cell.kind, "%s").replace("%s", text) if text else ""


def _notes(table: Table) -> list[str]:
    return [
        f"% row {number}, {_comment(head)}: {_comment(cell.note)}"
        for number, row in enumerate(table.rows, start=1)
        for head, cell in zip(table.columns, row, strict=True)
        if cell.note
    ]


def _comment(text: str) -> str:
    """Return text on one line, which is all that a comment can hold."""
    return " ".join(text.split())
