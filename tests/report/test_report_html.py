import re
from html.parser import HTMLParser

from hypothesis import given, settings
from hypothesis import strategies as st

from qnlr.report import (
    Cell,
    Claim,
    Claims,
    Code,
    Details,
    Document,
    Figure,
    Section,
    Table,
    Text,
    Verdict,
    render_html,
)

VOID = {"meta", "link", "input", "img"}
TEXTS = st.text(st.characters(codec="utf-8", exclude_categories=["Cc"]), min_size=1)


class Structure(HTMLParser):
    """Collect tags, attributes and text, and make sure that tags are closed in order."""

    def __init__(self, page):
        super().__init__()
        self.open, self.tags, self.values, self.text = [], [], [], ""
        self.feed(page)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, tuple(name for name, _ in attrs)))
        self.values += attrs
        self.open += [] if tag in VOID else [tag]

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data


def document_of(text):
    table = Table("t", text, (text,), ((Cell(text, 1.5, note=text),),), text, text)
    figure = Figure("f", text, text, f"<svg><desc>{text}</desc></svg>", alt=text)
    claim = Claim("c", text, text, Verdict.CANNOT_HOLD, text, text, text)
    blocks = (Text((text,), (text,)), figure, Claims((claim,)), Details(text, (table, Code(text))))
    return Document(text, text, (Section("s", text, blocks),), text)


@settings(deadline=None)
@given(TEXTS)
def test_no_text_changes_the_structure_of_the_page(text):
    page, plain = (
        Structure(render_html(document_of(text))),
        Structure(render_html(document_of("x"))),
    )
    assert page.tags == plain.tags
    assert page.text.count(text) >= 20
    assert ("alt", text) in page.values
    assert ("title", text) in page.values


def test_signs_of_html_are_escaped(document):
    page = render_html(document)
    assert "<h1>Does &#34;it&#34; escape &lt;at all&gt; &amp; when?</h1>" in page
    assert "folded away &lt;b&gt;" in page
    assert "<b>Loss &amp; &lt;cost&gt;.</b>" in page


def test_ids_are_unique_and_links_lead_somewhere(document):
    values = Structure(render_html(document)).values
    ids = [value for name, value in values if name == "id"]
    assert len(ids) == len(set(ids))
    inner = [value[1:] for name, value in values if name == "href" and value.startswith("#")]
    named = [v for name, v in values if name in ("aria-labelledby", "popovertarget")]
    assert inner
    assert set(inner + named) <= set(ids)
    expected = {"table-losses", "figure-circle", "claim-cannot_hold", "section-more"}
    assert expected <= set(ids)


def test_nothing_is_loaded_from_elsewhere(document):
    values = Structure(render_html(document)).values
    loaded = [value for name, value in values if name in ("src", "href", "action", "srcset")]
    assert all(value.startswith(("data:", "#")) for value in loaded)
    style = re.search("<style>(.*?)</style>", render_html(document), re.DOTALL)[1]
    assert "url(" not in style
    assert "@import" not in style


def test_a_document_without_anything_is_a_page():
    assert Structure(render_html(Document("Empty", "", ()))).text.strip().startswith("Empty")


def test_an_empty_table_is_a_table():
    section = Section("s", "S", (Table("t", "T", ("a", "b"), ()),))
    page = Structure(render_html(Document("D", "", (section,))))
    assert [tag for tag, _ in page.tags].count("th") == 2
