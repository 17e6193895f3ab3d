"""What can be asked about the facts of a table, and what answers it."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from tuneline.parameters import Table
from tuneline.parameters.table import Kind
from tuneline.pipelines.prepare.facts import TRAIN, Fact, FactSides, hash_text


@dataclass(frozen=True)
class Topic:
    """One thing that a kind of question asks about.

    Attributes:
        kind: the kind.
        facts: what the answer states, or denies.
        side: where it is asked.
        partial: whether facts of other sides were left out.
    """

    kind: Kind
    facts: tuple[Fact, ...]
    side: str = TRAIN
    partial: bool = False

    @property
    def has_data(self) -> bool:
        """Whether the table has something to answer with."""
        return bool(self.facts[0].item)


def find_topics(facts: list[Fact], kind: Kind, seed: int) -> Iterator[Topic]:
    """Find all that a kind of question can ask about.

    Args:
        facts: all facts of the table.
        kind: what its questions are about.
        seed: which absent items are asked for.

    Yields:
        Topics whose facts may still be of several sides. Where there is no data, only if the kind
        has an answer for it.
    """
    if kind.about == "absent":
        yield from _find_absent(facts, kind, seed)
        return
    for some in _group(list(_choose(facts, kind)), kind).values():
        stated = tuple(fact for fact in some if fact.item)
        if stated:
            yield Topic(kind, stated)
        elif kind.no_data and kind.about in {"row", "category"}:
            yield Topic(kind, (some[0],))


def settle(topic: Topic, sides: FactSides) -> Topic | None:
    """Put a topic on the side of its facts.

    Args:
        topic: a topic.
        sides: the side of each fact.

    Returns:
        The topic; if its facts are of several sides, on the training side without the held-out
        ones; None if the kind has no answer for that, or nothing would be left to answer.
    """
    found = {fact: sides.side_of(fact) for fact in topic.facts}
    if len(set(found.values())) == 1:
        return replace(topic, side=found[topic.facts[0]])
    left = tuple(fact for fact in topic.facts if found[fact] == TRAIN)
    return replace(topic, facts=left, partial=True) if left and topic.kind.partial else None


def word_topic(topic: Topic, number: int, table: Table) -> list[tuple[str, str]]:
    """Fill the templates of a topic's kind.

    Args:
        topic: a settled topic.
        number: its place among those of its kind; the phrasings take turns by it.
        table: how lists are written.

    Returns:
        Questions with their answers, one for each phrasing used.
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
    return [(question.format_map(values), answer) for question in chosen]


def _choose(facts: list[Fact], kind: Kind) -> Iterator[Fact]:
    for fact in (fact for fact in facts if fact.column in kind.of):
        if not fact.item and not fact.category:
            # The whole column has no data: only a question about the row can say so.
            wanted = kind.about == "row"
        else:
            wanted = not kind.only or fact.category in kind.only
        if wanted and fact.category not in kind.without:
            yield fact


def _group(facts: list[Fact], kind: Kind) -> dict[tuple[str, ...], list[Fact]]:
    groups: dict[tuple[str, ...], list[Fact]] = {}
    for fact in facts:
        key = {
            "row": (fact.subject,),
            "category": (fact.subject, fact.column, fact.category),
            "item": fact.key,
            "reverse": (fact.item,),
        }[kind.about]
        same = groups.setdefault(key, [])
        if kind.about != "reverse" or fact.key not in {one.key for one in same}:
            same.append(fact)
    return groups


def _find_absent(facts: list[Fact], kind: Kind, seed: int) -> Iterator[Topic]:
    """Ask for items that a row lacks, though it has data in that column."""
    known = {fact.key for fact in facts}
    chosen = [fact for fact in _choose(facts, kind) if fact.item]
    items = {fact.item: fact for fact in chosen}
    for subject in dict.fromkeys(fact.subject for fact in chosen):
        filled = {fact.column for fact in chosen if fact.subject == subject}
        absent = [
            replace(fact, subject=subject)
            for fact in items.values()
            if fact.column in filled and (subject, fact.item) not in known
        ]
        absent.sort(key=lambda fact: hash_text("\x00".join(fact.key), seed))
        yield from (Topic(kind, (fact,)) for fact in absent[: kind.per_row])


def _fill(topic: Topic, table: Table) -> dict[str, str]:
    first = topic.facts[0]
    lists: dict[str, list[str]] = {}
    for fact in topic.facts:
        lists.setdefault(fact.category.lower(), []).append(fact.item)
    return {
        "subject": first.subject,
        "item": first.item,
        "category": first.category.lower(),
        "items": _join([fact.item for fact in topic.facts], table),
        "subjects": _join([fact.subject for fact in topic.facts], table),
        "lists": "; ".join(f"{name}: {_join(items, table)}" for name, items in lists.items()),
    }


def _join(items: list[str], table: Table) -> str:
    *others, last = dict.fromkeys(items)
    return table.last_separator.join([table.separator.join(others), last]) if others else last
