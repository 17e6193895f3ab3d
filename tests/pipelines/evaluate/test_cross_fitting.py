from typing import Any

import pytest

from tests.pipelines.evaluate.rows import make_row
from tuneline.errors import TunelineError
from tuneline.examples import Example
from tuneline.parameters import Evaluation, Prompt
from tuneline.pipelines.evaluate.cross_fitting import join_answers
from tuneline.prompts import list_prompts

PROMPT = Prompt(prompt="{title}", completion="{text}")
EVALUATION = Evaluation(
    title="Pots", generation={}, resamples=100, cross_fit=2, questions=["Which pot?"]
)
TEXTS = [f"Pot {number} holds {number} liters of tea and is made of oak." for number in range(4)]


def make_example(number: int) -> Example:
    return {
        "id": str(number),
        "prompt": [{"role": "user", "content": f"Describe pot {number}."}],
        "completion": [{"role": "assistant", "content": TEXTS[number]}],
        "meta": {"line": number + 1},
    }


EXAMPLES = [make_example(number) for number in range(4)]


def answer(places: list[int], tuned: str | None = None) -> list[dict[str, Any]]:
    """Answer some of the rows: with the reference, or all with one text."""
    rows = list_prompts(EXAMPLES, PROMPT, EVALUATION)
    return [
        make_row(place, "tea", tuned or TEXTS[place], TEXTS[place]) | rows[place]
        for place in places
    ]


def ask_released() -> list[dict[str, Any]]:
    question = list_prompts(EXAMPLES, PROMPT, EVALUATION)[-1]
    return [make_row(9, "tea", "oak", None) | question]


def join(*folds: list[Any]) -> tuple[list[dict], list[dict]]:
    return join_answers(EXAMPLES, EXAMPLES, ask_released(), PROMPT, EVALUATION, *folds)


def test_answers_are_in_the_order_of_the_rows_each_with_its_fold():
    answers, scores = join(answer([3, 1]), EXAMPLES[::2], answer([2, 0]), EXAMPLES[1::2])
    assert [row["id"] for row in answers] == ["0", "1", "2", "3", "question 1"]
    assert [row["fold"] for row in answers] == [2, 1, 2, 1, 0]
    assert [row["tuned_answer"] for row in answers] == [*TEXTS, "oak"]
    assert [row["id"] for row in scores] == [row["id"] for row in answers]


def test_a_copy_is_one_of_what_the_answering_adapter_was_trained_on():
    """Its own reference is among the released adapter's examples, and was not seen."""
    first = answer([0, 2])  # the references of these very rows
    second = answer([1, 3], tuned=TEXTS[0])  # an answer of the training
    _, scores = join(first, EXAMPLES[1::2], second, EXAMPLES[::2])
    copied = [row["tuned"]["metrics"]["copied_whole"][0] for row in scores[:4]]
    assert [bool(one) for one in copied] == [False, True, False, True]


def test_two_rows_that_are_the_same_are_both_answered():
    twice = [*EXAMPLES[:1], *EXAMPLES[:1]]
    answers, _ = join_answers(
        twice, twice, ask_released(), PROMPT, EVALUATION, answer([0]), twice, answer([0]), twice
    )
    assert [row["fold"] for row in answers] == [1, 2, 0]


@pytest.mark.parametrize(("first", "second", "row"), [([3, 1], [2], "0"), ([3, 1], [2, 0, 1], "1")])
def test_a_row_that_no_fold_or_two_hold_out_is_refused(
    first: list[int], second: list[int], row: str
):
    with pytest.raises(TunelineError, match=f"cross_fit = {row}: this row is not held out by one"):
        join(answer(first), EXAMPLES, answer(second), EXAMPLES)
