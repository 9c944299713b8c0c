import subprocess
import sys

from qnlr.diagnostics import DIAGNOSTICS
from qnlr.diagnostics.docstrings import described, summary_of
from qnlr.diagnostics.verbs import diagnostic

TEXT = """Measure a thing.

.. math:: x = y

with y the other thing.

It is :func:`measured` ``twice``.

Source: somebody, Eq. 1.

Args:
    first: What comes
        first: at once.
    second (int): Another.

Raises:
    InputError: If not.

Example:
    >>> print("a",
    ...       "b")
    a b
"""


def test_a_docstring_comes_apart():
    found = described(TEXT)
    assert found.text == "Measure a thing.\n\nIt is `measured` `twice`."
    assert found.summary == "Measure a thing."
    assert found.arguments == {"first": "What comes first: at once.", "second": "Another."}
    assert found.example == '>>> print("a",\n...       "b")\na b'


def test_nothing_comes_apart_to_nothing():
    for nothing in (None, "", "\n"):
        found = described(nothing)
        assert (found.summary, found.arguments, found.example) == ("", {}, "")


def test_summaries_are_those_of_the_functions():
    for verb, place in DIAGNOSTICS.items():
        assert summary_of(place) == described(diagnostic(verb).__doc__).summary != ""


def test_what_is_not_there_has_no_summary():
    for place in (
        "qnlr.nowhere:f",
        "no_such_package:f",
        "qnlr.diagnostics.docstrings:f",
        "sys:exit",
    ):
        assert summary_of(place) == ""


def test_a_package_is_found_without_importing_it():
    code = (
        "import sys; from qnlr.diagnostics.docstrings import summary_of; "
        "assert summary_of('qnlr.study.figures:save') == ''; "
        "assert summary_of('qnlr.study.figures.saving:save').startswith('Save a figure'); "
        "assert 'qnlr.study' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
