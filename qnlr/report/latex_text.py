"""Plain text as LaTeX that pdflatex sets without further packages."""

from __future__ import annotations

import re
import unicodedata

SPECIAL = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "$": r"\$",
    "&": r"\&",
    "#": r"\#",
    "%": r"\%",
    "_": r"\_",
    "^": r"\textasciicircum{}",
    "~": r"\textasciitilde{}",
    "<": r"\ensuremath{<}",  # in the old text encoding < > | " are other signs
    ">": r"\ensuremath{>}",
    "|": r"\ensuremath{|}",
    '"': "''",
    "`": r"\textasciigrave{}",
    "-": "-{}",  # -- and --- would become dashes
    "\u00a0": "~",
    "\u2009": r"\,",
    "\u202f": r"\,",
    "–": r"\textendash{}",
    "—": r"\textemdash{}",
    "‘": r"\textquoteleft{}",
    "’": r"\textquoteright{}",
    "“": r"\textquotedblleft{}",
    "”": r"\textquotedblright{}",
    "…": r"\ldots{}",
    "§": r"\S{}",
    "¶": r"\P{}",
    "©": r"\copyright{}",
    "†": r"\dag{}",
    "‡": r"\ddag{}",
    "•": r"\textbullet{}",
    "€": "EUR",
    "µ": r"\ensuremath{\mu}",
    "ı": r"\i{}",
}
MATHS = {
    "α": r"\alpha", "β": r"\beta", "γ": r"\gamma", "δ": r"\delta", "ε": r"\varepsilon",
    "ζ": r"\zeta", "η": r"\eta", "θ": r"\theta", "ι": r"\iota", "κ": r"\kappa",
    "λ": r"\lambda", "μ": r"\mu", "ν": r"\nu", "ξ": r"\xi", "ο": "o", "π": r"\pi",
    "ρ": r"\rho", "σ": r"\sigma", "ς": r"\varsigma", "τ": r"\tau", "υ": r"\upsilon",
    "φ": r"\varphi", "χ": r"\chi", "ψ": r"\psi", "ω": r"\omega", "ϵ": r"\epsilon",
    "ϑ": r"\vartheta", "ϕ": r"\phi", "Γ": r"\Gamma", "Δ": r"\Delta", "Θ": r"\Theta",
    "Λ": r"\Lambda", "Ξ": r"\Xi", "Π": r"\Pi", "Σ": r"\Sigma", "Φ": r"\Phi", "Ψ": r"\Psi",
    "Ω": r"\Omega", "ℓ": r"\ell", "ħ": r"\hbar", "ℏ": r"\hbar", "∂": r"\partial",
    "∇": r"\nabla", "±": r"\pm", "∓": r"\mp", "−": "-", "×": r"\times", "·": r"\cdot",
    "÷": r"\div", "⋅": r"\cdot", "∘": r"\circ", "°": r"{}^\circ", "⊗": r"\otimes",
    "⊕": r"\oplus", "⊘": r"\oslash", "√": r"\surd", "∞": r"\infty", "∝": r"\propto",
    "≤": r"\leq", "≥": r"\geq", "≠": r"\neq", "≈": r"\approx", "≡": r"\equiv", "∼": r"\sim",
    "≃": r"\simeq", "≪": r"\ll", "≫": r"\gg", "∈": r"\in", "∉": r"\notin", "∑": r"\sum",
    "∏": r"\prod", "∫": r"\int", "‖": r"\|", "∥": r"\|", "⟨": r"\langle", "⟩": r"\rangle",
    "→": r"\rightarrow", "←": r"\leftarrow", "↑": r"\uparrow", "↓": r"\downarrow",
    "⇒": r"\Rightarrow", "↦": r"\mapsto", "⇄": r"\leftrightarrow", "⌈": r"\lceil",
    "⌉": r"\rceil", "⌊": r"\lfloor", "⌋": r"\rfloor", "∧": r"\wedge", "∨": r"\vee",
    "¬": r"\neg", "✓": r"\surd", "✗": r"\times", "○": r"\circ", "′": "'", "″": "''",
    "½": r"\frac{1}{2}", "¼": r"\frac{1}{4}", "¾": r"\frac{3}{4}",
}  # fmt: skip
RAISED = dict(zip("⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁽⁾ⁿⁱˡᵏᵐᵀ", "0123456789+-()nilkmT", strict=True))
LOWERED = dict(zip("₀₁₂₃₄₅₆₇₈₉₊₋₍₎ₐₑᵢⱼₖₗₘₙₚᵣₛₜ", "0123456789+-()aeijklmnprst", strict=True))
RUNS = re.compile(f" +|[{''.join(RAISED)}]+|[{''.join(LOWERED)}]+|.", re.DOTALL)
# those that pdflatex sets on the letters below U+0180 in any font encoding
ACCENTS = {"\u0300", "\u0301", "\u0302", "\u0303", "\u0308", "\u030a", "\u030c", "\u0327"}


def latex_text(text: str) -> str:
    r"""Return plain text as LaTeX: special signs escaped, Unicode as commands, one line.

    A character for which nothing is known is written as its number, such as ``U+2603``, so that
    the file compiles whatever it holds.

    Args:
        text: Any text; runs of white space become one space.

    Returns:
        LaTeX for text mode, with balanced braces.

    Example:
        >>> print(latex_text("50% of ‖∇l‖ ≤ 3 × 10⁻³ & more_or_less ☃"))
        50\% of \ensuremath{\|}\ensuremath{\nabla}l\ensuremath{\|} \ensuremath{\leq} 3
        \ensuremath{\times} 10\ensuremath{^{-3}} \& more\_or\_less \texttt{U+2603}
    """
    known = "".join(
        " " if character.isspace() and character not in SPECIAL else character
        for character in unicodedata.normalize("NFC", text)
    )
    return RUNS.sub(_run, known.strip(" "))


def _run(match: re.Match[str]) -> str:
    """Return one character, or a run of spaces or of raised or lowered characters, as LaTeX."""
    character = match[0][0]
    if character in RAISED:
        return rf"\ensuremath{{^{{{''.join(RAISED[c] for c in match[0])}}}}}"
    if character in LOWERED:
        return rf"\ensuremath{{_{{{''.join(LOWERED[c] for c in match[0])}}}}}"
    if character in MATHS:
        return rf"\ensuremath{{{MATHS[character]}}}"
    if character in SPECIAL:
        return SPECIAL[character]
    printable = character.isascii() and character.isprintable()
    if printable or character in "ßæøåÆØÅœŒłŁ" or _is_accented(character):
        return character
    return rf"\texttt{{U+{ord(character):04X}}}"


def _is_accented(character: str) -> bool:
    letters = unicodedata.normalize("NFD", character)
    return (
        character < "\u0180"
        and len(letters) == 2
        and letters[0].isascii()
        and letters[1] in ACCENTS
    )
