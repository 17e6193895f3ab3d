"""The headings of a document, and the text below each."""

import re
from collections import Counter
from dataclasses import dataclass, replace
from itertools import pairwise

# Between two pages of a text whose pages are marked.
PAGE_BREAK = "\f"
# A heading as Markdown writes it; only where a document has none, short lines are looked at.
MARKED = re.compile(r"\s{0,3}(#{1,9})\s+(\S.*?)\s*#*\s*")
# A line longer than this is no heading.
HEADING_CHARACTERS, HEADING_WORDS = 100, 14
# What begins an item of a list or a row of a table, and what ends a sentence or a clause.
NO_HEADING = re.compile("\\s*[-*•\u2013|>]|.*(?: \\| |[.,;!\u3002\uff0c\uff1b\uff01]\\s*$)")
ASKS = ("?", "\uff1f")


@dataclass(frozen=True)
class Section:
    """A heading and the text below it, up to the next heading."""

    heading: str
    text: str


def find_sections(text: str) -> tuple[list[Section], int]:
    """Divide a document at its headings.

    A heading is a line that begins with `#`, as in Markdown; where there is none, a short line that
    ends no sentence and has a longer one below it, or a question. One that the document has twice
    carries the heading above it. Gives the sections that have a text; and the characters before the
    first heading, which are in none of them.
    """
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    words, levels = find_headings(lines)
    starts = [place for place, level in enumerate(levels) if level]
    if not starts:
        return [], len(text)
    above: dict[int, str] = {}
    parents: list[str] = []
    sections: list[Section] = []
    for start, end in zip(starts, [*starts[1:], len(lines)], strict=True):
        level = levels[start]
        above = {one: heading for one, heading in above.items() if one < level}
        parents.append(above[max(above)] if above else "")
        above[level] = words[start]
        sections.append(Section(above[level], "\n".join(lines[start + 1 : end])))
    counts = Counter(one.heading for one in sections if one.text)
    told = [
        replace(one, heading=f"{parent}: {one.heading}")
        if parent and counts[one.heading] > 1
        else one
        for one, parent in zip(sections, parents, strict=True)
        if one.text
    ]
    return told, sum(map(len, lines[: starts[0]]))


def find_headings(lines: list[str]) -> tuple[list[str], list[int]]:
    """Find the headings among the lines of a document, as `find_sections` says.

    Gives the words of each line, without the `#` of a heading; and its level, 1 for the highest, 0
    for what is no heading.
    """
    marks = [MARKED.fullmatch(line) for line in lines]
    levels = [len(mark[1]) if mark else 0 for mark in marks]
    words = [mark[2] if mark else line for mark, line in zip(marks, lines, strict=True)]
    return words, levels if any(levels) else _find_bare(lines)


def _find_bare(lines: list[str]) -> list[int]:
    """Find headings that nothing marks: level 1 for each, 0 for the other lines."""
    levels = [0] * len(lines)
    for place, (line, below) in enumerate(pairwise(lines)):
        if not _may_be_heading(line):
            continue
        if line.endswith(ASKS):
            levels[place] = int(not below.endswith(ASKS))
        elif not (place and levels[place - 1]):  # a question's answer may be as short
            levels[place] = int(not _may_be_heading(below) and len(below) > len(line))
    return levels


def _may_be_heading(line: str) -> bool:
    short = len(line) <= HEADING_CHARACTERS and len(line.split()) <= HEADING_WORDS
    return short and not NO_HEADING.match(line)
