"""The stage as a whole: files of several people, foreign ones, feedback, the judge checked."""

import json
import logging
import shutil
from pathlib import Path

import numpy as np
import openpyxl
import pandas as pd
import pytest

from tests.pipelines.evaluate.rows import make_row
from tests.pipelines.rubric.filling import fill
from tests.pipelines.rubric.stage import ADAPTER, ANSWERS, EVALUATION, PROMPT, RUBRIC, Stage
from tuneline.examples import Feedback, hash_templates
from tuneline.parameters import Server
from tuneline.pipelines.rubric.agreement import check_judge
from tuneline.pipelines.rubric.nodes import summarize_rubric
from tuneline.pipelines.rubric.sheet import choose_pairs


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    """Run the stage once: the sheet is there."""
    stage = Stage(tmp_path / "data")
    stage.run()
    stage.ratings.mkdir()
    return stage


def put(stage: Stage, name: str, cells: dict[tuple[int, str], object], **everywhere: str) -> Path:
    """Put a copy of the sheet into the folder, with some cells filled in."""
    path = stage.ratings / name
    shutil.copy(stage.find("rating_sheet"), path)
    book = openpyxl.load_workbook(path)
    sheet = book.active
    header = [cell.value for cell in sheet[1]]
    for column, text in everywhere.items():
        header.append(column)
        sheet.cell(1, len(header), column)
        cells |= {(number, column): text for number in range(1, 13)}
    for (number, column), value in cells.items():
        sheet.cell(number + 1, header.index(column) + 1, value)
    book.save(path)
    return path


def rate(number: int, a: float, b: float) -> dict[tuple[int, str], object]:
    return {(number, "A: readability"): a, (number, "B: readability"): b}


def test_several_people_count_next_to_each_other(stage: Stage):
    key = next(iter(stage.load("rating_key").values()))()
    for name, shift in (("ann", 0), ("bob", 1)):
        shutil.copy(stage.find("rating_sheet"), stage.ratings / f"{name}.xlsx")
        fill(stage.ratings / f"{name}.xlsx", key, shift)
    (stage.ratings / "bob.xlsx").rename(stage.ratings / "bob.XLSX")
    found = stage.run()["people"]
    assert found["raters"] == 2
    assert [account["rater"] for account in found["sheets"]] == ["ann", "bob"]
    rated = found["criteria"]["readability"]
    assert (rated["base"], rated["tuned"]) == (4.5, 7.5)


@pytest.mark.parametrize(
    ("name", "content", "note"),
    [
        ("bob.json", b'{"A": 1}', "it is no XLSX file"),
        ("bob.xlsx", b"PK\x03\x04 cut", "it is no XLSX file"),
        ("bob.xlsx.part", b"", "it is no XLSX file"),
    ],
)
def test_a_foreign_file_is_named_in_one_sentence_and_stays(
    stage: Stage, caplog, name: str, content: bytes, note: str
):
    put(stage, "ann.xlsx", rate(1, 3, 4))
    (stage.ratings / name).write_bytes(content)
    people = stage.run()["people"]
    assert [account["note"] for account in people["sheets"]] == ["", note]
    assert people["criteria"]["readability"]["rows"] == 1
    said = [record.message for record in caplog.records if "is not used" in record.message]
    assert said == [f"The rating sheet {name.removesuffix('.xlsx')} is not used: {note}."]
    assert (stage.ratings / name).read_bytes() == content


def test_what_a_computer_puts_there_by_itself_is_passed_over(stage: Stage):
    for name in (".DS_Store", "~$ann.xlsx"):
        (stage.ratings / name).write_bytes(b"?")
    assert stage.run()["people"]["sheets"] == []


def test_what_is_out_of_range_is_counted_and_the_rest_counts(stage: Stage):
    cells = (
        rate(1, 11, 4) | rate(2, -1, 4) | rate(3, 10, 0) | {(4, "choice"): "C", (5, "choice"): "A"}
    )
    put(stage, "ann.xlsx", cells)
    people = stage.run()["people"]
    (account,) = people["sheets"]
    assert (account["invalid"], account["rated"], account["chosen"]) == (3, 4, 1)
    assert people["criteria"]["readability"]["rows"] == 1


def test_of_two_files_of_one_rater_the_later_counts_and_nothing_is_lost(stage: Stage):
    put(
        stage,
        "ann.xlsx",
        rate(1, 1, 2) | rate(2, 3, 3),
        rater="Ann",
        saved="2026-01-02T00:00:00+00:00",
    )
    put(stage, "ann (1).xlsx", rate(1, 7, 9), rater="Ann", saved="2026-01-03T00:00:00+00:00")
    put(stage, "ann (2).xlsx", rate(1, 5, 5), rater="Ann", saved="2026-01-01T00:00:00+00:00")
    assert stage.run()["people"]["raters"] == 1
    ratings = stage.load("ratings").set_index("number")[["base", "tuned"]]
    assert sorted(ratings.loc[1]) == [7, 9]
    assert list(ratings.loc[2]) == [3, 3]


