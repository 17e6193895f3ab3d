from tests.conftest import load_parameters
from tuneline.examples import Example, list_messages, list_prompts
from tuneline.parameters import Evaluation, Prompt

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
