"""Pairs of prompt and completion made of documents: of their parts, or of their sections."""

from dataclasses import dataclass

import pandas as pd
import polars as pl
from rapidfuzz import fuzz, process

from tuneline.parameters import Data
from tuneline.parameters.examples import SECTION_COLUMNS, Documents, Part
from tuneline.streaming import LINE
from tuneline.utils.sections import find_sections
from tuneline.utils.text import fold_heading

# The pairs of a document, and what the report says of it.
Found = tuple[list[dict[str, str]], dict[str, object]]
NO_SECTION = "no heading with a text below it"


@dataclass(frozen=True)
class Parts:
    """The text of each part that was found in a document, and what is missing, in words.

    `before` counts the characters that are before the first part, and so in none.
    """

    texts: dict[str, str]
    problems: list[str]
    before: int


def find_parts(text: str, documents: Documents) -> Parts:
    """Divide a document into its parts."""
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


def pair_documents(
    clean: pl.DataFrame, data: Data, documents: Documents
) -> tuple[pl.DataFrame, pd.DataFrame]:
    """Make pairs of every document: one of its parts, or one of each of its sections.

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
                named = {data.id: f"{known[data.id]}-{place}", SECTION_COLUMNS[0]: known[data.id]}
                row |= named | {LINE: str(len(rows) + 1)}
            rows.append(row)
    columns = dict.fromkeys([*names, *documents.columns], pl.String)
    return pl.DataFrame(rows, schema=columns), pd.DataFrame(report)


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