def test_a_sheet_of_other_answers_is_named(stage: Stage):
    put(stage, "ann.xlsx", rate(1, 1, 2) | {(1, "better answer"): "Mine."})
    stage.run()
    stage.answers = [row | {"tuned_answer": "another"} for row in stage.answers]
    people = stage.run()["people"]
    assert people["sheets"][0]["note"] == "it belongs to other answers or other criteria"
    assert people["better_answers"] == 1, "what was collected stays"


def test_better_answers_are_feedback_as_the_chats_is(stage: Stage):
    put(stage, "ann.xlsx", {(1, "better answer"): "Mine.", (1, "better than"): "A"}, rater="Ann")
    stage.run()
    (row,) = stage.load("collected_feedback")
    rated = choose_pairs(ANSWERS, EVALUATION, RUBRIC)[0]
    assert row.keys() > Feedback.__annotations__.keys()
    for key in ("id", "prompt", "context", "base_answer", "tuned_answer"):
        assert row[key] == rated.row[key]
    assert (row["source"], row["rater"], row["adapter"]) == ("rating page", "Ann", ADAPTER)
    assert (row["answer_of"], row["better_answer"]) == (rated.sides["A"], "Mine.")
    assert row["templates"] == hash_templates(PROMPT)
    assert row["date"]


MANY = [make_row(number, f"base {number}", f"tuned {number}", "Reference") for number in range(30)]
JUDGED = EVALUATION.model_copy(
    update={
        "rubric": RUBRIC.model_copy(
            update={"judge": Server(base_url="http://127.0.0.1:9/v1", model="judge-1")}
        )
    }
)


def table(differences: np.ndarray, rater: str = "ann") -> pd.DataFrame:
    rows = [
        {
            "rater": rater,
            "number": n,
            "id": "1",
            "criterion": "readability",
            "base": 5,
            "tuned": 5 + d,
        }
        for n, d in enumerate(differences, start=1)
    ]
    return pd.DataFrame(rows)


def check(judge: np.ndarray, people: np.ndarray, answers: list = MANY) -> dict:
    pairs = choose_pairs(answers, JUDGED, JUDGED.rubric)
    found = check_judge(table(judge), table(people), pairs, JUDGED, JUDGED.rubric)
    return found["criteria"]["readability"]


PEOPLE = np.array([-4, -3, -2, -1, 0, 1, 2, 3, 4, 5] * 3)


def test_a_judge_that_sees_the_same_agrees():
    found = check(PEOPLE, PEOPLE)
    assert (found["tau"], found["alpha"], found["status"]) == (pytest.approx(1), 1, "agrees")
    assert (found["same"], found["opposite"], found["prompts"]) == (27, 0, 30)


def test_tau_is_that_of_a_hand_count():
    # Of 6 pairs 5 are in the same order, and 1 is tied for people.
    found = check(np.array([1, 2, 4, 3]), np.array([1, 2, 3, 2]))
    assert found["tau"] == pytest.approx(5 / np.sqrt(6 * 5))
    assert found["status"] == "cannot be told"


@pytest.mark.parametrize(
    "judge",
    [
        np.random.default_rng(1).integers(-4, 5, 30),  # sees nothing
        -PEOPLE,  # sees the opposite
        PEOPLE - 8,  # orders as people do, and always prefers the other answer
        np.zeros(30),  # sees no difference anywhere
    ],
)
def test_a_judge_that_sees_something_else_is_named_first(judge: np.ndarray, caplog):
    caplog.set_level(logging.WARNING)
    assert check(judge, PEOPLE)["status"] == "disagrees"
    scored = [
        {
            "number": n,
            "id": "1",
            **{
                order: {
                    "status": "rated",
                    "scores": {"base": {"readability": 5}, "tuned": {"readability": 5 + float(d)}},
                }
                for order in ("base first", "tuned first")
            },
        }
        for n, d in enumerate(judge, start=1)
    ]
    record = summarize_rubric(scored, table(PEOPLE), [], MANY, JUDGED)
    assert next(iter(record)) == "judge"
    assert next(iter(record["judge"])) == "agreement"
    said = record["judge"]["agreement"]["summary"]
    assert said.startswith(
        "The judge disagrees with people, do not build on its numbers: readability"
    )
    assert said in caplog.messages
    assert json.dumps(record)


def test_prompts_that_depend_on_each_other_are_too_few_to_check_a_judge():
    grouped = [row | {"groups": {"chapter": str(n % 6)}} for n, row in enumerate(MANY)]
    found = check(PEOPLE, PEOPLE, grouped)
    assert (found["groups"], found["status"]) == (6, "cannot be told")


def test_people_who_see_no_difference_say_nothing_of_a_judge():
    found = check(PEOPLE, np.zeros(30))
    assert (found["tau"], found["status"]) == (None, "cannot be told")
