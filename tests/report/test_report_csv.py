import io

import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from qnlr.report import Cell, Table, render_csv

TEXTS = st.text(st.characters(codec="utf-8", exclude_categories=["Cc"]))
CELLS = st.builds(Cell, TEXTS, st.none() | st.floats(), TEXTS)


def read(text, **settings):
    return pd.read_csv(io.StringIO(text), keep_default_na=False, **settings)


@given(st.lists(st.tuples(CELLS, CELLS), max_size=5))
def test_what_pandas_reads_is_what_was_written(rows):
    table = Table("t", "T", ("a, b", 'say "c"'), tuple(rows))
    back = read(render_csv(table), dtype=str)
    for position, head in enumerate(table.columns):
        cells = [row[position] for row in rows]
        assert back[head].tolist() == [cell.text for cell in cells]
        values = [cell.value for cell in cells]
        assert (f"{head} [value]" in back) == any(value is not None for value in values)
        if f"{head} [value]" in back:
            shown = ["" if value is None else repr(value) for value in values]
            assert back[f"{head} [value]"].tolist() == shown
        assert (f"{head} [note]" in back) == any(cell.note for cell in cells)
        if f"{head} [note]" in back:
            assert back[f"{head} [note]"].tolist() == [cell.note for cell in cells]


@given(st.lists(st.floats(allow_nan=False), min_size=1))
def test_values_come_back_bit_for_bit(values):
    rows = tuple((Cell("about", value),) for value in values)
    back = read(render_csv(Table("t", "T", ("loss",), rows)))
    assert back["loss [value]"].astype(float).tolist() == values


def test_only_what_is_there_gets_a_column(document):
    losses = document.tables[0]
    assert render_csv(losses).splitlines()[:3] == [
        "optimizer,loss,loss [value],loss [note]",
        'SGD,0.30 ± 0.01,0.3,"runs ""a"" & <b>"',
        "NLR <b>,9.00,9.0,",
    ]


def test_an_empty_table_is_its_heads():
    assert render_csv(Table("t", "T", ("a", "b"), ())) == "a,b\n"
