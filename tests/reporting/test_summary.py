"""The last lines of a run say what was measured, on how much, and what was not."""

from kedro.io import DataCatalog, MemoryDataset

from tests.pipelines.evaluate.test_scores import REFERENCES, make_answers, score
from tuneline.reporting.summary import summarize


def read_lines(scores: dict) -> list[str]:
    made = {"pots.scores": scores, "pots.adapter": "", "pots.report": ""}
    catalog = DataCatalog({name: MemoryDataset(value) for name, value in made.items()})
    return list(summarize({"pots.report"}, catalog))


def test_prompts_in_groups_and_notes_are_said():
    answers = make_answers(["tea"] * 40, REFERENCES, (3.0, 1.0))
    for number, row in enumerate(answers):
        row["groups"] = {"pot": str(number // 4)}
    lines = read_lines(score(answers))
    assert "measured on 40 prompts in 10 groups" in lines
    assert any("won 40, tied 0 and lost 0" in line for line in lines)


def test_a_loss_that_is_no_number_is_not_written_as_one():
    answers = make_answers(["tea"] * 40, REFERENCES, (3.0, 1.0))
    answers[7]["tuned_loss"] = None
    lines = read_lines(score(answers))
    assert [line.split()[-2:] for line in lines if line.startswith(("held-out", "perp"))] == [
        ["not", "measured"]
    ] * 2
    words = (
        "Not measured (not a number on 1 of 40 prompts of the tuned model): loss and perplexity."
    )
    assert words in lines


def test_too_few_prompts_have_no_interval_in_it():
    lines = read_lines(score(make_answers(["tea"] * 40, REFERENCES, (3.0, 1.0))[:4]))
    assert any(line.startswith("chrF") and line.endswith("(too few to tell)") for line in lines)
