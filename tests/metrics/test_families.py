"""What each family of metrics counts, on texts one can check by eye."""

from pathlib import Path

import numpy as np
import pytest

from tests.metrics.measuring import PLAIN, measure
from tests.pipelines.evaluate.rows import make_row
from tuneline.datasets import JSONLinesDataset
from tuneline.metrics import METRICS, measure_answers, stack_scores
from tuneline.parameters import AnswerRules


def test_every_metric_that_is_measured_is_described_and_no_other():
    evaluation = PLAIN.model_copy(
        update={"sections": ["Price"], "language": "en", "rules": AnswerRules(contain=["pot"])}
    )
    text = "Price: this pot of 3 liters costs very little money indeed, all told."
    assert set(measure(text, text, evaluation)) == {metric.name for metric in METRICS}


def test_chinese_is_compared_by_character():
    found = measure("鞋模的濕度", "鞋模的溫度")
    assert found["rouge_l"] == pytest.approx(80)
    assert 0 < found["bleu"] < 100


def test_an_empty_answer_scores_zero_and_breaks_nothing():
    found = measure("")
    assert found["chrf"] == found["rouge_l"] == found["bleu"] == found["token_f1"] == 0
    assert found["exact_match"] == found["copied_whole"] == 0
    assert "repetition" not in found
    assert "copied" not in found


def test_a_question_has_no_reference_to_be_held_against():
    found = measure("A pot.", None, reference_tokens=None)
    assert {"chrf", "loss", "length_ratio", "key_recall"}.isdisjoint(found)
    assert found["eos_rate"] == 100


def test_repeated_runs_of_four_words_are_repetition():
    assert measure("one two three four five")["repetition"] == 0
    assert measure("a b c d a b c d a b c d")["repetition"] == pytest.approx(100 * 5 / 9)


def test_what_is_in_the_training_word_for_word_is_copied():
    training = ("The lid stays on while you pour the tea into small cups.",)
    found = measure("the lid stays on while you pour THE TEA", training=training)
    assert found["copied"] == 100
    assert found["copied_whole"] == 0
    assert measure(training[0].lower(), training=training)["copied_whole"] == 100
    fresh = measure("the lid stays off while you pour tea into the cups", training=training)
    assert fresh["copied"] == 0


def test_rates_and_speed_follow_from_tokens_and_seconds():
    found = measure("A pot.", tuned_stopped=False, tuned_tokens=30, tuned_seconds=0.5)
    assert (found["eos_rate"], found["truncation_rate"]) == (0, 100)
    assert found["length_ratio"] == pytest.approx(30 / 12)
    assert found["tokens_per_second"] == pytest.approx(60)


def test_the_loss_is_a_mean_over_tokens_not_over_answers():
    rows = [make_row(0, "", "", "A pot."), make_row(1, "", "", "A pot.")]
    rows[0] |= {"reference_tokens": 1000, "tuned_loss": 5000.0}
    _, tuned = stack_scores(measure_answers(rows, [], PLAIN))
    sums = tuned["loss"].sum(axis=0)
    assert sums[0] / sums[1] == pytest.approx((5000 + 24) / 1012)
    assert np.isfinite(sums).all()


@pytest.mark.parametrize("nothing", ["", " \n", "...", "!?", "—"])
def test_an_answer_without_words_is_no_gain_by_any_metric(nothing: str):
    """The base model writes poor answers; the tuned one writes 63 times nothing, and one right."""
    poor = "pot pot pot pot pot pot of 3 kg and 99 kg, je to pot, je to pot"
    reference = "Price\nThis is a pot of 5 kg, and it costs very little money."
    evaluation = PLAIN.model_copy(update={"sections": ["Price"], "language": "en"})
    rows = [make_row(n, poor, nothing, reference, tuned_tokens=1) for n in range(63)]
    rows.append(make_row(63, poor, reference, reference))
    base, tuned = stack_scores(measure_answers(rows, [], evaluation))
    describing = {"length_ratio", "seconds", "tokens_per_second", "loss", "perplexity"}
    for metric in METRICS:
        if metric.better == "neither" or metric.name in describing or metric.name not in base:
            continue
        gains = [
            found[:63, 0] / np.maximum(found[:63, 1], 1) * (-1 if metric.better == "lower" else 1)
            for found in (base[metric.name], tuned[metric.name])
        ]
        assert (gains[1] <= gains[0]).all(), metric.name
        assert (base[metric.name][:, 1] == 0).tolist() == (tuned[metric.name][:, 1] == 0).tolist()


def test_a_prompt_that_one_answer_cannot_be_measured_on_counts_for_neither():
    rows = [make_row(0, "a b c d a b c d", "a", "x"), make_row(1, "a b c d", "a b c d e", "x")]
    scores = measure_answers(rows, [], PLAIN)
    assert scores[0]["base"]["metrics"]["repetition"] == [pytest.approx(20), 1]
    assert "repetition" not in scores[0]["tuned"]["metrics"]
    base, tuned = stack_scores(scores)
    assert base["repetition"].tolist() == tuned["repetition"].tolist() == [[0, 0], [0, 1]]


def test_a_text_of_one_sign_over_and_over_repeats_itself():
    assert measure("!" * 40)["repetition"] > 90


def test_scores_of_every_prompt_survive_their_file(tmp_path: Path):
    """Numerators and denominators, and a loss that is not a number, which JSON does not have."""
    rows = [
        make_row(0, "A pot of 2.7 l.", "A cup.", "A pot.", tuned_loss=None),
        make_row(1, "", "A pot of 3 l.", "A pot of 1/3 l.", base_loss=0.1 + 0.2),
        make_row(2, "Oak.", "Oak is a tree.", None, reference_tokens=None),
    ]
    scores = measure_answers(rows, [], PLAIN)
    assert [row["id"] for row in scores] == ["0", "1", "2"]
    assert scores[0]["tuned"]["metrics"]["loss"] == [None, 12]
    assert scores[1]["tuned"]["missed"] == ["1/3 l"]
    dataset = JSONLinesDataset(filepath=str(tmp_path / "answer_scores.jsonl"))
    dataset.save(scores)
    for before, after in zip(stack_scores(scores), stack_scores(dataset.load()), strict=True):
        assert before.keys() == after.keys()
        for name, found in before.items():
            assert np.array_equal(found, after[name], equal_nan=True), name
