"""The facts that a table states, and the side that each of them is asked on."""

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass

import polars as pl

from tuneline.parameters import Table

# A category in a cell: capitals, a colon, its items. The next one begins on a line of its own.
CATEGORY = re.compile(r"^\s*([^:\n]+?)\s*:\s*", re.MULTILINE)
# Column of the pairs that says where their facts are asked.
FACT_SIDE = "fact_side"
TRAIN, SIDES = "train", ("test", "validation")


@dataclass(frozen=True)
class Fact:
    """That an item stands in a row: an oil's effect, say, or its Latin name.

    Attributes:
        subject: what the row is about.
        column: name of the column, as `values` and `lists` give it.
        category: of the item within its column; empty for a column with one value.
        item: the item; empty where the table has no data.
    """

    subject: str
    column: str
    category: str
    item: str

    @property
    def key(self) -> tuple[str, str]:
        """What makes two facts the same: an effect is one wherever the row lists it."""
        return self.subject, self.item or self.column


def read_facts(rows: pl.DataFrame, table: Table) -> list[Fact]:
    """Read every fact of a table.

    Args:
        rows: the clean rows.
        table: says which columns hold what.

    Returns:
        The facts in the order of the table, each once; one without an item for each column, or
        category of it, that has no data.
    """
    facts: dict[Fact, None] = {}
    for row in rows.iter_rows(named=True):
        subject = tidy(row[table.subject])
        for name, column in table.values.items():
            facts[Fact(subject, name, "", _drop_no_data(tidy(row[column]), table))] = None
        for name, column in table.lists.items():
            for category, items in read_list(row[column], table).items():
                for item in items or [""]:
                    facts[Fact(subject, name, category, item)] = None
    return list(facts)


def read_list(cell: str, table: Table) -> dict[str, list[str]]:
    """Read a cell that holds categories with their items.

    Args:
        cell: such as `SPÁNEK: Neklidný spánek, Tíživé sny` and more lines like it.
        table: says how it is written that there is no data.

    Returns:
        The items of each category, their first letters small; none where there is no data. A cell
        without a category is one category without a name.
    """
    parts = CATEGORY.split(cell)
    pairs = zip(["", *parts[1::2]], parts[0::2], strict=True)
    texts: dict[str, list[str]] = {}
    for name, text in pairs:
        if name or text.strip():
            texts.setdefault(tidy(name), []).append(text)
    return {name: _divide(",".join(found), table) for name, found in texts.items()} or {"": []}


def tidy(text: str) -> str:
    """Make one space of any white space, none at the ends."""
    return " ".join(text.split())


def _divide(text: str, table: Table) -> list[str]:
    items = (_drop_no_data(tidy(part), table) for part in text.split(","))
    return list(dict.fromkeys(_lower_first(item) for item in items if item))


def _drop_no_data(text: str, table: Table) -> str:
    return "" if text.casefold() in {words.casefold() for words in table.no_data} else text


def _lower_first(text: str) -> str:
    """Write a list's first letter as within a sentence; abbreviations keep theirs."""
    return text if text[:2].isupper() else text[:1].lower() + text[1:]


class FactSides:
    """Which side a fact is asked on: that of its row, or else that of its item.

    Subjects, and items of lists, stand in the order of a seeded hash; the first of them are held
    out for the test, the next for validation.
    """

    def __init__(self, facts: list[Fact], table: Table, seed: int) -> None:
        listed = {fact.item for fact in facts if fact.column in table.lists and fact.item}
        self._subjects = _hold_out({fact.subject for fact in facts}, table, seed)
        self._items = _hold_out(listed, table, seed)

    def side_of(self, fact: Fact) -> str:
        """Name the side of a fact, whether it stands in the table or is denied."""
        return self._subjects.get(fact.subject) or self._items.get(fact.item) or TRAIN


def _hold_out(names: Iterable[str], table: Table, seed: int) -> dict[str, str]:
    ordered = sorted(names, key=lambda name: hash_text(name, seed))
    sides: dict[str, str] = {}
    for side in SIDES:
        count = max(1, round(getattr(table.held_out, side) * len(ordered)))
        sides |= dict.fromkeys(ordered[len(sides) : len(sides) + count], side)
    return sides


def hash_text(text: str, seed: int) -> bytes:
    """Put texts in an order that depends on nothing but themselves and the seed."""
    return hashlib.blake2b(f"{seed}\x00{text}".encode(), digest_size=8).digest()
