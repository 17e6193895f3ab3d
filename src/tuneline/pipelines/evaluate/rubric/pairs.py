"""Which answers are rated, and which of the two stands first."""

import random
from dataclasses import dataclass
from typing import Any

from tuneline.hashing import hash_value
from tuneline.parameters import Evaluation, Rubric

LEAST, MOST = 0, 10  # what a rating may be


@dataclass(frozen=True)
class Pair:
    """Two answers to one prompt.

    Attributes:
        number: its place among what is rated, from 1. Ids may repeat.
        row: the prompt and both answers.
        first: whose answer stands as A: `base` or `tuned`; the other's stands as B.
    """

    number: int
    row: dict[str, Any]
    first: str

    @property
    def sides(self) -> dict[str, str]:
        """Who is A and who is B."""
        return {"A": self.first, "B": "tuned" if self.first == "base" else "base"}


def choose_pairs(
    answers: list[dict[str, Any]], evaluation: Evaluation, rubric: Rubric
) -> list[Pair]:
    """Choose what is rated: the field's own questions, then test rows as the seed draws them.

    Args:
        answers: one row a prompt.
        evaluation: its seed.
        rubric: how many.

    Returns:
        Pairs; the side of each is drawn from the seed and the answers, so that it is the same when
        it is asked for again and cannot be guessed from other evaluations.
    """
    questions = [row for row in answers if row["reference"] is None]
    test = [row for row in answers if row["reference"] is not None]
    random.Random(evaluation.seed).shuffle(test)  # noqa: S311 - a draw, not a secret
    rows = [*questions, *test][: rubric.prompts]
    sides = random.Random(hash_value([evaluation.seed, fingerprint(rows, rubric)]))  # noqa: S311
    return [
        Pair(number, row, sides.choice(("base", "tuned")))
        for number, row in enumerate(rows, start=1)
    ]


def fingerprint(rows: list[dict[str, Any]], rubric: Rubric) -> str:
    """Tell one set of answers and criteria from another: twelve hexadecimal digits."""
    keys = ("id", "prompt", "base_answer", "tuned_answer")
    texts = [[row[key] for key in keys] for row in rows]
    return hash_value([texts, rubric.model_dump(include={"criteria"})])[:12]
