import numpy as np
import pytest

from tests.conftest import CPU
from tests.pipelines.evaluate.retention.test_scoring import make_rows
from tests.pipelines.evaluate.rows import make_row
from tuneline.metrics import measure_answers
from tuneline.models.adapter import Adapter
from tuneline.parameters import Evaluation
from tuneline.pipelines.evaluate.report_nodes import plot_scores
from tuneline.pipelines.evaluate.retention import score_retention
from tuneline.pipelines.evaluate.scoring_nodes import score_answers

REFERENCES = [f"Pot {n} is made of oak and holds {n} liters of tea." for n in range(40)]
EVALUATION = Evaluation(title="Pots", generation={"do_sample": False}, resamples=500)
PROVENANCE = {
    "base": {"name": "tiny"},
    "recipe": {"settings": {}},
    "examples": {"train": {"count": 0, "sha256": "0"}},
}
ADAPTER = Adapter(config={}, tensors={}, tokenizer=None, provenance=PROVENANCE)


def make_answers(base: list[str], tuned: list[str], losses: tuple[float, float]) -> list[dict]:
    rng = np.random.default_rng(0)
    return [
        make_row(
            number,
            base[number],
            tuned[number],
            reference,
            base_loss=12 * losses[0] + float(rng.normal(0, 0.5)),
            tuned_loss=12 * losses[1] + float(rng.normal(0, 0.5)),
        )
        for number, reference in enumerate(REFERENCES)
    ]


def score(
    answers: list[dict], evaluation: Evaluation = EVALUATION, retention: dict | None = None
) -> dict:
    scores = measure_answers(answers, [], evaluation)
    return score_answers(answers, scores, ADAPTER, retention or {}, evaluation, CPU)


def test_an_adapter_that_learned_is_better():
    scores = score(make_answers(["tea"] * 40, REFERENCES, (3.0, 1.0)))
    assert scores["verdict"]["label"] == "better"
    assert scores["metrics"]["chrf"]["tuned"] == pytest.approx(100)
    assert scores["metrics"]["chrf"]["wins"] == 40
    assert scores["metrics"]["loss"]["interval"][1] < 0


def test_an_adapter_that_unlearned_is_worse():
    scores = score(make_answers(REFERENCES, ["xx"] * 40, (1.0, 4.0)))
    assert scores["verdict"]["label"] == "worse"
    assert scores["metrics"]["chrf"]["losses"] == 40


def test_a_lower_loss_does_not_make_worse_texts_better():
    verdict = score(make_answers(REFERENCES, ["xx"] * 40, (3.0, 1.0)))["verdict"]
    assert verdict["label"] == "worse"
    assert "predicts the references better (loss)" in verdict["notes"][0]


def test_texts_that_are_nearer_but_lose_the_figures_are_mixed():
    tuned = [text.replace(str(n), "no") for n, text in enumerate(REFERENCES)]
    base = [f"{n}" for n in range(40)]
    verdict = score(make_answers(base, tuned, (2.0, 2.0)))["verdict"]
    assert verdict["label"] == "mixed"
    assert "worse on number and key-term recall" in verdict["summary"]


def test_identical_answers_are_ties_and_no_difference():
    same = [text[:20] for text in REFERENCES]
    answers = [make_row(n, text, text, REFERENCES[n]) for n, text in enumerate(same)]
    scores = score(answers)
    assert scores["verdict"]["label"] == "no significant difference"
    for name, metric in scores["metrics"].items():
        if name in {"seconds", "tokens_per_second"}:
            assert metric["interval"] is None
            continue
        low, high = metric["interval"]
        # 40 ties do not prove that the next prompt ties, where it is known what it can differ by.
        assert -low == high
        assert 0 < high < 15 if metric["percent"] else high == 0
        assert (metric["wins"], metric["losses"]) == (0, 0)


def test_too_few_prompts_show_nothing_however_large_the_difference():
    answers = make_answers(["xx"] * 40, REFERENCES, (3.0, 1.0))
    verdict = score(answers[:3])["verdict"]
    assert verdict["label"] == "no significant difference"
    assert (
        "Too few to show a difference on chrF, ROUGE-L and number and key-term recall: 3 prompts."
        in (verdict["notes"])
    )
    assert score(answers[:12])["verdict"]["label"] == "better"


