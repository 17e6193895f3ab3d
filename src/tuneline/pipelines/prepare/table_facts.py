"""The facts that a table states, and the split in which each of them is asked."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

import polars as pl
import regex

from tuneline.parameters import Table
from tuneline.pipelines.prepare.similar_items import SimilarItems
from tuneline.utils.hashing import seeded_order

# What is before an item or a category by hand: a bullet, a dash, `1.`, `2)`.
BULLET = r"[•·▪●◦‣\u2043]"
ROUND_BULLET = regex.compile(rf"(?<!\S){BULLET}\s*")
MARK = regex.compile(rf"^(?:(?:[*\p{{Pd}}]|{BULLET})\s+|\d{{1,2}}[.)]\s+)+")
HEADING = regex.compile(r"(?P<name>[^:\uff1a\n]{1,60}?)\s*[:\uff1a](?P<rest>.*)")
# A heading in mixed case has no more words than this, and none of these signs.
HEADING_WORDS, SENTENCE_SIGNS = 4, regex.compile(r"[.,;!?()\[\]„“”\"]")
QUOTED = regex.compile(r"„[^„“”\n]*[“”]|“[^“”\n]*”|«[^«»\n]*»|\"[^\"\n]*\"")
ENCLOSED = regex.compile(rf"\([^()]*\)|\[[^\[\]]*\]|\{{[^{{}}]*\}}|{QUOTED.pattern}")
HIDDEN = "\x00"
# A text of these alone, such as a dash, says that there is no data; marks such as `***` do not.
SILENT = regex.compile(r"(?V1)[[\s\p{P}]--[*#%&@]]+")
# Column of the pairs that says where their facts are asked.
FACT_SPLIT = "fact_split"
TRAIN, SPLITS = "train", ("test", "validation")


def read_list(cell: str, table: Table) -> dict[str, list[str]]:
    """Read a cell that holds categories with their items.

    A category is a line's beginning up to a colon: in capitals, or up to four words of which the
    first has a capital. `poměr 1:2` and `viz: …` name none. Items are as they are spelled, each
    once; none where there is no data. A cell without a category is one category without a name.
    """
    texts: dict[str, list[str]] = {"": []}
    spelled: dict[str, str] = {}
    name = ""
    for line in _read_lines(cell):
        found, text = _read_heading(line)
        if found:
            name = spelled.setdefault(found.casefold(), found)
            texts.setdefault(name, []).append("")
        texts[name][-1:] = ["\n".join([*texts[name][-1:], text]).strip()]
    lists = {name: _read_items(found, table) for name, found in texts.items() if name or any(found)}
    return lists or {"": []}


def tidy(text: str) -> str:
    """Make one space of any white space, none at the ends."""
    return " ".join(text.split())


def drop_no_data(text: str, table: Table) -> str:
    """Make nothing of a text that says that there is no data: `Není údaj`, `(není údaj)`, `-`."""
    return "" if _bare(text) in {"", *map(_bare, table.no_data)} else text


def _bare(text: str) -> str:
    return str(SILENT.sub(" ", text)).strip().casefold()


def _read_lines(cell: str) -> Iterator[str]:
    """Read lines without bullets; each round bullet begins a line."""
    for line in ROUND_BULLET.sub("\n", cell).splitlines():
        yield MARK.sub("", line.strip())


def _read_heading(line: str) -> tuple[str, str]:
    match = HEADING.match(line)
    if match and _is_heading(tidy(match["name"]), match["rest"]):
        return tidy(match["name"]), match["rest"]
    return "", line


def _is_heading(name: str, rest: str) -> bool:
    if not name[:1].isalpha() or rest.startswith("//"):
        return False
    if name[-1].isdigit() and rest[:1].isdigit():  # 1:2
        return False
    bare = ENCLOSED.sub("", name)
    few = len(bare.split()) <= HEADING_WORDS and not SENTENCE_SIGNS.search(bare)
    return bare == bare.upper() or (bare[0].isupper() and few)


def _read_items(texts: list[str], table: Table) -> list[str]:
    spelled: dict[str, str] = {}
    for part in (part for text in texts for part in _divide(text, table)):
        if item := _read_item(part, table):
            spelled.setdefault(item.casefold(), item)
    return list(spelled.values())


def _divide(text: str, table: Table) -> list[str]:
    """Divide by the first separator that the text holds outside brackets and quotation marks."""
    # A line that ends with a comma or a semicolon goes on in the next.
    text = regex.sub(r"(?<=[,;])\s*\n\s*", " ", text)
    shown = _hide_enclosed(text)
    for separator in table.item_separators:
        cuts = [match.span() for match in _pattern(separator, table).finditer(shown)]
        starts, ends = [0, *(end for _, end in cuts)], [*(start for start, _ in cuts), len(text)]
        parts = [text[start:end] for start, end in zip(starts, ends, strict=True)]
        if len([part for part in parts if part.strip()]) > 1:
            return parts
    return [text]


def _hide_enclosed(text: str) -> str:
    """Replace what is in brackets and quotation marks; what is never closed stays."""
    hidden = ENCLOSED.sub(lambda match: HIDDEN * len(match[0]), text)
    return hidden if hidden == text else _hide_enclosed(hidden)


def _pattern(separator: str, table: Table) -> "regex.Pattern[str]":
    if separator == ".":
        return regex.compile(r"(?<=\w{2}[.!?…])\s+(?=\p{Lu})")
    if separator != ",":
        return regex.compile(regex.escape(separator))
    words = "|".join(map(regex.escape, table.clause_words))
    clause = rf"(?!\s*(?:{words})\b)" if words else ""
    return regex.compile(rf"(?:(?<!\d),|,(?!\d)){clause}", regex.IGNORECASE)


def _read_item(part: str, table: Table) -> str:
    text = MARK.sub("", tidy(part))
    for words in table.and_so_on:
        text = regex.sub(
            rf"(?:^|[\s,;]+){regex.escape(words)}\W*$", "", text, flags=regex.IGNORECASE
        )
    text = text.rstrip(" .,;:…").lstrip(" ,;:")
    # The templates set their own quotation marks around an item.
    return drop_no_data(text[1:-1] if QUOTED.fullmatch(text) else text, table)


@dataclass(frozen=True)
class Fact:
    """That an item is in a row: an oil's effect, say, or its Latin name.

    Attributes:
        subject: what the row is about.
        column: name of the column, as `values` and `lists` give it.
        category: of the item within its column; empty for a column with one value.
        item: the item as the row spells it; empty where the table has no data.
        name: the item as all are named that say the same.
    """

    subject: str
    column: str
    category: str
    item: str
    name: str

    @property
    def key(self) -> tuple[str, str]:
        """What makes two facts the same: an effect is one wherever, and however, it is listed."""
        return self.subject, self.name or self.column


def read_facts(rows: pl.DataFrame, table: Table) -> tuple[list[Fact], SimilarItems]:
    """Read every fact of a table.

    Facts are in the order of the table, each once in a category of a row; one without an item for
    each column, or category of it, that has no data.
    """
    read = [fact for row in rows.iter_rows(named=True) for fact in _read_row(row, table)]
    listed = [fact.item for fact in read if fact.column in table.lists and fact.item]
    items = SimilarItems(listed, table.similarity)
    facts: dict[tuple[tuple[str, str], str, str], Fact] = {}
    spelled: dict[str, str] = {}
    for fact in read:
        name = items.name(fact.item) if fact.column in table.lists else fact.item
        category = spelled.setdefault(fact.category.casefold(), fact.category)
        known = replace(fact, name=name, category=category)
        facts.setdefault((known.key, known.column, category), known)
    return list(facts.values()), items


def _read_row(row: dict[str, str], table: Table) -> Iterable[Fact]:
    subject = tidy(row[table.subject])
    for name, column in table.values.items():
        yield Fact(subject, name, "", drop_no_data(tidy(row[column] or ""), table), "")
    for name, column in table.lists.items():
        for category, items in read_list(row[column] or "", table).items():
            yield from (Fact(subject, name, category, item, "") for item in items or [""])


class FactSplits:
    """The split in which a fact is asked: that of its row, or else that of its item.

    Subjects, and the names of items in lists, are in the order of a seeded hash; the first of
    them are held out for the test, the next for validation. Items that say the same share a name,
    so they are in one split.
    """

    def __init__(self, facts: list[Fact], table: Table, seed: int) -> None:
        listed = {fact.name for fact in facts if fact.column in table.lists and fact.name}
        self._subjects = _hold_out({fact.subject for fact in facts}, table, seed)
        self._items = _hold_out(listed, table, seed)

    def split_of(self, fact: Fact) -> str:
        """Name the split of a fact, whether it is in the table or is denied."""
        return self._subjects.get(fact.subject) or self._items.get(fact.name) or TRAIN


def _hold_out(names: Iterable[str], table: Table, seed: int) -> dict[str, str]:
    ordered = sorted(names, key=lambda name: seeded_order(seed, name))
    splits: dict[str, str] = {}
    for split in SPLITS:
        count = max(1, round(getattr(table.held_out, split) * len(ordered)))
        splits |= dict.fromkeys(ordered[len(splits) : len(splits) + count], split)
    return splits
