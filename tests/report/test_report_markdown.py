import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from qnlr.report import Cell, Document, Section, Table, Text, render_markdown

READER = MarkdownIt("commonmark").enable("table")
TEXTS = st.text(st.characters(codec="utf-8", exclude_categories=["Cc"])) | st.text(
    "#*_-+=.)1 `<&|\\"
)


def normal(text):
    return " ".join(text.split())


def within(tokens, kind):
    """Return the plain text inside every block of a kind; no markup may be left in it."""
    found = []
    for before, token in itertools.pairwise(tokens):
        if before.type == f"{kind}_open":
            assert {child.type for child in token.children} <= {"text"}
            found.append(token.content and "".join(child.content for child in token.children))
    return found


@given(st.lists(st.tuples(TEXTS, TEXTS), max_size=4), TEXTS)
def test_cells_are_read_as_they_were_written(rows, head):
    cells = tuple(tuple(map(Cell, row)) for row in rows)
    table = Table("t", "T", (f"1{head}", f"2{head}"), cells)
    tokens = READER.parse(render_markdown(Document("D", "", (Section("s", "S", (table,)),))))
    assert within(tokens, "th") == [normal(column) for column in table.columns]
    assert within(tokens, "td") == [normal(text) for row in rows for text in row]


@given(TEXTS.filter(normal))
def test_headings_paragraphs_and_items_are_read_as_they_were_written(text):
    document = Document(text, text, (Section("s", text, (Text((text,), (text, text)),), 3),))
    tokens = READER.parse(render_markdown(document))
    assert within(tokens, "heading") == [normal(text)] * 2
    assert within(tokens, "paragraph") == [normal(text)] * 4
    assert [token.tag for token in tokens if token.type == "heading_open"] == ["h1", "h3"]


def test_tables_are_aligned(document):
    lines = render_markdown(document).splitlines()
    table = lines[lines.index(next(line for line in lines if line.startswith("| opt"))) :][:7]
    assert len({len(line) for line in table}) == 1
    bars = [[at for at, sign in enumerate(line) if sign == "|"] for line in table]
    assert all(bar == bars[0] for bar in bars)
    assert table[1].startswith("|:--")
    assert table[1].endswith("--:|")


def test_notes_styles_and_commands_are_kept(document):
    text = render_markdown(document)
    assert "0.30 ± 0.01 <sup>1</sup>" in text
    assert '[1] runs "a" \\& \\<b\\>' in text
    assert "*0.30 ± 0.02*" in text
    assert "**9.00**" in text
    assert "To repeat it: `qnlr run configs/table_06.toml --set 'a|b'`" in text
    assert "![A circle](figures/circle.svg)" in text


@pytest.mark.parametrize("ticks", ["`", "``", "````"])
def test_code_with_ticks_stays_code(ticks):
    table = Table("t", "T", ("a",), (), source=f"say {ticks}")
    tokens = READER.parse(render_markdown(Document("D", "", (Section("s", "S", (table,)),))))
    code = [c.content for t in tokens for c in t.children or () if c.type == "code_inline"]
    assert code == [f"say {ticks}"]


def test_every_claim_says_its_verdict(document):
    text = render_markdown(document)
    for claim in document.claims:
        assert f"**{claim.verdict.icon} {claim.verdict.capitalize()}:**" in text
    assert "It is three \\& more. (0.1 to 0.2)" in text
