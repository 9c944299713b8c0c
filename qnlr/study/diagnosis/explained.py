"""What a diagnostic measures, in words for its page, out of its docstring."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from qnlr.diagnostics.docstrings import Described
from qnlr.report import Block, Code, Details, Section, Text

LONGEST = 60
"""Characters of a value, beyond which it is left to where all settings stand."""
MATHEMATICS = ".. math::"
SIGNS = {
    r"\propto": "∝", r"\le": "≤", r"\to": "→", r"\sum": "Σ", r"\sqrt": "√", r"\exp": "exp",
    r"\tilde η": "η̃", r"\hat": "", r"\ell": "ℓ",
}  # fmt: skip
"""Commands of LaTeX that have a sign of their own."""


def explained(about: Described, settings: Mapping[str, Any]) -> Section:
    r"""Return a section on what is measured: paragraphs, formulas, source, settings.

    Args:
        about: The docstring of the diagnostic.
        settings: The settings it had, as plain data.

    Returns:
        The section; it has no blocks where nothing is said beyond a first sentence.

    Example:
        >>> from qnlr.diagnostics.docstrings import described
        >>> about = described("Measure f.\n\nThe rate is b.\n\nArgs:\n    n: Qubits.")
        >>> explained(about, {"n": 4}).blocks[0].paragraphs
        ('The rate is b.',)
    """
    blocks: list[Block] = [_block(paragraph) for paragraph in about.body[1:]]
    if about.source:
        blocks.append(Text((f"Source: {_words(about.source)}",)))
    meant = tuple(
        f"{name}{_value(settings[name])}: {_words(text)}"
        for name, text in about.arguments.items()
        if name in settings
    )
    if meant:
        blocks.append(Details("What the settings are", (Text(bullets=meant),)))
    return Section("measured", "What is measured", tuple(blocks))


def formula(latex: str) -> str:
    r"""Return a formula as one can read it in a line.

    Args:
        latex: The formula as it stands in a docstring.

    Returns:
        The formula; commands that have no sign stay as they are.

    Example:
        >>> formula(r"\frac{R^2}{2dD}, \qquad \mathrm{Var} \propto \Big(\frac{a}{b + 1}\Big)^γ")
        'R^2/(2dD),    Var ∝ (a/(b + 1))^γ'
    """
    text = re.sub(r"\\(?:Big|big|left|right)(?![a-z])|\\[,;!]", "", " ".join(latex.split()))
    text = re.sub(r"\\q?quad", "  ", text).replace("\\ ", " ")
    text = re.sub(r"\\(?:mathrm|text)\{([^{}]*)\}", r"\1", text)
    for command, sign in SIGNS.items():
        text = re.sub(re.escape(command) + "(?![a-z])", sign, text)
    within = r"\{((?:[^{}]|\{[^{}]*\})*)\}"
    return re.sub(rf"\\frac{within}{within}", _fraction, text).strip()


def _fraction(found: re.Match[str]) -> str:
    above, below = (part.strip() for part in found.groups())
    above = above if re.fullmatch(r"[^\s+−-]+", above) else f"({above})"
    below = below if re.fullmatch(r"∂?\w(_\w)?(\^\w)?|\d+", below) else f"({below})"
    return f"{above}/{below}"


def _block(paragraph: str) -> Block:
    if paragraph.startswith(MATHEMATICS):
        return Code(formula(paragraph.removeprefix(MATHEMATICS)))
    return Text((_words(paragraph),))


def _words(text: str) -> str:
    return " ".join(text.replace("`", "").split())


def _value(value: Any) -> str:
    shown = json.dumps(value, ensure_ascii=False)
    return f" = {shown}" if value is not None and len(shown) <= LONGEST else ""
