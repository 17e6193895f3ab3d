"""Pairs of prompt and completion made of a table's facts."""

from collections import Counter
from collections.abc import Iterator
from typing import Any

import orjson
import pandas as pd
import polars as pl

from tuneline.errors import Problem, TunelineError, suggest
from tuneline.examples import GROUPS
from tuneline.parameters import Data, Table
from tuneline.pipelines.prepare.similar_items import find_typo
from tuneline.pipelines.prepare.table_facts import FACT_SPLIT, Fact, FactSplits, read_facts, tidy
from tuneline.pipelines.prepare.table_questions import Topic, find_topics, format_topic, settle
from tuneline.streaming import LINE


def pair_table(clean: pl.DataFrame, data: Data, table: Table) -> tuple[pl.DataFrame, pd.DataFrame]:
    """Ask and answer every kind of question.

    Facts are put in a split before anything is asked about them, and a question is in the split
    of its facts, so that nothing that is asked in the evaluation was stated in the training.

    Returns:
        One row a question: `line` (its number), id, `question`, `answer`, `kind`, `fact_split`,
        `facts` (what the answer states or denies: subject and item of each, as JSON), `source`
        (lines of the table it comes from) and `groups` (see `_name_groups`). And one row a kind
        with the questions of each split, those with a `partial` or a `no_data` answer, the topics
        `left_out` because their facts are in several splits, the questions with `typos` (see
        `find_typo`), and the `first_typo` with its text.

    Raises:
        TunelineError: if two rows are about one subject, a kind names a category that no cell has,
            or one question has two answers.
    """
    _check_subjects(clean, table)
    (facts, items), seed = read_facts(clean, table), data.split.seed
    _check_categories(facts, table)
    splits = FactSplits(facts, table, seed)
    lines = dict(zip(map(tidy, clean[table.subject]), clean[LINE], strict=True))
    counts: Counter[tuple[str, str]] = Counter()
    rows: list[dict[str, str]] = []
    for kind in table.kinds:
        for topic in find_topics(facts, items, kind, seed):
            settled = settle(topic, splits)
            counts[kind.name, "left_out"] += settled is None
            rows += _write_rows(settled, counts, table, lines) if settled else []
    _check_questions(rows)
    numbered = [
        {**row, data.id: f"{row['kind']}-{number}", LINE: str(number)}
        for number, row in enumerate(rows, start=1)
    ]
    names = dict.fromkeys([LINE, data.id, *table.columns, FACT_SPLIT, "facts", "source", GROUPS])
    return pl.DataFrame(numbered).select(*names), _report(counts, rows, table)


def _write_rows(
    topic: Topic, counts: Counter[tuple[str, str]], table: Table, lines: dict[str, str]
) -> list[dict[str, str]]:
    name = topic.kind.name
    counts[name, "topics"] += 1
    asked = format_topic(topic, counts[name, "topics"], table)
    counts[name, topic.split] += len(asked)
    counts[name, "partial"] += len(asked) * topic.partial
    counts[name, "no_data"] += len(asked) * (not topic.has_data)
    about: dict[str, Any] = {
        "kind": name,
        FACT_SPLIT: topic.split,
        "facts": orjson.dumps([fact.key for fact in topic.facts]).decode(),
        "source": "; ".join(dict.fromkeys(lines[fact.subject] for fact in topic.facts)),
        GROUPS: orjson.dumps(_name_groups(topic, table)).decode(),
    }
    return [{**about, "question": question, "answer": answer} for question, answer in asked]


def _name_groups(topic: Topic, table: Table) -> dict[str, str]:
    """Name what ties a question to others: an answer is right or wrong by its facts.

    Whoever knows an oil answers most questions on it, and whoever knows an effect most of those on
    it; so questions belong together by the `subject` and by the `item` of their facts. A question
    about several subjects (which oils help with …) or several items (all effects of an oil) belongs
    to none of them alone, and has no label there. Values, such as a Latin name, are no items: two
    oils with one vibration have nothing else in common.
    """
    subjects = {fact.subject for fact in topic.facts}
    items = {fact.name for fact in topic.facts if fact.column in table.lists}
    named = {"subject": subjects, "item": items - {""}}
    return {name: min(labels) for name, labels in named.items() if len(labels) == 1}


