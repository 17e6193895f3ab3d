"""What models are asked in an evaluation: the held-out prompts, then the field's own questions."""

from typing import Any

from tuneline.errors import Problem, TunelineError
from tuneline.examples import Example, Message
from tuneline.parameters import Evaluation, Prompt
from tuneline.questions import find_system, start_messages


def list_prompts(
    test: list[Example], prompt: Prompt, evaluation: Evaluation
) -> list[dict[str, Any]]:
    """List everything that is asked.

    Args:
        test: the held-out examples.
        prompt: states the system message, which questions share with the examples.
        evaluation: states the questions.

    Returns:
        The start of one row each: `id`, `line`, `category`, `slices`, `key_terms`, `groups`
        (the example's label in each grouping), `context` (the messages before the last), `prompt`
        (the last) and `reference` (None for a question).

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
    """Put a row's prompt behind the messages before it."""
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
        "groups": meta.get("groups", {}),
        "context": messages[:-1],
        "prompt": messages[-1]["content"],
        "reference": reference,
    }
