"""Plain data for a document: sections of text, tables, figures and claims, and nothing about looks.

The renderers of this package turn a :class:`Document` into HTML, Markdown, CSV and LaTeX.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from qnlr.errors import InputError, require_count
from qnlr.report.claims import Claim, Claims
from qnlr.report.names import require_different, require_stem
from qnlr.report.tables import Table


@dataclass(frozen=True)
class Figure:
    """A figure.

    Args:
        name: Stem of its files, such as ``"figure_03"``.
        title: What it shows, in a few words.
        caption: What has to be known to read it.
        svg: The figure as the text of an SVG file, drawn on white.
        files: The same figure in other formats; each is copied beside the SVG file.
        alt: What is seen, for those who do not see it; the title if empty.

    Raises:
        InputError: If the name is no file stem, or the text is no SVG.

    Example:
        >>> Figure("figure_03", "Loss", "Ten seeds.", "<svg></svg>").described
        'Loss'
    """

    name: str
    title: str
    caption: str
    svg: str
    files: tuple[Path, ...] = ()
    alt: str = ""

    def __post_init__(self) -> None:
        require_stem("figure", self.name)
        if "<svg" not in self.svg:
            raise InputError(
                f'svg of figure "{self.name}" starts with {self.svg[:20]!r}; '
                "it must be the text of an SVG file"
            )

    @property
    def described(self) -> str:
        """The description for those who do not see the figure."""
        return self.alt or self.title


@dataclass(frozen=True)
class Text:
    """Paragraphs, and then a list; both plain text without markup.

    Args:
        paragraphs: The paragraphs.
        bullets: The items of the list.

    Example:
        >>> Text(("Two things follow.",), ("One.", "Two.")).bullets
        ('One.', 'Two.')
    """

    paragraphs: tuple[str, ...] = ()
    bullets: tuple[str, ...] = ()


@dataclass(frozen=True)
class Code:
    """Commands, settings or output, shown as they are.

    Args:
        text: The lines.

    Example:
        >>> Code("qnlr run configs/quickstart.toml").text
        'qnlr run configs/quickstart.toml'
    """

    text: str


@dataclass(frozen=True)
class Details:
    """Blocks that are folded away behind a title.

    Args:
        title: What is in there.
        blocks: The blocks.

    Example:
        >>> Details("With what it ran", (Code("python 3.11"),)).title
        'With what it ran'
    """

    title: str
    blocks: tuple[Block, ...]


Block = Table | Figure | Text | Claims | Code | Details


@dataclass(frozen=True)
class Section:
    """A section.

    Args:
        name: Short name, such as ``"optimizers"``; a link to the section ends in it.
        title: Its heading.
        blocks: What is in it.
        level: Level of the heading, 2 to 4; sections are listed one after the other, not nested.

    Raises:
        InputError: If the name is no file stem, or the level is not valid.

    Example:
        >>> Section("noise", "Under noise", (Text(("None.",)),)).level
        2
    """

    name: str
    title: str
    blocks: tuple[Block, ...]
    level: int = 2

    def __post_init__(self) -> None:
        require_stem("section", self.name)
        require_count(f'level of section "{self.name}"', self.level, 2, 4)


@dataclass(frozen=True)
class Document:
    """A document.

    Args:
        title: Its title.
        subtitle: One or two sentences under it.
        sections: Its sections, in order.
        footer: What stands at the end, such as versions and date.

    Raises:
        InputError: If two sections, tables, figures or claims share a name.

    Example:
        >>> loss = Table("loss", "Loss", ("optimizer",), ())
        >>> folded = Section("all", "All", (Details("More", (loss,)),))
        >>> [table.name for table in Document("Study", "", (folded,)).tables]
        ['loss']
    """

    title: str
    subtitle: str
    sections: tuple[Section, ...]
    footer: str = ""

    def __post_init__(self) -> None:
        named: dict[str, Iterable[Section | Table | Figure | Claim]] = {
            "sections": self.sections,
            "tables": self.tables,
            "figures": self.figures,
            "claims": self.claims,
        }
        for what, things in named.items():  # some file systems do not tell capitals apart
            require_different(what, [thing.name.lower() for thing in things])

    @property
    def blocks(self) -> Iterator[Block]:
        """All blocks, folded ones too, in order."""
        return _unfolded(block for section in self.sections for block in section.blocks)

    @property
    def tables(self) -> tuple[Table, ...]:
        """All tables, in order."""
        return tuple(block for block in self.blocks if isinstance(block, Table))

    @property
    def figures(self) -> tuple[Figure, ...]:
        """All figures, in order."""
        return tuple(block for block in self.blocks if isinstance(block, Figure))

    @property
    def claims(self) -> tuple[Claim, ...]:
        """All claims, in order."""
        return tuple(
            claim for block in self.blocks if isinstance(block, Claims) for claim in block.claims
        )


def _unfolded(blocks: Iterable[Block]) -> Iterator[Block]:
    for block in blocks:
        yield block
        if isinstance(block, Details):
            yield from _unfolded(block.blocks)