def _report(
    counts: Counter[tuple[str, str]], rows: list[dict[str, str]], table: Table
) -> pd.DataFrame:
    columns = ["train", "validation", "test", "partial", "no_data", "left_out", "typos"]
    first: dict[str, str] = {}
    for row in rows:
        if typo := find_typo(row["question"]) or find_typo(row["answer"]):
            counts[row["kind"], "typos"] += 1
            first.setdefault(row["kind"], typo)
    names = list(dict.fromkeys(kind.name for kind in table.kinds))
    report = pd.DataFrame([{name: counts[kind, name] for name in columns} for kind in names])
    report.insert(0, "kind", names)
    report.insert(1, "questions", report[["train", "validation", "test"]].sum(axis=1))
    return report.assign(first_typo=[first.get(name, "") for name in names])


def _check_subjects(clean: pl.DataFrame, table: Table) -> None:
    subjects = [tidy(subject) for subject in clean[table.subject]]
    counts = Counter(subject.casefold() for subject in subjects)
    repeated = {one.casefold(): one for one in reversed(subjects) if counts[one.casefold()] > 1}
    problems = [_repeated(subject, table) for subject in reversed(repeated.values())]
    if problems:
        raise TunelineError(*problems)


def _repeated(subject: str, table: Table) -> Problem:
    return Problem(
        where="data.table.subject",
        value=table.subject,
        wrong=f"several rows are about `{subject}`",
        matters="a question about it would have several answers",
        remedy="make one row of them, or give them different names",
    )


def _check_categories(facts: list[Fact], table: Table) -> None:
    known = {fact.category for fact in facts if fact.category}
    named = {one: kind.name for kind in table.kinds for one in (*kind.only, *kind.without)}
    folded = {category.casefold() for category in known}
    unknown = sorted(one for one in named if one.casefold() not in folded)
    problems = [_no_such_category(named[one], one, known) for one in unknown]
    if problems:
        raise TunelineError(*problems)


def _no_such_category(kind: str, category: str, known: set[str]) -> Problem:
    return Problem(
        where="data.table.kinds",
        value=kind,
        wrong=f"no cell has the category `{category}`",
        matters="the kind would look at other items than it says",
        remedy=suggest(category, known),
    )


def _check_questions(rows: list[dict[str, str]]) -> None:
    answers: dict[str, dict[str, str]] = {}
    for row in rows:
        answers.setdefault(tidy(row["question"]).casefold(), {})[row["answer"]] = row["kind"]
    torn = [(question, found) for question, found in answers.items() if len(found) > 1]
    if torn or len(answers) < len(rows):
        raise TunelineError(*(_asked_twice(*one) for one in torn), *_repeats(rows, len(answers)))


def _asked_twice(question: str, answers: dict[str, str]) -> Problem:
    return Problem(
        where="data.table.kinds",
        value=", ".join(dict.fromkeys(answers.values())),
        wrong=f"the question `{question}` has {len(answers)} answers",
        matters="a model cannot learn two answers to one question",
        remedy="name what it is about in the phrasing (`{subject}`, `{item}`, `{category}`), or "
        "divide the categories with `only` and `without`",
    )


def _repeats(rows: list[dict[str, str]], different: int) -> Iterator[Problem]:
    equal = Counter((tidy(row["question"]).casefold(), row["answer"]) for row in rows)
    (question, _), count = equal.most_common(1)[0]
    if count > 1:
        yield Problem(
            where="data.table.kinds",
            wrong=f"{len(rows) - different} questions are asked twice, such as `{question}`",
            matters="they would count twice, and may be in two splits",
            remedy="take the phrasing out of one of the kinds",
        )
