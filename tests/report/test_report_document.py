import pytest

from qnlr.errors import InputError
from qnlr.report import (
    Cell,
    Claim,
    Claims,
    Details,
    Document,
    Figure,
    Section,
    Table,
    Text,
    Verdict,
)


@pytest.mark.parametrize("name", ["", "a b", "../a", "a/b", ".hidden", "-a", "é", "a.b", "a\n"])
def test_names_that_cannot_be_files_or_links_are_refused(name):
    with pytest.raises(InputError, match="table_06"):
        Table(name, "", ("a",), ())
    with pytest.raises(InputError, match="figure"):
        Figure(name, "", "", "<svg/>")
    with pytest.raises(InputError, match="claim"):
        Claim(name, "", "", Verdict.REPRODUCED)
    with pytest.raises(InputError, match="section"):
        Section(name, "", ())


def test_tables_say_what_is_wrong_with_them():
    with pytest.raises(InputError, match=r'row 2 of table "t" has 1 cells; it must have 2: a, b'):
        Table("t", "", ("a", "b"), ((Cell("1"), Cell("2")), (Cell("1"),)))
    with pytest.raises(InputError, match='two columns of table "t" are called "a"'):
        Table("t", "", ("a", "a"), ())
    with pytest.raises(InputError, match="number of columns"):
        Table("t", "", (), ())
    with pytest.raises(InputError, match="text_columns"):
        Table("t", "", ("a",), (), text_columns=2)
    with pytest.raises(InputError, match='did you mean "paper"'):
        Cell("1", kind="papers")


def test_figures_are_svg_and_levels_are_headings():
    with pytest.raises(InputError, match="SVG"):
        Figure("f", "", "", "\x89PNG")
    with pytest.raises(InputError, match="level"):
        Section("s", "", (), level=1)


def test_names_are_unique_within_their_kind_even_where_capitals_do_not_count():
    table = Table("same", "", ("a",), ())
    figure = Figure("same", "", "", "<svg/>")
    claims = Claims((Claim("same", "", "", Verdict.REPRODUCED),))
    section = Section("same", "", (table, figure, claims))
    assert Document("", "", (section,)).tables == (table,)
    folded = Details("", (Details("", (Table("Same", "", ("a",), ()),)),))
    with pytest.raises(InputError, match="two tables"):
        Document("", "", (section, Section("more", "", (folded,))))
    with pytest.raises(InputError, match="two claims"):
        Document("", "", (Section("more", "", (claims, claims)),))
    with pytest.raises(InputError, match="two sections"):
        Document("", "", (Section("more", "", ()), Section("more", "", ())))


def test_a_document_finds_folded_blocks_in_order(document):
    assert [table.name for table in document.tables] == ["losses", "wide"]
    assert [figure.name for figure in document.figures] == ["circle"]
    assert [claim.verdict for claim in document.claims] == list(Verdict)
    assert isinstance(next(document.blocks), Text)


def test_verdicts_are_told_apart_without_colour():
    assert len({verdict.icon for verdict in Verdict}) == len(Verdict) == 5
    assert all(len(verdict.icon) == 1 for verdict in Verdict)


def test_counts_follow_the_order_of_verdicts():
    wrong = Claim("a", "", "", Verdict.CONTRADICTED)
    right = Claim("b", "", "", Verdict.REPRODUCED)
    counts = Claims((wrong, right, wrong)).counts
    assert list(counts.items()) == [(Verdict.REPRODUCED, 1), (Verdict.CONTRADICTED, 2)]
