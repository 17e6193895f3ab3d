"""The smallest difference that a test split can show, before the run."""

import plotly.graph_objects as go
import pytest

from tests.pipelines.plan.test_nodes import EVALUATION, PROMPT, make_report, plan_run
from tests.training.small_runs import make_examples
from tuneline.parameters import Hardware, Recipe
from tuneline.pipelines.plan.evidence import describe_evidence
from tuneline.pipelines.plan.plan_page import render_plan
from tuneline.pipelines.plan.run_card import write_card
from tuneline.statistics.power import find_smallest_difference

pytestmark = pytest.mark.slow

DECIDING = ["chrf", "rouge_l", "key_recall"]


def make_scores(**spreads: float | None) -> dict:
    metrics = {name: {"label": name, "spread": spread} for name, spread in spreads.items()}
    return {"verdict": {"metrics": list(spreads)}, "metrics": metrics}


def test_every_metric_that_decides_has_a_smallest_difference_from_a_stated_assumption():
    evidence = describe_evidence(make_examples(64), {}, PROMPT, EVALUATION)
    assert (evidence["prompts"], evidence["groups"], evidence["measured"]) == (64, 64, False)
    assert list(evidence["metrics"]) == DECIDING
    assert evidence["metrics"]["chrf"]["detectable"] == pytest.approx(8, abs=0.5)
    for one in evidence["metrics"].values():
        assert not one["measured"]
        confidence = 1 - 0.05 / 3
        assert find_smallest_difference(one["spread"], one["needed"], confidence) <= 2
        assert find_smallest_difference(one["spread"], one["needed"] - 1, confidence) > 2


def test_what_is_asked_for_decides_too_and_shares_the_error():
    asked = EVALUATION.model_copy(update={"sections": ["Use"], "language": "en"})
    plain, more = (
        describe_evidence(make_examples(64), {}, PROMPT, one)["metrics"]
        for one in (EVALUATION, asked)
    )
    assert list(more) == [*DECIDING, "sections", "language"]
    assert more["chrf"]["detectable"] > plain["chrf"]["detectable"]


def test_the_last_evaluation_that_has_spreads_gives_them():
    versions = {
        "1": lambda: make_scores(chrf=30.0),
        "2": lambda: make_scores(chrf=10.0, rouge_l=12.0),
        "3": lambda: make_scores(chrf=None, rouge_l=None),
    }
    asked = EVALUATION.model_copy(update={"language": "en"})
    found = describe_evidence(make_examples(64), versions, PROMPT, asked)
    spreads = {name: (one["spread"], one["measured"]) for name, one in found["metrics"].items()}
    assert spreads == {"language": (45.0, False), "chrf": (10.0, True), "rouge_l": (12.0, True)}
    assert not found["measured"]
    found = describe_evidence(make_examples(64), versions, PROMPT, EVALUATION)
    assert found["measured"]
    assert found["metrics"]["chrf"]["detectable"] < 4.5


def test_prompts_in_groups_show_less_than_prompts_on_their_own():
    examples = make_examples(64)
    alone = describe_evidence(examples, {}, PROMPT, EVALUATION)["metrics"]["chrf"]
    for number, example in enumerate(examples):
        example["meta"]["groups"] = {"pot": str(number // 4)}
    found = describe_evidence(examples, {}, PROMPT, EVALUATION)
    grouped = found["metrics"]["chrf"]
    assert (found["prompts"], found["groups"]) == (64, 16)
    assert grouped["detectable"] > 1.9 * alone["detectable"]
    assert grouped["needed"] == pytest.approx(4 * alone["needed"], abs=4)


def test_the_same_prompt_twice_is_one_group():
    evidence = describe_evidence(2 * make_examples(32), {}, PROMPT, EVALUATION)
    assert (evidence["prompts"], evidence["groups"]) == (64, 32)


def test_card_and_page_say_it_and_what_it_rests_on(recipe: Recipe, hardware: Hardware):
    plan = plan_run(make_report([20] * 64, recipe), recipe, hardware)
    plan["evidence"] = describe_evidence(make_examples(64), {}, PROMPT, EVALUATION)
    card = " ".join("\n".join(write_card(plan, 100)).split())
    assert "64 prompts can show a difference of 7.9 chrF, 7.9 ROUGE-L" in card
    assert "assumed until one is measured: 19 chrF" in card
    page = render_plan(plan, go.Figure(), [])
    assert "Number and key-term recall<small>spread assumed" in page
    assert f"<td>{plan['evidence']['metrics']['chrf']['needed']:,}</td>" in page
