import pytest

from tests.pipelines.plan.test_nodes import make_report, plan_run
from tuneline.parameters import Hardware, Recipe
from tuneline.pipelines.plan.run_card import format_duration, write_card

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("width", [50, 70, 110])
def test_the_card_fits_the_terminal_and_says_everything(
    recipe: Recipe, hardware: Hardware, width: int
):
    lines = list(write_card(plan_run(make_report([20] * 64, recipe), recipe, hardware), width))
    assert lines[0] == "Plan: Ready"
    assert max(map(len, lines)) <= width
    labels = [line.split()[0] for line in lines if line[:1].strip() and line[8:10] == "  "]
    assert labels[-6:] == ["cost", "memory", "weights", "disk", "download", "test"]


def test_a_run_that_does_not_fit_is_not_ready(recipe: Recipe, hardware: Hardware):
    small = hardware.model_copy(update={"memory_gb": 0.1})
    card = "\n".join(write_card(plan_run(make_report([20] * 64, recipe), recipe, small), 200))
    assert card.startswith("Plan: Not ready\nhardware.memory_gb = 0.1: the run is predicted")
    assert "memory    0.8 of 0.1 GB" in card
    assert "test      0 prompts: too few to show any difference" in card


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.2, "1 s"), (59.2, "59 s"), (61, "1 min"), (3599, "1 h 0 min"), (12_000, "3 h 20 min")],
)
def test_durations_are_for_people(seconds: float, words: str):
    assert format_duration(seconds) == words
