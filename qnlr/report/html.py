"""A document as one HTML page that needs nothing beside it, and asks no network for anything."""

from __future__ import annotations

import base64
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

from qnlr.report.csv import render_csv
from qnlr.report.document import Document
from qnlr.report.latex import render_latex

if TYPE_CHECKING:
    from jinja2 import Environment


def render_html(document: Document) -> str:
    """Return a document as a page: tables that sort, figures that zoom, claims that filter.

    Styles, scripts and figures are written into the page, and its content security policy forbids
    it to load anything else. Without JavaScript all of its content is visible.

    Args:
        document: The document.

    Returns:
        The page, as HTML5.

    Example:
        >>> page = render_html(Document("Loss < 1", "What was measured.", ()))
        >>> page.splitlines()[0], "<h1>Loss &lt; 1</h1>" in page
        ('<!doctype html>', True)
    """
    template = _environment().get_template("page.html.j2")
    return template.render(document=document) + "\n"


@cache
def _environment() -> Environment:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("qnlr.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals["inlined"] = _inlined
    environment.filters["kind"] = lambda block: type(block).__name__
    environment.filters["svg_uri"] = lambda svg: _data_uri("image/svg+xml", svg)
    environment.filters["csv_uri"] = lambda table: _data_uri("text/csv", render_csv(table))
    environment.filters["latex_uri"] = lambda table: _data_uri("text/x-tex", render_latex(table))
    environment.filters["sort_key"] = _sort_key
    return environment


def _inlined(name: str) -> str:
    """Return a style sheet or script as it is; markup is what it is inlined as, not text."""
    from markupsafe import Markup

    return Markup(files("qnlr.report").joinpath("templates", name).read_text(encoding="utf-8"))


def _data_uri(media_type: str, text: str) -> str:
    content = base64.b64encode(text.encode("utf-8")).decode("ascii")
    return f"data:{media_type};charset=utf-8;base64,{content}"


def _sort_key(value: float | None) -> str:
    """Return the number as JavaScript reads it; nothing for what no number can be compared with."""
    number = float("nan") if value is None else float(value)
    infinite = {float("inf"): "Infinity", float("-inf"): "-Infinity"}
    return "" if number != number else infinite.get(number, repr(number))
