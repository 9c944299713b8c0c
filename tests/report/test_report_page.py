"""The page in a real browser: what a reader can do with it, by mouse and by keyboard."""

import dataclasses

import pytest

from qnlr.report import Cell, Claim, Claims, Details, Document, Section, Table, Verdict, render_html

WIDE, PHONE = 1280, 360


@pytest.fixture(scope="module")
def file(document, tmp_path_factory):
    path = tmp_path_factory.mktemp("page") / "report.html"
    path.write_text(render_html(document), encoding="utf-8")
    return path


@pytest.fixture
def page(chromium, file):
    """Open the document's page on a wide light screen, and see to it that nothing went wrong."""
    chromium.show(WIDE)
    chromium.open(file)
    yield chromium
    assert chromium.troubles == []


def column(page, position, table="table-losses"):
    cells = f"document.querySelectorAll('#{table} tbody tr > :nth-child({position})')"
    return page(f"[...{cells}].map(cell => cell.innerText)")


def head(position):
    return f"document.querySelector('#table-losses th:nth-child({position}) button')"


def test_it_loads_nothing_and_logs_nothing(page):
    loads = "[...document.querySelectorAll('[src], link[href]')].map(e => e.src || e.href)"
    assert all(address.startswith("data:") for address in page(loads))
    assert page("performance.getEntriesByType('resource').map(e => e.name)") == []
    images = "[...document.images].every(i => i.complete && i.naturalWidth > 0)"
    assert page("document.images.length") == 1
    assert page(images)


def test_its_policy_forbids_the_network(chromium, file, tmp_path):
    altered = tmp_path / "altered.html"
    address = '<img src="https://example.org/a.png">'
    altered.write_text(file.read_text(encoding="utf-8").replace("</main>", f"{address}</main>"))
    chromium.show(WIDE)
    chromium.open(altered)
    assert any("Content Security Policy" in str(trouble) for trouble in chromium.troubles)


def test_a_head_sorts_by_value_upwards_downwards_and_back(page):
    original = column(page, 2)
    assert original == ["0.30 ± 0.01", "9.00", "10.0", "–", "0.30 ± 0.02"]
    aria = f"{head(2)}.parentElement.getAttribute('aria-sort')"
    page(f"{head(2)}.click()")
    assert column(page, 2) == ["0.30 ± 0.01", "0.30 ± 0.02", "9.00", "10.0", "–"]
    assert page(aria) == "ascending"
    page(f"{head(2)}.click()")
    assert column(page, 2) == ["10.0", "9.00", "0.30 ± 0.01", "0.30 ± 0.02", "–"]
    assert page(aria) == "descending"
    page(f"{head(2)}.click()")
    assert column(page, 2) == original
    assert page(aria) == "none"


def test_a_head_of_words_sorts_by_keyboard_and_only_one_column_sorts(page):
    page(f"{head(2)}.click()")
    page(f"{head(1)}.focus()")
    page.key("Enter")
    words = column(page, 1)
    assert words == ["Adam", "layer 2", "layer 10", "NLR <b>", "SGD"]
    sorts = "[...document.querySelectorAll('#table-losses th')].map(h => h.ariaSort)"
    assert page(sorts) == ["ascending", "none"]


def test_infinite_values_sort_to_the_ends(chromium, tmp_path):
    values = [1.0, float("inf"), -2.5e-300, float("nan"), float("-inf")]
    rows = tuple((Cell(str(value), value),) for value in values)
    table = Table("losses", "Losses", ("loss",), rows, text_columns=0)
    file = tmp_path / "infinite.html"
    file.write_text(render_html(Document("All", "", (Section("all", "All", (table,)),))))
    chromium.show(WIDE)
    chromium.open(file)
    chromium(f"{head(1)}.click()")
    assert column(chromium, 1) == ["-inf", "-2.5e-300", "1.0", "inf", "nan"]


