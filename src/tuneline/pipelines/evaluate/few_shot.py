"""What the base model is asked when it is prompted well: an instruction, and similar examples."""

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from tuneline.examples import FEW_SHOT, INSTRUCTED, Example, Message
from tuneline.models.architecture import measure_context
from tuneline.models.rendering import render_prompt
from tuneline.parameters import Evaluation, Prompting
from tuneline.prompts import list_messages
from tuneline.reporting.pages import count
from tuneline.utils.progress import track

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Asked:
    """A prompt in tokens, and how many training examples are in it."""

    ids: list[int]
    shots: int = 0


def build_prompts(
    model: Any,
    tokenizer: Any,
    rows: list[dict[str, Any]],
    train: list[Example],
    evaluation: Evaluation,
) -> dict[str, list[Asked]]:
    """Build what the base model is asked besides the prompts as they are.

    The examples are those of the training split whose prompts are most like the prompt (BM25 of
    Robertson and Zaragoza 2009, over the base model's own tokens, so that it works in every
    language), the most similar one last. Examples that do not fit are left out, the least similar
    first.

    Args:
        model: the base model; its context limits a prompt with its answer.
        tokenizer: its tokenizer.
        rows: the prompts, as `list_prompts` gives them.
        train: the training split; no other example is ever shown.
        evaluation: `prompting`, and how long an answer may be.

    Returns:
        By name the prompts in the order of the rows: `instructed` where an instruction is stated,
        and `few_shot`; nothing where no prompting is asked for.

    Raises:
        TunelineError: if the chat template refuses a conversation of several turns.
    """
    prompting = evaluation.prompting
    if prompting is None or not rows:
        return {}
    asked: dict[str, list[Asked]] = {}
    if prompting.instruction:
        asked[INSTRUCTED] = [
            Asked(render_prompt(tokenizer, _instruct(list_messages(row), prompting), row["id"]))
            for row in rows
        ]
    limit = _limit_tokens(model, evaluation, prompting)
    similar = _find_similar(tokenizer, rows, train, prompting.shots)
    asked[FEW_SHOT] = [
        _fit(tokenizer, row, examples, prompting, limit)
        for row, examples in zip(rows, track(similar, "Choosing examples", "prompts"), strict=True)
    ]
    _warn_of_missing(asked[FEW_SHOT], prompting.shots, limit)
    return asked


def _limit_tokens(model: Any, evaluation: Evaluation, prompting: Prompting) -> int:
    context = measure_context(model.config)
    if context is None:
        return prompting.max_tokens
    answer = evaluation.generation.get("max_new_tokens") or 0
    return min(prompting.max_tokens, context - answer)


def _find_similar(
    tokenizer: Any, rows: list[dict[str, Any]], train: list[Example], shots: int
) -> list[list[Example]]:
    """Find the training examples most like each prompt, the most similar one last."""
    import bm25s

    def split(texts: list[str]) -> list[list[str]]:
        found = tokenizer(texts, add_special_tokens=False)["input_ids"]
        return [[str(token) for token in ids] for ids in found]

    retriever = bm25s.BM25()
    corpus = split([example["prompt"][-1]["content"] for example in train])
    retriever.index(corpus, show_progress=False)
    known = set(retriever.vocab_dict)
    # bm25s refuses a query of which it knows nothing: any example is as good as another then.
    asked = [
        [token for token in tokens if token in known] or corpus[0]
        for tokens in split([row["prompt"] for row in rows])
    ]
    found, _ = retriever.retrieve(asked, k=min(shots, len(train)), show_progress=False)
    return [[train[int(place)] for place in reversed(places)] for places in found]


def _fit(
    tokenizer: Any,
    row: dict[str, Any],
    examples: list[Example],
    prompting: Prompting,
    limit: int,
) -> Asked:
    for left_out in range(len(examples) + 1):
        shown = examples[left_out:]
        messages = _instruct(_insert(list_messages(row), shown), prompting)
        ids = render_prompt(tokenizer, messages, row["id"])
        if len(ids) <= limit or not shown:
            break
    return Asked(ids, len(shown))


def _insert(messages: list[Message], examples: list[Example]) -> list[Message]:
    """Put examples as turns of the conversation after the system message."""
    start = next((i for i, one in enumerate(messages) if one["role"] != "system"), 0)
    turns = [turn for one in examples for turn in _turns(one)]
    return [*messages[:start], *turns, *messages[start:]]


def _turns(example: Example) -> Iterator[Message]:
    for message in (*example["prompt"], *example["completion"]):
        if message["role"] != "system":
            yield message


def _instruct(messages: list[Message], prompting: Prompting) -> list[Message]:
    """Begin the first question with the instruction: not every template knows a system message."""
    if not prompting.instruction:
        return messages
    first = next(i for i, one in enumerate(messages) if one["role"] == "user")
    content = f"{prompting.instruction}\n\n{messages[first]['content']}"
    return [*messages[:first], {"role": "user", "content": content}, *messages[first + 1 :]]


def _warn_of_missing(asked: list[Asked], shots: int, limit: int) -> None:
    fewer = [one.shots for one in asked if one.shots < shots]
    if fewer:
        log.warning(
            "Of %s only %s to %s of %s examples fit into %s tokens.",
            count(len(fewer), "prompt"),
            min(fewer),
            max(fewer),
            shots,
            f"{limit:,}",
        )
