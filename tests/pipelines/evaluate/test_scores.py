import numpy as np
import pytest

from tuneline.parameters import Evaluation
from tuneline.pipelines.evaluate.metrics import measure_rows
from tuneline.pipelines.evaluate.nodes import plot_scores, score_answers

REFERENCES = [f"Pot {n} is made of oak and holds {n} litres of tea." for n in range(40)]
EVALUATION = Evaluation(title="Pots", generation={"do_sample": False}, resamples=500)


def make_answers(base: list[str], tuned: list[str], losses: tuple[float, float]) -> list[dict]:
    rng = np.random.default_rng(0)
    rows = []
    for number, reference in enumerate(REFERENCES):
        row = {"id": str(number), "reference": reference, "reference_tokens": 12}
        for who, text, loss in (
            ("base", base[number], losses[0]),
            ("tuned", tuned[number], losses[1]),
        ):
            row |= {
                f"{who}_answer": text,
                f"{who}_tokens": 10,
                f"{who}_seconds": 0.5,
                f"{who}_stopped": True,
                f"{who}_loss": 12 * loss + float(rng.normal(0, 0.5)),
                f"{who}_correct": round(12 / (1 + loss)),
            }
        rows.append(row)
    return rows


def test_an_adapter_that_learnt_is_better():
    scores = score_answers(make_answers(["tea"] * 40, REFERENCES, (3.0, 1.0)), EVALUATION)
    assert scores["verdict"]["shown"] == "better"
    assert scores["metrics"]["chrf"]["tuned"] == pytest.approx(100)
    assert scores["metrics"]["loss"]["interval"][1] < 0


def test_an_adapter_that_does_nothing_shows_no_difference():
    same = [text[:20] for text in REFERENCES]
    answers = make_answers(same, same, (2.0, 2.0))
    assert score_answers(answers, EVALUATION)["verdict"]["shown"] == "no difference shown"


def test_an_adapter_that_unlearnt_is_worse():
    scores = score_answers(make_answers(REFERENCES, ["xx"] * 40, (1.0, 4.0)), EVALUATION)
    assert scores["verdict"]["shown"] == "worse"


def test_a_lower_loss_with_worse_texts_is_mixed():
    scores = score_answers(make_answers(REFERENCES, ["xx"] * 40, (3.0, 1.0)), EVALUATION)
    assert scores["verdict"]["shown"] == "mixed"


def test_perplexity_is_the_exponent_of_the_token_weighted_loss():
    answers = make_answers(REFERENCES, REFERENCES, (2.0, 1.0))
    answers[0]["reference_tokens"], answers[0]["base_loss"] = 1000, 5000.0
    metrics = score_answers(answers, EVALUATION)["metrics"]
    assert metrics["perplexity"]["base"] == pytest.approx(np.exp(metrics["loss"]["base"]))
    assert metrics["loss"]["base"] > 4


def test_words_that_are_not_ascii_count_for_rouge():
    answers = make_answers(["čaj horký"] * 40, ["茶 很 热"] * 40, (1.0, 1.0))
    for row in answers:
        row["reference"] = "čaj horký"
    assert measure_rows(answers, "base")["rouge_l"][:, 0].mean() == pytest.approx(100)


def test_an_empty_answer_scores_zero():
    rows = measure_rows(make_answers([""] * 40, REFERENCES, (1.0, 1.0)), "base")
    assert rows["chrf"][:, 0].max() == 0
    assert rows["rouge_l"][:, 0].max() == 0


def test_one_prompt_alone_shows_nothing_false():
    scores = score_answers(make_answers(REFERENCES, REFERENCES, (2.0, 2.0))[:1], EVALUATION)
    assert scores["prompts"] == 1


def test_the_plot_holds_base_and_tuned():
    scores = score_answers(make_answers(["tea"] * 40, REFERENCES, (3.0, 1.0)), EVALUATION)
    assert [bar.name for bar in plot_scores(scores).data] == ["base", "tuned"]
