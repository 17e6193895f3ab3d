"""The new adapter against the old one: three verdicts, each planted."""

import pytest

from tests.pipelines.evaluate.rows import make_row
from tests.pipelines.evaluate.test_scoring_nodes import EVALUATION, REFERENCES, score

HALF = [text[: len(text) // 2] for text in REFERENCES]
NEARLY = [text[:-6] for text in REFERENCES]


def make_rows(tuned: list[str], old: list[str]) -> list[dict]:
    rows = []
    for number, reference in enumerate(REFERENCES):
        row = make_row(number, "tea", tuned[number], reference)
        own = {key: value for key, value in row.items() if key.startswith("tuned_")}
        row |= {key.replace("tuned", "old", 1): value for key, value in own.items()}
        rows.append(row | {"old_answer": old[number]})
    return rows


@pytest.mark.parametrize(
    ("tuned", "old", "label", "words"),
    [
        (NEARLY, HALF, "better", "It is better than the adapter it started from: chrF"),
        (HALF, NEARLY, "worse", "It is worse than the adapter it started from: chrF"),
        (HALF, HALF, "no significant difference", "No significant difference to the adapter"),
    ],
)
def test_the_verdict_says_new_against_base_and_new_against_old(
    tuned: list[str], old: list[str], label: str, words: str
):
    found = score(make_rows(tuned, old), EVALUATION)
    assert found["verdict"]["label"] == "better"
    summary = found["verdict"]["summary"]
    assert "The tuned model is better than the base model" in summary
    assert words in summary
    assert found["old"]["label"] == label
    compared = found["old"]["metrics"]["chrf"]
    assert compared["interval"] is not None
    assert "loss" in found["old"]["metrics"]


def test_without_an_old_adapter_nothing_is_said_of_one():
    rows = [make_row(number, "tea", NEARLY[number], one) for number, one in enumerate(REFERENCES)]
    found = score(rows, EVALUATION)
    assert found["old"] is None
    assert "started from" not in found["verdict"]["summary"]
