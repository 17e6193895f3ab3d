"""Prompts: what a model is asked, of held-out examples and of questions."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tuneline.errors import Problem, TunelineError
from tuneline.examples import Example, Message
from tuneline.parameters import Evaluation, Prompt
from tuneline.parameters.examples import list_placeholders


@dataclass(frozen=True)
class QuestionFile:
    """A user's file of questions, read only when asked for, as pairs of place and question."""

    path: Path
    read: Callable[[], list[tuple[str, str]]]

    def exists(self) -> bool:
        """Tell whether it is there."""
        return self.path.is_file()


def start_messages(question: str, prompt: Prompt, system: str | None) -> list[Message]:
    """Ask a question in the form that the tuned model has learned.

    Where the prompt template has one column, the question fills it (a title becomes "Write a
    product description for: …"); where it has several, or none, it is the whole prompt.
    """
    columns = list_placeholders(prompt.prompt)
    if len(columns) == 1:
        question = prompt.prompt.format_map(dict.fromkeys(columns, question))
    messages: list[Message] = [{"role": "system", "content": system}] if system else []
    return [*messages, {"role": "user", "content": question}]


def find_stated_system(prompt: Prompt) -> str | None:
    """Find the system message that is stated; None if there is none, or each row has its own."""
    stated = prompt.system or ""
    # `format` turns doubled braces into single ones, as in the examples.
    return stated.format() if stated and not list_placeholders(stated) else None


def find_system(prompt: Prompt, examples: list[Example]) -> str | None:
    """Find the system message of the training; None if there is none.

    Where each row has it in a column, `examples` made with this prompt are looked at.

    Raises:
        TunelineError: if rows have different ones, so that a question could have any of them.
    """
    if not list_placeholders(prompt.system or ""):
        return find_stated_system(prompt)
    found = {
        message["content"]
        for example in examples
        for message in example["prompt"]
        if message["role"] == "system"
    }
    if len(found) <= 1 and examples:
        return found.pop() if found else None
    raise TunelineError(
        Problem(
            where="prompt.system",
            value=prompt.system,
            wrong=f"the held-out examples have {len(found)} different system messages",
            matters="a question would be asked with a system message chosen by chance",
            remedy='state the one to ask with: --params=<use_case>.prompt.system="…" for this run, '
            "or `prompt.system` in conf/<machine>/<use_case>/parameters.yml",
        )
    )


def list_prompts(
    test: list[Example], prompt: Prompt, evaluation: Evaluation
) -> list[dict[str, Any]]:
    """List everything that is asked.

    Returns:
        The start of one row each: `id`, `line`, `category`, `slices`, `key_terms`, `rules`,
        `groups` (the example's label in each grouping), `context` (the messages before the last),
        `prompt` (the last) and `reference` (None for a question).

    Raises:
        TunelineError: if nothing was held out.
    """
    if not test:
        raise TunelineError(
            Problem(
                where="test.jsonl",
                wrong="it holds no row",
                matters="without held-out rows nothing can be compared",
                remedy="raise `data.split.test` and run `kedro run --pipeline=prepare` again",
            )
        )
    system = find_system(prompt, test) if evaluation.questions else None
    questions = [
        _start_row(f"question {number}", start_messages(question, prompt, system), None, {})
        for number, question in enumerate(evaluation.questions, start=1)
    ]
    return [
        *(
            _start_row(
                example["id"],
                example["prompt"],
                example["completion"][-1]["content"],
                example["meta"],
            )
            for example in test
        ),
        *questions,
    ]


def list_messages(row: dict[str, Any]) -> list[Message]:
    """Put a row's prompt after the messages before it."""
    return [*row["context"], {"role": "user", "content": row["prompt"]}]


def _start_row(
    name: str, messages: list[Message], reference: str | None, meta: dict[str, Any]
) -> dict[str, Any]:
    return {
        "id": name,
        "line": meta.get("line"),
        "category": meta.get("category"),
        "slices": meta.get("slices", {}),
        "key_terms": meta.get("key_terms", []),
        "rules": meta.get("rules", {}),
        "groups": meta.get("groups", {}),
        "context": messages[:-1],
        "prompt": messages[-1]["content"],
        "reference": reference,
    }
