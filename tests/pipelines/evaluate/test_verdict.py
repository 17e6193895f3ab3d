"""The verdict's words: what a reader has to know, and nothing that the numbers do not carry."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import pytest

from tests.pipelines.evaluate.rows import make_row
from tests.pipelines.evaluate.test_scoring_nodes import REFERENCES, make_answers, score
from tuneline.datasets import JSONLinesDataset
from tuneline.metrics.likelihood import ReferenceLoss
from tuneline.pipelines.evaluate import runs as plots
from tuneline.pipelines.evaluate.asking import add_losses
from tuneline.pipelines.evaluate.report_nodes import plot_scores
from tuneline.pipelines.evaluate.runs import compare_versions
from tuneline.pipelines.evaluate.verdict import conclude
from tuneline.statistics.paired_comparison import Metric

WORDS = ["pot", "oak", "tea", "lid", "cup", "round", "small", "blue", "holds", "pours"]
WORDS += ["warm", "light", "wood", "glass", "steel"]


def write(right: int, number: int) -> str:
    """Write an answer that has so many of the reference's words."""
    others = [f"x{chr(97 + number % 26)}{chr(97 + place)}" for place in range(right, len(WORDS))]
    return " ".join([*WORDS[:right], *others])


def make_rows(counts: list[tuple[int, int]], **more: Any) -> list[dict]:
    reference = " ".join(WORDS)
    return [
        make_row(number, write(base, number), write(tuned, number), reference, **more)
        for number, (base, tuned) in enumerate(counts)
    ]


def notes(rows: list[dict]) -> str:
    return "\n".join(score(rows)["verdict"]["notes"])


def test_a_category_that_lost_is_named_though_all_together_won():
    rows = make_rows([(4, 9 + number % 3) for number in range(60)], category="many")
    lost = make_rows([(12, 4 + number % 3) for number in range(12)], category="few")
    said = notes([*rows, *(row | {"prompt": f"Other {row['id']}"} for row in lost)])
    assert "It is worse in the category few (12 prompts): chrF \N{MINUS SIGN}" in said


def test_more_losses_than_wins_are_said_where_few_large_gains_make_it_better():
    rows = make_rows([(3, 14)] * 24 + [(6, 5)] * 72)
    assert "is better on average only: won 24, lost 72; few large gains" in notes(rows)


def test_a_small_difference_is_called_small():
    rows = make_rows([(7, 7)] * 10)
    for number, row in enumerate(rows * 40):
        rows.append(row | {"id": f"more {number}", "prompt": f"More {number}"})
    for row in rows[::2]:
        row["tuned_answer"] += " tea"
    for row in rows:
        row["reference"] += " and much more of which neither model ever wrote a single word" * 2
    found = score(rows)
    assert found["metrics"]["chrf"]["result"] == "better"
    assert abs(found["metrics"]["chrf"]["difference"]) < 1
    assert "On chrF the difference is small" in "\n".join(found["verdict"]["notes"])


def test_prompts_copied_eight_times_count_as_eight():
    rows = make_rows([(4, 8 + number % 3) for number in range(8)] * 8)
    for number, row in enumerate(rows):
        row["prompt"] = f"Describe pot {number % 8}."
    found = score(rows)
    assert (found["prompts"], found["groups"]) == (64, 8)
    assert "over 64 prompts in 8 groups" in "\n".join(found["verdict"]["notes"])


