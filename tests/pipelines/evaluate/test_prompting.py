"""Tuned model against the base model with a good prompt: three verdicts, each planted."""

import pytest

from tests.pipelines.evaluate.rows import make_row
from tests.pipelines.evaluate.test_scoring_nodes import EVALUATION, REFERENCES, score
from tuneline.parameters import Prompting

PROMPTED = EVALUATION.model_copy(update={"prompting": Prompting()})
HALF = [text[: len(text) // 2] for text in REFERENCES]
NEARLY = [text[:-6] for text in REFERENCES]


def make_rows(tuned: list[str], **columns: list[str]) -> list[dict]:
    rows = []
    for number, reference in enumerate(REFERENCES):
        row = make_row(number, "tea", tuned[number], reference)
        for name, texts in columns.items():
            row |= {
                f"{name}_answer": texts[number],
                f"{name}_tokens": 10,
                f"{name}_seconds": 0.5,
                f"{name}_stopped": True,
                f"{name}_shots": 8 if name == "few_shot" else 0,
            }
        rows.append(row)
    return rows


def test_a_tuned_model_that_writes_better_beats_prompting():
    found = score(make_rows(NEARLY, few_shot=HALF), PROMPTED)
    assert found["prompting"]["label"] == "tuning beats prompting"
    summary = found["verdict"]["summary"]
    assert "The tuned model is better than the base model on chrF" in summary
    assert "Tuning beats prompting: chrF" in summary
    assert "of the base model with 8 training examples in its prompt (+" in summary
    compared = found["prompting"]["columns"]["few_shot"]
    assert compared["shots"] == [8, 8]
    assert compared["metrics"]["chrf"]["wins"] == 40
    assert "loss" not in compared["metrics"]


def test_a_few_shot_answer_in_the_tuned_column_does_not_beat_prompting():
    found = score(make_rows(NEARLY, few_shot=NEARLY), PROMPTED)
    assert found["verdict"]["label"] == "better"
    assert found["prompting"]["label"] == "tuning does not beat prompting"
    assert "Tuning does not beat prompting: chrF" in found["verdict"]["summary"]


def test_a_tuned_model_that_writes_worse_does_not_beat_prompting():
    found = score(make_rows(HALF, few_shot=NEARLY), PROMPTED)
    assert found["prompting"]["label"] == "tuning does not beat prompting"
    assert "against" in found["prompting"]["summary"]


def test_answers_that_differ_to_both_sides_cannot_be_told():
    mixed = [NEARLY[n] if n % 2 else HALF[n] for n in range(40)]
    other = [HALF[n] if n % 2 else NEARLY[n] for n in range(40)]
    found = score(make_rows(mixed, few_shot=other), PROMPTED)
    assert found["prompting"]["label"] == "tuning or prompting: cannot be told"
    assert "cannot be told" in found["verdict"]["summary"]


def test_the_best_of_both_prompts_is_the_one_to_beat():
    found = score(make_rows(HALF, instructed=["tea"] * 40, few_shot=NEARLY), PROMPTED)
    assert found["prompting"]["label"] == "tuning does not beat prompting"
    assert "with 8 training examples" in found["prompting"]["summary"]
    found = score(make_rows(HALF, instructed=NEARLY, few_shot=["tea"] * 40), PROMPTED)
    assert "with an instruction alone" in found["prompting"]["summary"]


def test_an_adapter_that_wins_on_overlap_and_loses_on_usable_answers_is_mixed():
    rows = make_rows(NEARLY)
    for row in rows:
        row["base_answer"] = f"Oak pot {row['id']}."
        row["tuned_answer"] += " It is a pot. It is a pot. It is a pot."
    verdict = score(rows)["verdict"]
    assert verdict["label"] == "mixed"
    assert verdict["summary"].startswith("Only 0 % of the tuned answers are usable (0 to ")
    assert "40 loop; penalize repetition" in verdict["summary"]
    assert "worse on usable answers" in verdict["summary"]


def test_more_usable_answers_alone_make_nothing_better():
    rows = make_rows(HALF)
    for row in rows:
        row |= {"base_answer": row["tuned_answer"], "base_stopped": False}
    found = score(rows)
    assert found["metrics"]["usable"]["result"] == "better"
    assert found["verdict"]["label"] == "no significant difference"


@pytest.mark.parametrize("level", [50.0, 100.0])
def test_the_level_of_usable_answers_is_stated(level: float):
    rows = make_rows(NEARLY)
    for row in rows[:10]:
        row["tuned_stopped"] = False
    summary = score(rows, EVALUATION.model_copy(update={"usable": level}))["verdict"]["summary"]
    assert summary.startswith("Only 75 %") == (level == 100.0)


def test_the_prompting_that_comes_nearest_is_named():
    found = score(make_rows(NEARLY, instructed=["tea"] * 40, few_shot=HALF), PROMPTED)
    assert found["prompting"]["label"] == "tuning beats prompting"
    assert "with 8 training examples in its prompt" in found["prompting"]["summary"]
