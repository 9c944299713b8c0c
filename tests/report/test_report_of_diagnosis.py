"""The page on a diagnosis, in a browser."""

import pytest

from qnlr.diagnostics import DIAGNOSTICS
from qnlr.study.diagnosis import order, perform


@pytest.fixture
def page(chromium, tmp_path, monkeypatch):
    monkeypatch.setitem(DIAGNOSTICS, "decay", "tiny_diagnostics:decay")
    done = perform(order("decay", {"exact": True}, "qnlr diagnose decay --exact"), tmp_path)
    chromium.show(1200)
    chromium.open(done.page)
    yield chromium
    assert chromium.troubles == []


def test_it_opens_with_its_findings_figures_and_tables(page):
    assert page("document.querySelector('h1').textContent") == "Decay with rate 0.7"
    heads = page("[...document.querySelectorAll('h2')].map(head => head.textContent.trim())")
    assert [head for head in heads if head] == [
        "What is measured",
        "What it says",
        "What theory says, and whether it holds",
        "Figures",
        "Tables",
        "Numbers",
        "What the numbers do not say",
        "To repeat it",
    ]
    shown = page("[...document.querySelectorAll('img')].map(image => image.naturalWidth)")
    assert len(shown) == 2
    assert min(shown) > 100
    text = page("document.body.innerText")
    for words in ("It falls from 0.247 to 0.015", "does not hold", "qnlr diagnose decay --exact"):
        assert words in text


def test_it_fits_a_narrow_screen(page):
    page.show(400)
    assert page("document.documentElement.scrollWidth") <= 400
