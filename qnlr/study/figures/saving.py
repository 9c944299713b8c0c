"""Files of figures: the same data give the same bytes."""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qnlr.errors import unknown_name
from qnlr.files import replacing
from qnlr.study.figures.style import styled

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Figure

DPI = 150
# no date, and no version of Matplotlib
METADATA: dict[str, dict[str, Any]] = {
    "png": {"Software": None},
    "pdf": {"CreationDate": None, "Creator": None, "Producer": None},
    "svg": {"Date": None, "Creator": None, "Format": None, "Type": None},
}


def save(
    figure: Figure, folder: Path, name: str, formats: Sequence[str] = ("png", "pdf", "svg")
) -> list[Path]:
    """Save a figure in several formats, each file whole or not at all.

    Args:
        figure: The figure.
        folder: Where to; it is made if need be.
        name: Stem of the files.
        formats: Out of ``"png"`` (150 dots an inch), ``"pdf"`` and ``"svg"``.

    Returns:
        The files, in the order of the formats.

    Raises:
        InputError: If a format is none of these.

    Example:
        >>> import tempfile
        >>> from matplotlib.figure import Figure
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     [file.name for file in save(Figure(), Path(folder), "loss", ["pdf", "svg"])]
        ['loss.pdf', 'loss.svg']
    """
    for kind in formats:
        if kind not in METADATA:
            raise unknown_name("format", kind, METADATA)
    folder.mkdir(parents=True, exist_ok=True)
    files = []
    for kind in formats:
        file = folder / f"{name}.{kind}"
        with replacing(file) as beside:
            beside.write_bytes(_drawn(figure, kind))
        files.append(file)
    return files


def svg_text(figure: Figure) -> str:
    """Return a figure as an SVG element, with text as text, that can be written into a page.

    Lines are simplified where that cannot be seen, and coordinates are cut to 0.01 points.

    Args:
        figure: The figure.

    Returns:
        The element, without XML declaration.

    Example:
        >>> from matplotlib.figure import Figure
        >>> svg_text(Figure())[:4]
        '<svg'
    """
    return _drawn(figure, "svg").decode()


def _drawn(figure: Figure, kind: str) -> bytes:
    import matplotlib

    buffer = io.BytesIO()
    with styled(), matplotlib.rc_context({"path.simplify_threshold": 0.3}):
        figure.savefig(buffer, format=kind, dpi=DPI, metadata=METADATA[kind])
    return _small(buffer.getvalue().decode()).encode() if kind == "svg" else buffer.getvalue()


def _small(text: str) -> str:
    """Cut what an SVG file says with more digits than anyone sees, and what comes before it."""
    cut = re.sub(r'(?<= d=")[^"]*', lambda path: re.sub(r"(\.\d\d)\d+", r"\1", path[0]), text)
    return cut[cut.index("<svg") :]
