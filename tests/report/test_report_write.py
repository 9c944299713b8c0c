import dataclasses

import pytest

from qnlr.errors import InputError
from qnlr.report import (
    Document,
    Figure,
    Section,
    Table,
    render_csv,
    render_html,
    render_latex,
    render_markdown,
    write_document,
)


def names(folder):
    return sorted(str(file.relative_to(folder)) for file in folder.rglob("*") if file.is_file())


def document_of(*blocks):
    return Document("D", "", (Section("s", "S", blocks),))


def table(name):
    return Table(name, "T", ("a",), ())


def test_everything_is_written_as_rendered(document, tmp_path):
    folder = tmp_path / "new" / "report"
    assert write_document(document, folder) == folder / "report.html"
    assert (folder / "report.html").read_text(encoding="utf-8") == render_html(document)
    assert (folder / "report.md").read_text(encoding="utf-8") == render_markdown(document)
    for one in document.tables:
        assert (folder / f"tables/{one.name}.csv").read_text("utf-8") == render_csv(one)
        assert (folder / f"tables/{one.name}.tex").read_text("utf-8") == render_latex(one)
    assert (folder / "figures/circle.svg").read_text("utf-8") == document.figures[0].svg
    listed = (folder / "report_files.txt").read_text().splitlines()
    assert sorted([*listed, "report_files.txt"]) == names(folder)


def test_files_of_figures_are_copied_or_kept(tmp_path):
    (tmp_path / "made").mkdir()
    made = tmp_path / "made" / "loss.pdf"
    made.write_bytes(b"%PDF")
    document = document_of(Figure("loss", "L", "", "<svg/>", (made,)))
    write_document(document, tmp_path / "out")
    copy = tmp_path / "out" / "figures" / "loss.pdf"
    assert copy.read_bytes() == b"%PDF"
    assert "(<figures/loss.pdf>)" in (tmp_path / "out" / "report.md").read_text()
    write_document(document_of(Figure("loss", "L", "", "<svg/>", (copy,))), tmp_path / "out")
    assert copy.read_bytes() == b"%PDF"


def test_stale_files_go_and_those_of_others_stay(tmp_path):
    write_document(
        document_of(table("old"), table("kept"), Figure("f", "", "", "<svg/>")), tmp_path
    )
    (tmp_path / "tables" / "mine.csv").write_text("a\n1\n")
    (tmp_path / "loss.png").write_bytes(b"")
    write_document(document_of(table("kept"), table("new")), tmp_path)
    assert names(tmp_path) == [
        "loss.png",
        "report.html",
        "report.md",
        "report_files.txt",
        "tables/kept.csv",
        "tables/kept.tex",
        "tables/mine.csv",
        "tables/new.csv",
        "tables/new.tex",
    ]


def test_a_list_edited_by_hand_removes_nothing_elsewhere(tmp_path):
    folder = tmp_path / "report"
    folder.mkdir()
    outside = tmp_path / "outside.csv"
    outside.write_text("a\n")
    (folder / "study.json").write_text("{}")
    lines = ["../outside.csv", "tables/../../outside.csv", str(outside), "study.json", "", "tables"]
    (folder / "report_files.txt").write_text("\n".join(lines))
    write_document(document_of(), folder)
    assert outside.exists()
    assert (folder / "study.json").exists()


def test_a_write_that_fails_leaves_what_was_there(document, tmp_path):
    write_document(document, tmp_path)
    before = {name: (tmp_path / name).read_bytes() for name in names(tmp_path)}
    missing = Figure("f", "", "", "<svg/>", (tmp_path / "missing.pdf",))
    broken = dataclasses.replace(document, sections=(Section("s", "S", (missing,)),))
    with pytest.raises(InputError, match=r"missing\.pdf"):
        write_document(broken, tmp_path)
    assert {name: (tmp_path / name).read_bytes() for name in names(tmp_path)} == before


def test_a_write_that_breaks_off_is_cleaned_up_by_the_next(document, tmp_path):
    blocked = tmp_path / "tables" / "new.tex"
    blocked.mkdir(parents=True)
    with pytest.raises(OSError, match=r"new\.tex"):
        write_document(document_of(table("first"), table("new")), tmp_path)
    assert "tables/first.csv" in names(tmp_path)
    blocked.rmdir()
    write_document(document_of(table("last")), tmp_path)
    assert [name for name in names(tmp_path) if name.startswith("tables")] == [
        "tables/last.csv",
        "tables/last.tex",
    ]


def test_two_files_of_one_name_are_refused(tmp_path):
    other = tmp_path / "A.svg"
    other.write_text("<svg/>")
    with pytest.raises(InputError, match=r"figures/A\.svg"):
        write_document(document_of(Figure("a", "", "", "<svg/>", (other,))), tmp_path / "out")
    assert not (tmp_path / "out").exists()
