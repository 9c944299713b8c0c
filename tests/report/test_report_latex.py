import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qnlr.report import Cell, Table, render_latex
from qnlr.report.latex_text import LOWERED, MATHS, RAISED, SPECIAL, latex_text

KNOWN = "".join([*SPECIAL, *MATHS, *RAISED, *LOWERED])
TEXTS = st.text(st.characters(codec="utf-8")) | st.text(KNOWN + "aé[*")


def depth(text):
    """Return how deep braces nest, making sure that they balance."""
    level = deepest = 0
    for sign in re.findall(r"\\.|[{}]", text, re.DOTALL):
        level += {"{": 1, "}": -1}.get(sign, 0)
        deepest = max(deepest, level)
        assert level >= 0
    assert level == 0
    return deepest


@given(TEXTS)
def test_text_holds_only_what_pdflatex_reads(text):
    latex = latex_text(text)
    depth(latex)
    words = re.sub(r"\\ensuremath\{(?:[^{}]|\{[^{}]*\})*\}", "", latex)
    assert not set(re.sub(r"\\([a-zA-Z]+|.)", "", words)) & set('$&#%_^"`<>|\\')
    assert all(sign.isascii() or sign < "\u0180" for sign in latex)
    assert "\n" not in latex


@pytest.mark.parametrize(
    ("text", "latex"),
    [
        ("50 % & $5 #1 a_b {c} ~ ^ \\", r"50 \% \& \$5 \#1 a\_b \{c\} \textasciitilde{} "
         r"\textasciicircum{} \textbackslash{}"),
        ("0.3 ± 0.1", r"0.3 \ensuremath{\pm} 0.1"),
        ("η ν κ σ", r"\ensuremath{\eta} \ensuremath{\nu} \ensuremath{\kappa} \ensuremath{\sigma}"),
        ("‖g‖ ≤ ∞", r"\ensuremath{\|}g\ensuremath{\|} \ensuremath{\leq} \ensuremath{\infty}"),
        ("1–2 — −3", r"1\textendash{}2 \textemdash{} \ensuremath{-}3"),
        ("10⁻¹²", r"10\ensuremath{^{-12}}"),
        ("θ₀₁", r"\ensuremath{\theta}\ensuremath{_{01}}"),
        ("--seeds", r"-{}-{}seeds"),
        ("Poincaré Ångström", "Poincaré Ångström"),
        ("e\u0301", "é"),
        (" a\n\tb ", "a b"),
        ("9\u202f000", r"9\,000"),
        ("汉", r"\texttt{U+6C49}"),
    ],
)  # fmt: skip
def test_text_is_escaped(text, latex):
    assert latex_text(text) == latex


@given(st.lists(st.tuples(TEXTS, TEXTS), max_size=4), TEXTS)
def test_tables_have_as_many_cells_as_columns(rows, text):
    cells = tuple((Cell(a, note=text), Cell(b, kind="paper")) for a, b in rows)
    latex = render_latex(Table("t", text, (f"1{text}", f"2{text}"), cells, text, text))
    depth("\n".join(line for line in latex.splitlines() if not line.startswith("%")))
    begun = re.findall(r"^ *\\begin\{(\w+)\}", latex, re.MULTILINE)
    ended = re.findall(r"^ *\\end\{(\w+)\}", latex, re.MULTILINE)
    assert begun == ended[::-1] == ["table", "tabular"]
    lines = [line for line in latex.splitlines() if line.endswith(r" \\")]
    assert len(lines) == len(rows) + 1
    assert all(len(re.findall(r"(?<!\\)&", line)) == 1 for line in lines)
    assert not any(line.strip().startswith(("[", "*")) for line in lines)


def test_a_table_says_what_it_needs_and_how_it_is_repeated(document):
    lines = render_latex(document.tables[0]).splitlines()
    assert lines[:3] == [
        r"% needs \usepackage{booktabs}",
        "% repeated by: qnlr run configs/table_06.toml --set 'a|b'",
        '% row 1, loss: runs "a" & <b>',
    ]
    assert r"  \label{tab:losses}" in lines
    assert r"  \begin{tabular}{lr}" in lines
    assert r"    Adam & \textit{0.30 \ensuremath{\pm} 0.02} \\" in lines
    assert "Italics: as the paper gives it." in "\n".join(lines)
