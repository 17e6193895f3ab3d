"""Pairs of prompt and completion made of documents: of their parts, or of their sections."""

import re
from collections import Counter
from dataclasses import dataclass, replace
from itertools import pairwise

import pandas as pd
import polars as pl
from rapidfuzz import fuzz, process

from tuneline.parameters import Data
from tuneline.parameters.data import SECTION_COLUMNS, Documents, Part
from tuneline.streaming import LINE
from tuneline.utils.text import fold_heading

# A heading as Markdown writes it; only where a document has none, short lines are looked at.
MARKED = re.compile(r"\s{0,3}(#{1,9})\s+(\S.*?)\s*#*\s*")
# A line longer than this is no heading.
HEADING_CHARACTERS, HEADING_WORDS = 100, 14
# What begins an item of a list or a row of a table, and what ends a sentence or a clause.
NO_HEADING = re.compile("\\s*[-*•\u2013|>]|.*(?: \\| |[.,;!\u3002\uff0c\uff1b\uff01]\\s*$)")
ASKS = ("?", "\uff1f")
# The pairs of a document, and what the report says of it.
Found = tuple[list[dict[str, str]], dict[str, object]]
NO_SECTION = "no heading with a text below it"


@dataclass(frozen=True)
class Parts:
    """What was found in a document.

    Attributes:
        texts: the text of each part, without its heading; empty where it was not found.
        problems: what is missing, in words.
        before: characters that are before the first part, and so in none.
    """

    texts: dict[str, str]
    problems: list[str]
    before: int


def find_parts(text: str, documents: Documents) -> Parts:
    """Divide a document into its parts.

    Args:
        text: the document, one paragraph a line.
        documents: the headings.

    Returns:
        The parts, or why some were not found.
    """
    lines = text.splitlines()
    folded = fold_lines(lines)
    parts = documents.parts.values()
    known = [heading for part in parts for heading in (*part.headings, *part.sections)]
    found = {name: _find(folded, part.headings, known) for name, part in documents.parts.items()}
    starts = sorted(start for start in found.values() if start is not None)
    ends = dict(zip(starts, [*starts[1:], len(lines)], strict=True))
    texts, problems = dict.fromkeys(documents.parts, ""), []
    for name, start in found.items():
        part = documents.parts[name]
        if start is None:
            problems.append(_describe_missing(name, part.headings[0], lines, folded))
            continue
        texts[name], missing = _write_part(lines[start + 1 : ends[start]], part)
        problems += [f"{name}: {one}" for one in missing]
    before = sum(map(len, lines[: starts[0]])) if starts else len(text)
    return Parts(texts, problems, before)


def fold_lines(lines: list[str]) -> list[str]:
    """Reduce lines to what makes two headings the same."""
    return [fold_heading(line) for line in lines]


def _find(folded: list[str], headings: list[str], known: list[str], start: int = 0) -> int | None:
    """Find a heading: the first that has no other next to it, as in a table of contents."""
    wanted, others = set(fold_lines(headings)), set(fold_lines(known))
    places = [place for place in range(start, len(folded)) if folded[place] in wanted]
    for place in places[:-1]:
        before, after = folded[start:place][::-1], folded[place + 1 :]
        if not {next(filter(None, lines), None) for lines in (before, after)} & others:
            return place
    return places[-1] if places else None


def _write_part(lines: list[str], part: Part) -> tuple[str, list[str]]:
    """Write the headings of the sections in one way; answer with those that are missing, too."""
    folded, written, missing, after = fold_lines(lines), list(lines), [], 0
    for section in part.sections:
        place = _find(folded, [section], part.sections, after)
        if place is None:
            missing.append(_describe_missing("section", section, lines, folded))
        else:
            written[place], after = f"# {section}", place + 1
    text = "\n".join(line.strip() for line in written if line.strip())
    return text, missing if text else ["nothing is under its heading"]


def _describe_missing(what: str, heading: str, lines: list[str], folded: list[str]) -> str:
    nearest = process.extractOne(fold_lines([heading])[0], folded, scorer=fuzz.ratio)
    close = f"; the nearest line is `{lines[nearest[2]].strip()[:60]}`" if nearest else ""
    return f"no heading `{heading}` ({what}){close}"


@dataclass(frozen=True)
class Section:
    """A heading and the text below it, up to the next heading."""

    heading: str
    text: str


def find_sections(text: str) -> tuple[list[Section], int]:
    """Divide a document at its headings.

    A heading is a line that begins with `#`, as in Markdown; where there is none, a short line that
    ends no sentence and has a longer one below it, or a question. One that the document has twice
    carries the heading above it.

    Args:
        text: the document, one paragraph a line.

    Returns:
        The sections that have a text; and the characters before the first heading, which are in
        none of them.
    """
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    marks = [MARKED.fullmatch(line) for line in lines]
    levels = [len(mark[1]) if mark else 0 for mark in marks]
    if not any(levels):
        levels = _find_bare(lines)
    starts = [place for place, level in enumerate(levels) if level]
    if not starts:
        return [], len(text)
    above: dict[int, str] = {}
    parents: list[str] = []
    sections: list[Section] = []
    for start, end in zip(starts, [*starts[1:], len(lines)], strict=True):
        mark, level = marks[start], levels[start]
        above = {one: heading for one, heading in above.items() if one < level}
        parents.append(above[max(above)] if above else "")
        above[level] = mark[2] if mark else lines[start]
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


def pair_documents(
    clean: pl.DataFrame, data: Data, documents: Documents
) -> tuple[pl.DataFrame, pd.DataFrame]:
    """Make pairs of every document: one of its parts, or one of each of its sections.

    Args:
        clean: the documents, one a row.
        data: names the id.
        documents: names the column, and the parts if there are any.

    Returns:
        One row for each document whose every part was found (`line`, id, a column for each part),
        or for each section (`line`, its number among all, id, `document`, `heading`, `section`);
        and for each document
        `line`, id, `problem` (empty if there is none), `before` (characters in front of the first
        heading, which are left out), and the characters of each part, or the number of `sections`.
    """
    names = list(dict.fromkeys([LINE, data.id]))
    rows: list[dict[str, str]] = []
    report = []
    divide = _pair_parts if documents.parts else _pair_sections
    for document in clean.iter_rows(named=True):
        known = {name: str(document[name]) for name in names}
        pairs, found = divide(document[documents.column], documents)
        report.append({**known, **found})
        for place, pair in enumerate(pairs, start=1):
            row = {**known, **pair}
            if not documents.parts:
                row |= _name_section(known[data.id], data, place) | {LINE: str(len(rows) + 1)}
            rows.append(row)
    columns = dict.fromkeys([*names, *documents.columns], pl.String)
    return pl.DataFrame(rows, schema=columns), pd.DataFrame(report)


def _name_section(document: str, data: Data, place: int) -> dict[str, str]:
    """Name a section by its document and its place in it."""
    return {data.id: f"{document}-{place}", SECTION_COLUMNS[0]: document}


def _pair_parts(text: str, documents: Documents) -> Found:
    parts = find_parts(text, documents)
    sizes = {name: len(part) for name, part in parts.texts.items()}
    found = {"problem": "; ".join(parts.problems), "before": parts.before, **sizes}
    return [] if parts.problems else [parts.texts], found


def _pair_sections(text: str, documents: Documents) -> Found:
    sections, before = find_sections(text)
    _, heading, section = documents.columns
    pairs = [{heading: one.heading, section: one.text} for one in sections]
    problem = "" if pairs else NO_SECTION
    return pairs, {"problem": problem, "before": before, "sections": len(pairs)}