def test_a_figure_enlarges_zooms_pans_and_closes(page):
    is_open = "document.querySelector('dialog').open"
    image = "document.querySelector('dialog img')"
    width = f"{image}.getBoundingClientRect().width"
    left = f"{image}.getBoundingClientRect().left"
    page("document.querySelector('.card').focus()")
    page.key("Enter")
    assert page(is_open)
    fitted = page(width)
    assert 0 < fitted <= WIDE
    page.key("+")
    assert page(width) == pytest.approx(1.4 * fitted, rel=1e-3)
    page.mouse("mouseWheel", 600, 400, deltaX=0, deltaY=-200)
    wheeled = page(f"new Promise(done => setTimeout(() => done({width}), 100))")
    assert wheeled > 1.4 * fitted
    before = page(left)
    page.mouse("mousePressed", 600, 400, button="left", clickCount=1)
    page.mouse("mouseMoved", 650, 420, button="left", buttons=1)
    page.mouse("mouseReleased", 650, 420, button="left", clickCount=1)
    assert page(left) == pytest.approx(before + 50, abs=1)
    page("document.querySelector('[data-zoom=fit]').click()")
    assert page(width) == pytest.approx(fitted)
    page.key("Escape")
    assert not page(is_open)
    assert page("document.activeElement.className") == "card"
    page("document.querySelector('.card').click()")
    page("document.querySelector('[data-zoom=close]').click()")
    assert not page(is_open)


def test_two_fingers_zoom(page):
    page("document.querySelector('.card').click()")
    width = "document.querySelector('dialog img').getBoundingClientRect().width"
    fitted = page(width)
    touch = [{"x": 500, "y": 400, "id": 0}, {"x": 600, "y": 400, "id": 1}]
    page.call("Emulation.setTouchEmulationEnabled", enabled=True, maxTouchPoints=2)
    page.call("Input.dispatchTouchEvent", type="touchStart", touchPoints=touch)
    for x in (650, 700):
        touch[1] = {"x": x, "y": 400, "id": 1}
        page.call("Input.dispatchTouchEvent", type="touchMove", touchPoints=touch)
    page.call("Input.dispatchTouchEvent", type="touchEnd", touchPoints=[])
    page.call("Emulation.setTouchEmulationEnabled", enabled=False)
    assert page(width) == pytest.approx(2 * fitted, rel=0.05)


@pytest.mark.parametrize("dark", [False, True])
def test_the_button_turns_the_colours_and_they_are_kept(chromium, file, dark):
    background = "getComputedStyle(document.body).backgroundColor"
    chromium.show(WIDE, dark=dark)
    chromium.open(file)
    before = chromium(background)
    chromium("document.querySelector('button.theme').click()")
    after = chromium(background)
    assert before != after
    chromium.open(file)
    assert chromium(background) == after


CONTRASTS = """(() => {
  const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const light = (colours) => {
    for (const colour of colours) {
      canvas.fillStyle = colour;
      canvas.fillRect(0, 0, 1, 1);
    }
    const [r, g, b] = [...canvas.getImageData(0, 0, 1, 1).data].slice(0, 3)
      .map((c) => c / 255).map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const grounds = (element) => element
    ? [...grounds(element.parentElement), getComputedStyle(element).backgroundColor] : [];
  const walker = document.createTreeWalker(document.querySelector("main"), NodeFilter.SHOW_TEXT);
  const found = {};
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement;
    if (!walker.currentNode.data.trim() || !element.checkVisibility()) continue;
    const behind = grounds(element);
    const [a, b] = [light(behind), light([...behind, getComputedStyle(element).color])];
    const contrast = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (contrast < 4.5) found[element.outerHTML.slice(0, 80)] = contrast;
  }
  return [found, Math.abs(light(["#fff", "#777"]) - 0.184) < 0.01];
})()"""


@pytest.mark.parametrize("dark", [False, True])
def test_all_text_stands_out_from_its_ground(chromium, file, dark):
    chromium.show(WIDE, dark=dark)
    chromium.open(file)
    assert chromium(CONTRASTS) == [{}, True]
    assert chromium("document.querySelectorAll('.badge').length") == len(Verdict)


@pytest.mark.parametrize("scripts", [True, False])
def test_a_phone_never_scrolls_sideways_but_a_wide_table_does(chromium, file, scripts):
    chromium.show(PHONE, scripts=scripts)
    chromium.open(file)
    assert chromium("document.documentElement.scrollWidth") == PHONE
    assert chromium("document.body.scrollWidth") == PHONE
    box = "document.querySelector('#table-wide .scroll')"
    assert chromium(f"{box}.scrollWidth > {box}.clientWidth")
    first = "document.querySelector('#table-wide td').getBoundingClientRect().left"
    before = chromium(first)
    chromium(f"{box}.scrollLeft = 200")
    assert chromium(f"{box}.scrollLeft") == 200
    assert chromium(first) == before