def test_the_metrics_of_the_verdict_share_the_error():
    metrics = score(make_answers(["tea"] * 40, REFERENCES, (2.0, 2.0)))["metrics"]
    assert metrics["chrf"]["confidence"] == pytest.approx(1 - 0.05 / 3)
    assert metrics["bleu"]["confidence"] == 0.95


def test_perplexity_is_the_exponent_of_the_token_weighted_loss():
    answers = make_answers(REFERENCES, REFERENCES, (2.0, 1.0))
    answers[0]["reference_tokens"], answers[0]["base_loss"] = 1000, 5000.0
    metrics = score(answers)["metrics"]
    assert metrics["perplexity"]["base"] == pytest.approx(np.exp(metrics["loss"]["base"]))
    assert metrics["loss"]["base"] > 4


def test_categories_are_scored_apart():
    answers = make_answers(["tea"] * 40, REFERENCES, (2.0, 2.0))
    for number, row in enumerate(answers):
        row["category"] = "large" if number < 20 else "small"
        row["tuned_answer"] = row["reference"] if number < 20 else "tea"
    categories = score(answers)["categories"]
    assert categories["large"]["chrf"]["result"] == "better"
    assert categories["small"]["chrf"]["result"] == "no significant difference"
    assert categories["small"]["chrf"]["rows"] == 20


def test_every_value_of_a_slice_is_scored_apart():
    answers = make_answers(["tea"] * 40, REFERENCES, (2.0, 2.0))
    for number, row in enumerate(answers):
        row["slices"] = {"level": "basics" if number < 10 else "treatment", "shelf": "left"}
        row["tuned_answer"] = row["reference"] if number < 10 else "tea"
    slices = score([*answers, make_row(40, "Oak.", "Oak.", None)])["slices"]
    assert {column: list(parts) for column, parts in slices.items()} == {
        "level": ["basics", "treatment"],
        "shelf": ["left"],
    }
    assert slices["level"]["basics"]["chrf"]["result"] == "better"
    assert slices["level"]["treatment"]["chrf"]["difference"] == 0
    assert slices["level"]["treatment"]["chrf"]["rows"] == 30


def test_questions_count_where_no_reference_is_needed():
    answers = make_answers(["tea"] * 40, REFERENCES, (2.0, 2.0))
    answers.append(make_row(40, "Oak.", "Oak is a tree.", None))
    scores = score(answers)
    assert (scores["prompts"], scores["questions"]) == (40, 1)
    assert scores["metrics"]["chrf"]["rows"] == 40
    assert scores["metrics"]["eos_rate"]["rows"] == 41


def test_an_untrained_models_loss_does_not_overflow():
    scores = score(make_answers(REFERENCES, REFERENCES, (900.0, 2.0)))
    assert np.isfinite(scores["metrics"]["perplexity"]["base"])


def test_the_plots_show_both_models_and_every_category():
    answers = make_answers(["tea"] * 40, REFERENCES, (2.0, 1.0))
    for number, row in enumerate(answers):
        row["category"] = str(number % 2)
    bars, categories = plot_scores(score(answers))
    assert {trace.name for trace in bars.data} == {"base", "tuned"}
    assert list(categories.data[0].x) == ["all", "0", "1"]


def test_what_was_forgotten_is_in_the_verdict_and_what_was_kept_is_not():
    answers = make_answers(["tea"] * 40, REFERENCES, (3.0, 1.0))
    right, wrong = [True] * 30, [True] * 5 + [False] * 25
    lost = score_retention(make_rows(reading=(right, wrong)), EVALUATION)
    summary = score(answers, retention=lost)["verdict"]["summary"]
    assert summary.endswith(
        "It has forgotten what the base model can do: 5 of 30 general prompts right, before 30, "
        "most of all in reading."
    )
    kept = score_retention(make_rows(reading=(right, right)), EVALUATION)
    assert "forgotten" not in score(answers, retention=kept)["verdict"]["summary"]
