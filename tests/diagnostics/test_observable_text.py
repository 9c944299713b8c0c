import pytest
from hypothesis import given
from hypothesis import strategies as st
from qiskit.quantum_info import SparsePauliOp

from qnlr.circuits import OBSERVABLES
from qnlr.diagnostics.observable_text import locality, parse_observable
from qnlr.errors import InputError

strings = st.text("IXYZ", min_size=3, max_size=3).filter(lambda one: one != "III")
factors = st.floats(-1000, 1000).map(lambda x: round(x, 3)).filter(lambda x: abs(x) > 1e-2)
spaces = st.sampled_from(["", " ", "  "])


@st.composite
def sums(draw):
    terms = draw(
        st.lists(st.tuples(strings, factors), min_size=1, max_size=5, unique_by=lambda t: t[0])
    )
    text = ""
    for place, (string, factor) in enumerate(terms):
        sign = "-" if factor < 0 else draw(st.sampled_from(["+", ""])) if place == 0 else "+"
        times = draw(st.sampled_from(["*", " * ", " ", ""]))
        text += f"{draw(spaces)}{sign}{draw(spaces)}{abs(factor)}{times}{string}{draw(spaces)}"
    return text, terms


@given(sums())
def test_a_sum_is_read_as_it_is_written(written):
    text, terms = written
    assert parse_observable(text, 3).equiv(SparsePauliOp.from_list(terms))


@given(strings)
def test_a_string_is_itself(string):
    assert parse_observable(string, 3) == SparsePauliOp(string)
    assert parse_observable(f"-{string}", 3) == SparsePauliOp(string, -1)


@pytest.mark.parametrize("name", sorted(OBSERVABLES))
def test_names_are_those_of_the_registry(name):
    assert parse_observable(name, 4) == OBSERVABLES[name](4)


def test_equal_strings_are_added_up():
    assert parse_observable("ZZ + 1e-1*ZZ", 2) == SparsePauliOp("ZZ", 1.1)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("ZZ", "2 letters"),
        ("ZZI IXX", "not understood"),
        ("0.5*", "not understood"),
        ("ZZZ + ", "not understood"),
        ("ZZQ", "not understood"),
        ("gobal_z", "global_z"),
        ("", "not understood"),
        ("III", "constant"),
        ("ZZZ - ZZZ", "constant"),
    ],
)
def test_anything_else_is_refused(text, said):
    with pytest.raises(InputError, match=said):
        parse_observable(text, 3)


def test_locality_is_of_the_widest_string():
    assert locality(SparsePauliOp(["IIZ", "XIY", "ZII"])) == 2
