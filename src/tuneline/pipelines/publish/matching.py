"""Whether the records on disk are those of the adapter that a card is to describe."""

import re
from collections.abc import Iterator
from string import Formatter
from typing import Any

from tuneline.adapters import Adapter, hash_adapter
from tuneline.errors import Problem
from tuneline.examples import Example
from tuneline.hashing import hash_value
from tuneline.parameters import Prompt

MATTERS = "the card would describe what is not published"


def find_other_records(
    adapter: Adapter,
    train: list[Example],
    training_record: dict[str, Any],
    scores: dict[str, Any],
    prompt: Prompt,
) -> Iterator[Problem]:
    """Find records that a later or an earlier run has left: stages run apart.

    Args:
        adapter: the adapter.
        train: the training side on disk, which `prepare` wrote with the cleaning and leak reports.
        training_record: names the adapter that came out.
        scores: name the adapter that answered.
        prompt: today's templates.

    Yields:
        All that belong to another adapter.
    """
    fingerprint = hash_adapter(adapter)
    if scores["run"]["adapter"] != fingerprint:
        yield Problem(
            where="scores.json",
            wrong="they were made with another adapter than the latest one",
            matters=MATTERS,
            remedy="run `kedro run --pipeline=evaluate` first, with the same --env",
        )
    if training_record.get("adapter") != fingerprint:
        yield Problem(
            where="training_record.json",
            wrong="it was written of another adapter than the latest one",
            matters=MATTERS,
            remedy="run `kedro run --pipeline=train` again, then evaluate and publish",
        )
    if adapter.provenance["examples"]["train"]["sha256"] != hash_value(train):
        yield Problem(
            where="train.jsonl",
            wrong="the latest adapter was trained on other examples",
            matters=MATTERS,
            remedy="prepare again with the settings of its training, or train again",
        )
    elif not _fits(prompt, train[0]):
        yield Problem(
            where="prompt",
            wrong="the examples were made with other templates",
            matters="whoever uses the adapter would ask it in a form it has not learnt",
            remedy="bring the templates of the training back, or prepare and train again",
        )


def _fits(prompt: Prompt, example: Example) -> bool:
    """Tell whether these templates could have made an example's prompt."""
    templates = [prompt.system, prompt.prompt] if prompt.system else [prompt.prompt]
    texts = [message["content"] for message in example["prompt"]]
    return len(templates) == len(texts) and all(
        re.fullmatch(_make_pattern(template), text, re.DOTALL)
        for template, text in zip(templates, texts, strict=True)
    )


def _make_pattern(template: str) -> str:
    return "".join(
        re.escape(literal) + ("" if name is None else ".*")
        for literal, name, _, _ in Formatter().parse(template)
    )
