import pytest

from tests.pipelines.plan.test_nodes import EVALUATION, PROMPT, make_report, plan_run
from tests.pipelines.train.small_runs import make_examples
from tuneline.parameters import Hardware, Recipe
from tuneline.pipelines.plan.run_card import describe_evidence, format_duration, write_card

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("width", [50, 70, 110])
def test_the_card_fits_the_terminal_and_says_everything(
    recipe: Recipe, hardware: Hardware, width: int
):
    lines = list(write_card(plan_run(make_report([20] * 64, recipe), recipe, hardware), width))
    assert lines[0] == "Plan: Ready"
    assert max(map(len, lines)) <= width
    labels = [line.split()[0] for line in lines if line[:1].strip() and line[8:10] == "  "]
    assert labels[-6:] == ["time", "cost", "memory", "disk", "download", "test"]


def test_a_run_that_does_not_fit_is_not_ready(recipe: Recipe, hardware: Hardware):
    small = hardware.model_copy(update={"memory_gb": 0.1})
    card = "\n".join(write_card(plan_run(make_report([20] * 64, recipe), recipe, small), 200))
    assert card.startswith("Plan: Not ready\nhardware.memory_gb = 0.1: the run is predicted")
    assert "memory    0.9 of 0.1 GB" in card
    assert "test      0 prompts: too few to show any difference" in card


def test_prompts_in_groups_show_less_than_prompts_on_their_own():
    examples = make_examples(64)
    alone = describe_evidence(examples, {}, PROMPT, EVALUATION)
    assert (alone["prompts"], alone["groups"], alone["measured"]) == (64, 64, False)
    assert alone["detectable"] == pytest.approx(8, abs=0.5)
    for number, example in enumerate(examples):
        example["meta"]["groups"] = {"pot": str(number // 4)}
    grouped = describe_evidence(examples, {}, PROMPT, EVALUATION)
    assert (grouped["prompts"], grouped["groups"]) == (64, 16)
    assert grouped["detectable"] > 1.9 * alone["detectable"]


def test_the_same_prompt_twice_is_one_group():
    evidence = describe_evidence(2 * make_examples(32), {}, PROMPT, EVALUATION)
    assert (evidence["prompts"], evidence["groups"]) == (64, 32)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.2, "1 s"), (59.2, "59 s"), (61, "1 min"), (3599, "1 h 0 min"), (12_000, "3 h 20 min")],
)
def test_durations_are_for_people(seconds: float, words: str):
    assert format_duration(seconds) == words