def test_groups_of_the_examples_reach_verdict_and_categories():
    rows = make_rows([(4, 9)] * 60, category="oils")
    for number, row in enumerate(rows):
        row["groups"] = {"oil": str(number // 5), "effect": str(number % 15)}
    found = score(rows)
    assert found["groupings"] == {"effect": 15, "oil": 12}
    assert found["metrics"]["chrf"]["groups"] == found["categories"]["oils"]["chrf"]["groups"] == 12
    assert "60 prompts in 12 groups" in "\n".join(found["verdict"]["notes"])


def test_too_few_groups_for_one_metric_only_are_said_too():
    """Number and key-term recall are in three references: chrF has enough."""
    rows = make_rows([(4, 9 + number % 3) for number in range(30)])
    for row in rows[:3]:
        row["reference"] += " 12 cm"
    assert "Too few to show a difference on number and key-term recall: 3 prompts." in notes(rows)


def test_where_nothing_is_shown_it_says_what_could_have_been():
    random = np.random.default_rng(1)
    said = notes(make_rows([tuple(random.integers(0, 15, 2)) for _ in range(40)]))
    assert "So many prompts find a difference of" in said
    assert "four cases of five" in said


@pytest.mark.parametrize("wrong", [float("nan"), float("inf")])
def test_a_loss_that_is_no_number_is_not_measured_before_and_after_the_file(
    wrong: float, tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    rows = make_answers(["tea"] * 40, ["oak"] * 40, (2.5, 2.5))
    losses = [ReferenceLoss(nats=30.0, entropy=5.0, correct=3, tokens=12)] * 37
    losses += [ReferenceLoss(wrong, wrong, 12, 12)] * 3
    add_losses(rows, "tuned", losses)
    assert "loss is not a number on 3 of 40 references" in caplog.text
    dataset = JSONLinesDataset(filepath=str(tmp_path / "answers.jsonl"))
    dataset.save(rows)
    for answers in (rows, dataset.load()):
        scores = score(answers)
        for name in ("loss", "perplexity", "entropy", "token_accuracy"):
            found = scores["metrics"][name]
            assert (found["result"], found["tuned"]) == ("not measured", None), name
        assert (
            "Not measured (not a number on 3 of 40 prompts of the tuned model): "
            "loss, perplexity, token accuracy and entropy."
        ) in scores["verdict"]["notes"]
        assert "predicts" not in scores["verdict"]["summary"]
        json.dumps(scores, allow_nan=False)
        for figure in plot_scores(scores):
            assert "NaN" not in figure.to_json()
        sound = score(make_answers(["tea"] * 40, REFERENCES, (2.0, 1.0)))
        comparison = compare_versions({"1": scores, "2": sound})
        assert np.isnan(comparison["loss_tuned"].astype(float)).tolist() == [True, False]
        plots.draw_versions(comparison)


def test_a_verdict_without_a_metric_that_counts_says_so():
    assert conclude({})["label"] == "not measured"


@pytest.mark.parametrize("count", [6, 11, 26])
def test_any_number_of_metrics_has_a_look_of_its_own(count: int):
    metrics = [
        Metric(f"own_{number}", f"Own {number}", "higher", "", percent=True, decides_verdict=True)
        for number in range(count)
    ]
    row = {"comparable": True, "run": 1}
    for metric in metrics:
        ends = {"base": 1.0, "tuned": 2.0, "low": 0.5, "high": 1.5}
        row |= {f"{metric.name}_{key}": value for key, value in ends.items()}
    figure: go.Figure = plots.draw_versions(pd.DataFrame([row]), metrics)
    looks = [(trace.marker.color, trace.marker.symbol) for trace in figure.data]
    assert len(looks) == count
    assert len(set(looks)) == min(count, len(plots.COLORS) * len(plots.SYMBOLS))


def test_a_category_of_two_prompts_has_no_error_bar():
    rows = make_rows([(4, 9 + number % 3) for number in range(30)], category="many")
    for row in rows[:2]:
        row["category"] = "two"
    scores = score(rows)
    assert scores["categories"]["two"]["chrf"]["interval"] is None
    assert "Too few prompts to judge 1 of 2 categories" in "\n".join(scores["verdict"]["notes"])
    _, figure = plot_scores(scores)
    (trace,) = figure.data
    assert trace.x == ("all", "many", "two")
    assert trace.error_y.array[2] is None
    assert trace.marker.symbol == ("circle", "circle", "circle-open")


def test_means_and_pooled_figures_are_told_apart():
    metrics = score(make_answers(["tea"] * 40, REFERENCES, (2.0, 1.0)))["metrics"]
    found = {name: one["average"] for name, one in metrics.items()}
    assert found["chrf"] == found["rouge_l"] == found["exact_match"] == "mean"
    assert found["loss"] == found["length_ratio"] == "pooled"


def test_a_fifth_sentence_is_the_first_note():
    verdict = conclude({}, usable="Few end.", others=["Prompting.", "Forgotten.", "Folds."])
    assert verdict["summary"].startswith("Few end. No metric")
    assert verdict["summary"].endswith("Prompting. Forgotten.")
    assert verdict["notes"][0] == "Folds."
