"""Prompts of held-out examples and of questions, and the system message of the training."""

import pytest

from tests.conftest import load_parameters
from tuneline.errors import TunelineError
from tuneline.examples import Example
from tuneline.parameters import Evaluation, Prompt
from tuneline.prompts import find_system, list_messages, list_prompts, start_messages

EXAMPLE: Example = {
    "id": "1",
    "prompt": [
        {"role": "system", "content": "You sell {tea}."},
        {"role": "user", "content": "Describe: Oak Spoon"},
    ],
    "completion": [{"role": "assistant", "content": "A spoon."}],
    "meta": {"line": 1},
}


def test_a_fixed_question_is_asked_in_the_form_of_the_training():
    prompt = Prompt(system="You sell {{tea}}.", prompt="Describe: {title}", completion="{content}")
    evaluation = Evaluation(title="Tea", questions=["Tea Pot"], generation={})
    held_out, question = list_prompts([EXAMPLE], prompt, evaluation)
    assert list_messages(held_out) == EXAMPLE["prompt"]
    assert list_messages(question) == [
        {"role": "system", "content": "You sell {tea}."},
        {"role": "user", "content": "Describe: Tea Pot"},
    ]
    assert question["reference"] is None


def test_the_main_use_case_asks_for_titles():
    main = load_parameters()
    *_, question = list_prompts([EXAMPLE], main.prompt, main.evaluation)
    assert question["prompt"] == "Write a product description for: Wooden Abacus"


ONE = Prompt(prompt="Describe: {title}", completion="{content}")
SYSTEMS = Prompt(system="{system}", prompt="{user}", completion="{assistant}")


def example(system: str) -> dict:
    messages = [{"role": "system", "content": system}, {"role": "user", "content": "?"}]
    return {"id": "1", "prompt": messages, "completion": [], "meta": {}}


def test_a_question_fills_the_one_column_of_the_prompt():
    (asked,) = start_messages("A {blue} pot", ONE, None)
    assert asked == {"role": "user", "content": "Describe: A {blue} pot"}
    twice = ONE.model_copy(update={"prompt": "{title}: describe {title}, in {{braces}}"})
    assert start_messages("Pot", twice, None)[0]["content"] == "Pot: describe Pot, in {braces}"


@pytest.mark.parametrize("template", ["{title} by {maker}", "Say something"])
def test_without_one_column_a_question_is_the_whole_prompt(template: str):
    prompt = ONE.model_copy(update={"prompt": template})
    assert start_messages("A pot", prompt, "Be kind.") == [
        {"role": "system", "content": "Be kind."},
        {"role": "user", "content": "A pot"},
    ]


def test_the_system_message_is_that_of_the_training():
    assert find_system(ONE, [example("other")]) is None
    stated = ONE.model_copy(update={"system": "You sell {{pots}}."})
    assert find_system(stated, []) == "You sell {pots}."
    assert find_system(SYSTEMS, [example("Keeper"), example("Keeper")]) == "Keeper"
    without = {**example("Keeper"), "prompt": example("Keeper")["prompt"][1:]}
    assert find_system(SYSTEMS, [without, example("Keeper")]) == "Keeper"
    assert find_system(SYSTEMS, [without]) is None


@pytest.mark.parametrize("systems", [[], ["Keeper", "Cook"]])
def test_system_messages_by_row_leave_no_choice_to_chance(systems: list[str]):
    words = rf"prompt\.system = \{{system\}}: .* {len(systems)} different"
    with pytest.raises(TunelineError, match=words):
        find_system(SYSTEMS, [example(one) for one in systems])
