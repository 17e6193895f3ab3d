"""The blinded sheet that people fill in."""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pandas as pd

from tuneline.parameters import Criterion, Evaluation, Rubric
from tuneline.utils.hashing import hash_value

LEAST, MOST = 0, 10  # what a rating may be
RATING_COLUMNS = ["rater", "number", "id", "criterion", "base", "tuned"]


@dataclass(frozen=True)
class Pair:
    """Two answers to one prompt.

    Attributes:
        number: its place among what is rated, from 1. Ids may repeat.
        row: the prompt and both answers.
        first: whose answer is A: `base` or `tuned`; the other's is B.
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
    """Choose what is rated: the fixed questions, then test rows as the seed draws them.

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


def make_sheet(pairs: list[Pair], rubric: Rubric) -> tuple[str, pd.DataFrame]:
    """Make the sheet: one row a prompt, a column for each criterion of A and of B.

    Args:
        pairs: what is rated.
        rubric: the criteria.

    Returns:
        The sheet's name, and the sheet without a word on whose answer is whose; what the criteria
        mean is in its `attrs`.
    """
    name = fingerprint([pair.row for pair in pairs], rubric)
    blank = {column: None for one in rubric.criteria for column in _columns(one)}
    rows = [
        {
            "sheet": name,
            "number": pair.number,
            "prompt": _show_prompt(pair.row),
            "reference": pair.row["reference"],
            **{
                f"answer {side}": pair.row[f"{who}_answer"] or "(no answer)"
                for side, who in pair.sides.items()
            },
            **blank,
        }
        for pair in pairs
    ]
    sheet = pd.DataFrame(rows)
    sheet.attrs["criteria"] = {one.name: one.description for one in rubric.criteria}
    return name, sheet


def make_key(pairs: list[Pair]) -> dict[str, Any]:
    """Say whose answer is A and whose is B, by the sheet's row number."""
    return {str(pair.number): {"id": pair.row["id"], **pair.sides} for pair in pairs}


def read_sheet(
    rater: str, sheet: pd.DataFrame, pairs: list[Pair], rubric: Rubric
) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Read one person's ratings.

    Args:
        rater: the sheet's file name.
        sheet: the sheet as it came back.
        pairs: what was rated.
        rubric: the criteria.

    Returns:
        One row a prompt and criterion that both answers have a rating for, and an account of the
        sheet: `rater`, `rated`, `blank` and `invalid` cells, and a `note` where it cannot be used.
    """
    note = _find_fault(sheet, pairs, rubric)
    if note:
        return [], describe_sheet(rater, note=note)
    account = describe_sheet(rater)
    cells = sheet.drop_duplicates("number").set_index("number")
    rows: list[dict[str, Any]] = []
    for pair in pairs:
        for criterion in rubric.criteria:
            found = {}
            for side, column in zip("AB", _columns(criterion), strict=True):
                value = cells[column].get(pair.number)
                rating = _read_rating(value)
                state = "rated" if rating is not None else "blank" if pd.isna(value) else "invalid"
                account[state] += 1
                found[pair.sides[side]] = rating
            if None not in found.values():
                rows.append(
                    {
                        "rater": rater,
                        "number": pair.number,
                        "id": pair.row["id"],
                        "criterion": criterion.name,
                        **found,
                    }
                )
    return rows, account


def describe_sheet(rater: str, note: str = "") -> dict[str, Any]:
    """Begin the account of a sheet; with a note it is not used."""
    return {"rater": rater, "rated": 0, "blank": 0, "invalid": 0, "note": note}


def _find_fault(sheet: pd.DataFrame, pairs: list[Pair], rubric: Rubric) -> str:
    wanted = {"sheet", "number"} | {column for one in rubric.criteria for column in _columns(one)}
    missing = sorted(wanted - set(sheet.columns))
    if missing:
        return f"the column `{missing[0]}` is missing"
    expected, _ = make_sheet(pairs, rubric)
    if set(sheet["sheet"].dropna().astype(str)) != {expected}:
        return "it belongs to other answers or other criteria"
    return ""


def _show_prompt(row: dict[str, Any]) -> str:
    before = [f"{message['role']}: {message['content']}" for message in row["context"]]
    return "\n\n".join([*before, row["prompt"]])


def _columns(criterion: Criterion) -> Iterator[str]:
    return (f"{side}: {criterion.name}" for side in "AB")


def _read_rating(value: Any) -> float | None:
    try:
        rating = float(str(value).replace(",", "."))
    except ValueError:
        return None
    return rating if LEAST <= rating <= MOST else None
