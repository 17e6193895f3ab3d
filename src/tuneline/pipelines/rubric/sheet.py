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
# Which answer is better: what the ratings have in place of a criterion's name, which is never
# empty; and for each choice, whether A and B are as good as the better one, or good at all.
OVERALL = ""
CHOICES = {"A": (1, 0), "B": (0, 1), "both good": (1, 1), "both bad": (0, 0)}
# Columns that a sheet may lack: older ones do.
CHOICE, BETTER, REPLACED = "choice", "better answer", "better than"
# Columns that the page adds: a file's name may be anybody's.
RATER, SAVED = "rater", "saved"


@dataclass(frozen=True)
class Pair:
    """Two answers to one prompt: its place from 1 (ids may repeat), and whose answer is A."""

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

    The side of each is drawn from the seed and the answers, so that it is the same when it is asked
    for again, and follows neither from other evaluations nor from the sheet's name.
    """
    questions = [row for row in answers if row["reference"] is None]
    test = [row for row in answers if row["reference"] is not None]
    random.Random(evaluation.seed).shuffle(test)  # noqa: S311 - a draw, not a secret
    rows = [*questions, *test][: rubric.prompts]
    sides = random.Random(hash_value([evaluation.seed, _hash_material(rows, rubric)]))  # noqa: S311
    return [
        Pair(number, row, sides.choice(("base", "tuned")))
        for number, row in enumerate(rows, start=1)
    ]


def fingerprint(rows: list[dict[str, Any]], rubric: Rubric) -> str:
    """Tell one set of answers and criteria from another: twelve hexadecimal digits.

    Raters see them: they are a hash of the hash that the sides are drawn from.
    """
    return hash_value(_hash_material(rows, rubric))[:12]


def _hash_material(rows: list[dict[str, Any]], rubric: Rubric) -> str:
    keys = ("id", "prompt", "base_answer", "tuned_answer")
    texts = [[row[key] for key in keys] for row in rows]
    return hash_value([texts, rubric.model_dump(include={"criteria"})])


def make_sheet(pairs: list[Pair], rubric: Rubric) -> tuple[str, pd.DataFrame]:
    """Make the sheet: one row a prompt, a column for each criterion of A and of B.

    It has not a word on whose answer is whose; what the criteria mean is in its `attrs`.
    """
    name = fingerprint([pair.row for pair in pairs], rubric)
    columns = [column for one in rubric.criteria for column in _columns(one)]
    blank = dict.fromkeys([CHOICE, *columns, BETTER, REPLACED])
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
    name: str, sheet: pd.DataFrame, pairs: list[Pair], rubric: Rubric
) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Read one person's ratings.

    `find_fault` has found none in it.

    Returns:
        One row a prompt and criterion that both answers have a rating for, and one a prompt whose
        better answer was chosen (criterion `OVERALL`, 1 for an answer that was preferred or good);
        and an account of the sheet: `rater`, `rated`, `blank` and `invalid` cells, `chosen` and
        `corrected` prompts, and a `note`, which is empty.
    """
    account = describe_sheet(name)
    rater = name_rater(name, sheet)
    cells = index_cells(sheet)
    rows: list[dict[str, Any]] = []

    def add(pair: Pair, criterion: str, ratings: dict[str, float | None]) -> None:
        if None not in ratings.values():
            about = {"rater": rater, "number": pair.number, "id": pair.row["id"]}
            rows.append({**about, "criterion": criterion, **ratings})

    for pair in pairs:
        choice = read_text(cells, CHOICE, pair)
        if choice in CHOICES:
            add(
                pair,
                OVERALL,
                {pair.sides[s]: g for s, g in zip("AB", CHOICES[choice], strict=True)},
            )
        account["chosen"] += choice in CHOICES
        account["invalid"] += choice not in {*CHOICES, ""}
        account["corrected"] += read_text(cells, BETTER, pair) != ""
        for criterion in rubric.criteria:
            found: dict[str, float | None] = {}
            for side, column in zip("AB", _columns(criterion), strict=True):
                value = cells[column].get(pair.number)
                rating = _read_rating(value)
                state = "rated" if rating is not None else "blank" if pd.isna(value) else "invalid"
                account[state] += 1
                found[pair.sides[side]] = rating
            add(pair, criterion.name, found)
    return rows, account


def describe_sheet(name: str, note: str = "") -> dict[str, Any]:
    """Begin the account of a sheet; with a note it is not used."""
    counts = dict.fromkeys(("rated", "blank", "invalid", "chosen", "corrected"), 0)
    return {"rater": name, **counts, "note": note}


def find_fault(sheet: pd.DataFrame, pairs: list[Pair], rubric: Rubric) -> str:
    """Say why a sheet cannot be used; nothing if it can."""
    wanted = {"sheet", "number"} | {column for one in rubric.criteria for column in _columns(one)}
    missing = sorted(wanted - set(sheet.columns))
    if missing:
        return f"the column `{missing[0]}` is missing"
    expected = fingerprint([pair.row for pair in pairs], rubric)
    if set(sheet["sheet"].dropna().astype(str)) - {""} != {expected}:
        return "it belongs to other answers or other criteria"
    return ""


def name_rater(name: str, sheet: pd.DataFrame) -> str:
    """Name who filled a sheet in: as the sheet says, or else as its file is called."""
    return _find_first(sheet, RATER) or name


def date_sheet(sheet: pd.DataFrame) -> str:
    """Say when a sheet was saved: as the sheet says, or else its file; ISO 8601, or empty."""
    return _find_first(sheet, SAVED) or str(sheet.attrs.get(SAVED, ""))


def index_cells(sheet: pd.DataFrame) -> pd.DataFrame:
    """Give the cells of each prompt by its number; of a repeated row the first counts."""
    return sheet.drop_duplicates("number").set_index("number")


def read_text(cells: pd.DataFrame, column: str, pair: Pair) -> str:
    """Read a cell with text; empty where there is none."""
    value = cells[column].get(pair.number) if column in cells else None
    return "" if pd.isna(value) else str(value).strip()


def _find_first(sheet: pd.DataFrame, column: str) -> str:
    texts = (
        (str(value).strip() for value in sheet[column].dropna()) if column in sheet else iter(())
    )
    return next((text for text in texts if text), "")


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
