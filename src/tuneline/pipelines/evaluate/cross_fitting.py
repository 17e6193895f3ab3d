"""Answers of several adapters, each to the rows that it has not seen, as one evaluation.

A difference of means over rows that were each predicted by a model trained without them estimates
what the recipe does on rows like these (Stone 1974; Dietterich 1998 for what it says of two
recipes). The adapters share most of their training rows, which no interval over the rows sees
(Bengio and Grandvalet 2004).
"""

from typing import Any

from tuneline.errors import Problem, TunelineError
from tuneline.examples import Example
from tuneline.metrics import measure_answers
from tuneline.models.adapter import Adapter
from tuneline.models.fingerprints import read_inputs
from tuneline.parameters import Evaluation, Prompt
from tuneline.prompts import list_prompts
from tuneline.utils.hashing import hash_value

Row = dict[str, Any]


def join_answers(
    test: list[Example],
    train: list[Example],
    released_answers: list[Row],
    prompt: Prompt,
    evaluation: Evaluation,
    *folds: list[Any],
) -> tuple[list[Row], list[Row]]:
    """Put the answers of all folds into one list, as if one adapter had given them.

    Copies are looked for in the examples that the answering adapter was trained on.

    Args:
        test: all rows, each of which one fold holds out.
        train: the examples of the released adapter.
        released_answers: what it answered to the fixed questions.
        prompt: the templates.
        evaluation: the questions.
        *folds: of each fold the answers to its rows, and the examples that its adapter learned
            from.

    Returns:
        Answers in the order of `list_prompts`, with the `fold` that gave them (0 for the released
        adapter), and what every metric says of them.

    Raises:
        TunelineError: if a row was not answered once.
    """
    found: dict[str, list[tuple[Row, Row]]] = {}
    parts = [(released_answers, train), *zip(folds[::2], folds[1::2], strict=True)]
    for fold, (answers, examples) in enumerate(parts):
        scores = measure_answers(answers, examples, evaluation) if answers else []
        for answer, score in zip(answers, scores, strict=True):
            found.setdefault(_name(answer), []).append((answer | {"fold": fold}, score))
    joined = []
    for row in list_prompts(test, prompt, evaluation):
        given = found.get(_name(row), [])
        if not given:
            raise TunelineError(_not_answered(row))
        joined.append(given.pop(0))
    if any(found.values()):
        raise TunelineError(_not_answered(next(some[0][0] for some in found.values() if some)))
    return [answer for answer, _ in joined], [score for _, score in joined]


def _name(row: Row) -> str:
    return hash_value([row[key] for key in ("id", "line", "context", "prompt", "reference")])


def _not_answered(row: Row) -> Problem:
    return Problem(
        where="evaluation.cross_fit",
        value=row["id"],
        wrong="this row is not held out by one fold",
        matters="the folds were divided for another number of them, or from other rows",
        remedy="run `prepare`, `plan`, `train` and `evaluate` again",
    )


def describe_cross_fit(adapter: Adapter, prompts: int, evaluation: Evaluation) -> dict[str, Any]:
    """Describe what a cross-fitted evaluation has measured.

    Args:
        adapter: the released one.
        prompts: that were held out, by one fold each.
        evaluation: the number of folds.

    Returns:
        How many `adapters` answered, how many rows the released one has learned from (`train`) and
        was watched on (`validation`), and a sentence (`summary`); nothing without folds.
    """
    if not evaluation.cross_fit:
        return {}
    counts = {name: one["count"] for name, one in read_inputs(adapter)["examples"].items()}
    return {
        "adapters": evaluation.cross_fit,
        **counts,
        "summary": f"What was measured is the recipe: {evaluation.cross_fit} adapters answered "
        f"{prompts} prompts, each those that it had not seen; the released adapter was trained on "
        f"all rows ({counts['train']} to learn from, {counts['validation']} to watch).",
    }
