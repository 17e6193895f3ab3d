"""The blocks of a plan's source file: headings, paragraphs, list items, tables.

A source file is written line by line, one block a line: `#` to `####` headings, `- ` list items,
`| cell | cell |` rows of a table, `@name` a passage that the house uses in several offers, and
anything else a paragraph. Empty lines count for nothing.
"""

from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import yaml

PASSAGES = Path(__file__).with_name("passages.yml")


@dataclass(frozen=True, slots=True)
class Block:
    """One line of a document; `level` counts for headings only, `passage` is shared wording."""

    kind: str  # heading, item, row or paragraph
    text: str
    level: int = 0
    passage: bool = False

    @property
    def cells(self) -> list[str]:
        """The cells of a row."""
        return [cell.strip() for cell in self.text.split("|")]

    def saying(self, text: str) -> "Block":
        """The same block with other words."""
        return replace(self, text=text)


@cache
def read_passages() -> dict[str, str]:
    """The passages that offers share, by name."""
    return yaml.safe_load(PASSAGES.read_text(encoding="utf-8"))


def parse_line(line: str) -> Block:
    """One line of a source file as a block."""
    mark, _, text = line.partition(" ")
    if set(mark) == {"#"}:
        return Block("heading", text, level=len(mark))
    if mark == "-":
        return Block("item", text)
    if mark == "|":
        return Block("row", line.strip("| "))
    if line.startswith("@"):
        return Block("paragraph", read_passages()[line[1:]], passage=True)
    return Block("paragraph", line)


def read_blocks(path: Path) -> list[Block]:
    """The blocks of a source file, in order."""
    lines = path.read_text(encoding="utf-8").splitlines()
    return [parse_line(line.strip()) for line in lines if line.strip()]