def test_contents_are_beside_the_text_or_folded_above_it(page):
    is_open = "document.querySelector('nav details').open"
    assert page(is_open)
    link = "document.querySelector('nav a[href=\"#section-more\"]')"
    assert page(f"{link}.getBoundingClientRect().right") < page(
        "document.querySelector('main').getBoundingClientRect().left"
    )
    page.show(PHONE)
    page("new Promise(done => requestAnimationFrame(() => setTimeout(done, 50)))")
    assert not page(is_open)


def shown(page):
    return page(
        "[...document.querySelectorAll('.claim')].filter(c => c.checkVisibility()).map(c => c.id)"
    )


def test_claims_filter_by_verdict_and_words(page, document):
    every = [f"claim-{claim.name}" for claim in document.claims]
    assert shown(page) == every
    button = "document.querySelector('.filters [data-verdict=\"cannot hold\"]')"
    assert page(f"{button}.innerText.match(/\\d+/)[0]") == "1"
    page(f"{button}.click()")
    assert shown(page) == ["claim-cannot_hold"]
    assert page(f"{button}.ariaPressed") == "true"
    assert page("document.querySelector('.shown').textContent") == f"1 of {len(every)} claims shown"
    page("document.querySelector('.filters [data-verdict=\"\"]').click()")
    assert shown(page) == every
    search = "document.querySelector('.filters input')"
    page(f"{search}.value = 'THREE says'; {search}.dispatchEvent(new Event('input'))")
    assert shown(page) == ["claim-contradicted"]


def test_a_link_shows_what_was_filtered_away_or_folded(page):
    page("document.querySelector('.filters [data-verdict=\"cannot hold\"]').click()")
    arrived = "new Promise(done => setTimeout(done, 50))"
    page(f"location.hash = '#claim-contradicted'; {arrived}")
    assert "claim-contradicted" in shown(page)
    folded = "document.querySelector('#table-wide')"
    assert not page(f"{folded}.checkVisibility()")
    page(f"location.hash = '#table-wide'; {arrived}")
    assert page(f"{folded}.checkVisibility()")


def test_a_note_opens_at_its_cell(page):
    page("document.querySelector('.noted').click()")
    note = "document.querySelector('.note:popover-open')"
    assert page(f"{note}.textContent") == 'runs "a" & <b>'
    page.key("Escape")
    assert page(note) is None


def test_all_content_is_there_without_scripts(chromium, file, document):
    chromium.show(WIDE, scripts=False)
    chromium.open(file)
    text = chromium("document.body.textContent")
    shown_text = chromium("document.body.innerText")
    assert "folded away" in text
    for claim in document.claims:
        assert claim.says in shown_text
        assert claim.measured in shown_text
    for table in document.tables:
        assert all(cell.text in text for row in table.rows for cell in row)


def test_it_prints_without_its_controls(chromium, file):
    chromium.show(WIDE, dark=True, media="print")
    chromium.open(file)
    visible = (
        "[...document.querySelectorAll('nav, .filters, .theme')].some(e => e.checkVisibility())"
    )
    assert not chromium(visible)
    assert chromium("getComputedStyle(document.body).color") == "rgb(28, 30, 33)"


def test_filters_of_two_groups_of_claims_do_not_mix(chromium, tmp_path):
    one = Claim("one", "One.", "Yes.", Verdict.REPRODUCED)
    two = dataclasses.replace(one, name="two")
    sections = (
        Section("a", "A", (Claims((one,)),)),
        Section("b", "B", (Details("More", (Claims((two,)),)),)),
    )
    file = tmp_path / "two.html"
    file.write_text(render_html(Document("Two", "", sections)), encoding="utf-8")
    chromium.show(WIDE)
    chromium.open(file)
    chromium("document.querySelector('details.fold').open = true")
    chromium("const search = document.querySelectorAll('.filters input')[1]; search.value = 'zzz';")
    chromium("search.dispatchEvent(new Event('input'))")
    assert shown(chromium) == ["claim-one"]
