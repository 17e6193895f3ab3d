"""The facts that a table states, and the side that each of them is asked on."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, replace

import polars as pl

from tuneline.parameters import Table
from tuneline.pipelines.prepare.list_cells import drop_no_data, read_list, tidy
from tuneline.pipelines.prepare.similar_items import SimilarItems

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

    Args:
        rows: the clean rows.
        table: says which columns hold what.

    Returns:
        The facts in the order of the table, each once in a category of a row; one without an item
        for each column, or category of it, that has no data. And the items of the lists.
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


class FactSides:
    """Which side a fact is asked on: that of its row, or else that of its item.

    Subjects, and the names of items in lists, stand in the order of a seeded hash; the first of
    them are held out for the test, the next for validation. Items that say the same share a name,
    so they are on one side.
    """

    def __init__(self, facts: list[Fact], table: Table, seed: int) -> None:
        listed = {fact.name for fact in facts if fact.column in table.lists and fact.name}
        self._subjects = _hold_out({fact.subject for fact in facts}, table, seed)
        self._items = _hold_out(listed, table, seed)

    def side_of(self, fact: Fact) -> str:
        """Name the side of a fact, whether it stands in the table or is denied."""
        return self._subjects.get(fact.subject) or self._items.get(fact.name) or TRAIN


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
