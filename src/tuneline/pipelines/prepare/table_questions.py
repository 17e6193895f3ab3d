"""What can be asked about the facts of a table, and what answers it."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import islice

from tuneline.parameters import Table
from tuneline.parameters.table import Kind
from tuneline.pipelines.prepare.similar_items import SimilarItems
from tuneline.pipelines.prepare.table_facts import TRAIN, Fact, FactSplits
from tuneline.utils.hashing import seeded_order

# Quotation marks within an item, which a template sets into quotation marks itself.
INNER = str.maketrans("„“”", "\u201a\u2018\u2019")


@dataclass(frozen=True)
class Topic:
    """One thing that a kind of question asks about.

    Attributes:
        kind: the kind.
        facts: what the answer states, or denies.
        split: where it is asked.
        partial: whether the answer leaves out what it could state: facts of other splits, and rows
            that have the item in other words or in a category that is not looked at.
    """

    kind: Kind
    facts: tuple[Fact, ...]
    split: str = TRAIN
    partial: bool = False

    @property
    def has_data(self) -> bool:
        """Whether the table has something to answer with."""
        return bool(self.facts[0].item)


def find_topics(facts: list[Fact], items: SimilarItems, kind: Kind, seed: int) -> Iterator[Topic]:
    """Find all that a kind of question can ask about.

    Their facts may still be of several splits. Those without data count only if the kind has an
    answer for it.
    """
    if kind.about == "absent":
        yield from _find_absent(facts, items, kind, seed)
        return
    holders = _find_holders(facts, kind)
    for some in _group(list(_choose(facts, kind)), kind).values():
        stated = tuple(fact for fact in some if fact.item)
        if stated:
            partial = kind.about == "reverse" and _leaves_out(stated, items, holders)
            yield Topic(kind, stated, partial=partial)
        elif kind.no_data and kind.about in {"row", "category"}:
            yield Topic(kind, (some[0],))


def settle(topic: Topic, splits: FactSplits) -> Topic | None:
    """Put a topic in the split of its facts.

    If they are of several, in the training split without the held-out ones; None if the kind has no
    answer for that, or nothing would be left to answer.
    """
    found = {fact: splits.split_of(fact) for fact in topic.facts}
    if len(set(found.values())) == 1:
        settled = replace(topic, split=found[topic.facts[0]])
    else:
        left = tuple(fact for fact in topic.facts if found[fact] == TRAIN)
        settled = replace(topic, facts=left, partial=True)
    worded = topic.kind.partial or not settled.partial
    return settled if settled.facts and worded else None


def format_topic(topic: Topic, number: int, table: Table) -> list[tuple[str, str]]:
    """Fill the templates of a topic's kind.

    Each phrasing used makes a question; they take turns by `number`. A value that ends with a full
    stop brings no second one.
    """
    kind, values = topic.kind, _fill(topic, table)
    template = kind.answer
    if not topic.has_data:
        template = kind.no_data or ""
    elif topic.partial:
        template = kind.partial or ""
    answer = template.format_map(values)
    count = min(kind.phrasings or len(kind.questions), len(kind.questions))
    chosen = [kind.questions[(number + turn) % len(kind.questions)] for turn in range(count)]
    return [(_end(question.format_map(values)), _end(answer)) for question in chosen]


def _end(text: str) -> str:
    return text[:-1] if text.endswith("..") and not text.endswith("...") else text


def _choose(facts: list[Fact], kind: Kind) -> Iterator[Fact]:
    named = any("{category}" in text for text in (*kind.questions, kind.answer))
    for fact in (fact for fact in facts if fact.column in kind.of):
        if named and not fact.category:
            continue
        if not fact.item and not fact.category:
            # The whole column has no data: only a question about the row can say so.
            wanted = kind.about == "row"
        else:
            wanted = not kind.only or _is_one_of(fact.category, kind.only)
        if wanted and not _is_one_of(fact.category, kind.without):
            yield fact


def _is_one_of(category: str, names: list[str]) -> bool:
    return category.casefold() in {name.casefold() for name in names}


def _group(facts: list[Fact], kind: Kind) -> dict[tuple[str, ...], list[Fact]]:
    groups: dict[tuple[str, ...], list[Fact]] = {}
    for fact in facts:
        key = {
            "row": (fact.subject,),
            # Two columns with one category are asked about together: the question names neither.
            "category": (fact.subject, fact.category),
            "item": fact.key,
            "reverse": (fact.name,),
        }[kind.about]
        same = groups.setdefault(key, [])
        if kind.about != "reverse" or fact.key not in {one.key for one in same}:
            same.append(fact)
    return groups


def _find_holders(facts: list[Fact], kind: Kind) -> dict[str, set[str]]:
    """Find the rows that have each item, in any category."""
    holders: dict[str, set[str]] = {}
    for fact in facts:
        if kind.about == "reverse" and fact.column in kind.of and fact.item:
            holders.setdefault(fact.name, set()).add(fact.subject)
    return holders


def _leaves_out(
    stated: tuple[Fact, ...], items: SimilarItems, holders: dict[str, set[str]]
) -> bool:
    names = {stated[0].name, *items.find_wider(stated[0].name)}
    found = set().union(*(holders.get(name, set()) for name in names))
    return not found <= {fact.subject for fact in stated}


def _find_absent(facts: list[Fact], items: SimilarItems, kind: Kind, seed: int) -> Iterator[Topic]:
    """Ask for items that a row lacks, and the like of them, though it has data in that column."""
    stated: dict[str, set[str]] = {}
    for fact in facts:
        stated.setdefault(fact.subject, set()).update({fact.item, fact.name} - {""})
    chosen = [fact for fact in _choose(facts, kind) if fact.item]
    named = {fact.name: fact for fact in chosen}
    filled: dict[str, set[str]] = {}
    for fact in chosen:
        filled.setdefault(fact.subject, set()).add(fact.column)
    for subject, columns in filled.items():
        others = [
            replace(fact, subject=subject, item=name)
            for name, fact in named.items()
            if fact.column in columns and name not in stated[subject]
        ]
        others.sort(key=lambda fact: seeded_order(seed, *fact.key))
        absent = (one for one in others if not items.is_like(one.name, stated[subject]))
        yield from (Topic(kind, (fact,)) for fact in islice(absent, kind.per_row))


def _fill(topic: Topic, table: Table) -> dict[str, str]:
    first = topic.facts[0]
    lists: dict[str, list[Fact]] = {}
    for fact in topic.facts:
        lists.setdefault(_show(fact.category), []).append(fact)
    named = [
        f"{name}: {_list_items(facts, table)}" if name else _list_items(facts, table)
        for name, facts in lists.items()
    ]
    return {
        "subject": first.subject,
        "item": (first.name if topic.kind.about == "reverse" else first.item).translate(INNER),
        "category": _show(first.category),
        "items": _list_items(topic.facts, table),
        "subjects": _join([fact.subject for fact in topic.facts], table),
        "lists": ". ".join(listed[:1].upper() + listed[1:] for listed in named),
    }


def _show(category: str) -> str:
    """Write a category within a sentence: in capitals only where a cell has others, too."""
    return category.lower() if category == category.upper() else category


def _list_items(facts: Iterable[Fact], table: Table) -> str:
    items: dict[str, str] = {}
    for fact in facts:
        items.setdefault(fact.name, fact.item)
    return _join(list(items.values()), table)


def _join(items: list[str], table: Table) -> str:
    *others, last = dict.fromkeys(items)
    before = table.separator if table.last_separator is None else table.last_separator
    return before.join([table.separator.join(others), last]) if others else last
