from tuneline.examples import fill_templates
from tuneline.parameters import Data, Prompt, Split

DATA = Data(
    id="uid", columns=["title", "content"], split=Split(test=1, validation=1, group="title")
)
ROW = {"line": 7, "uid": "0042", "title": "Pot {hot} & {title}", "content": "It's {0} hot."}


def test_templates_are_filled_and_braces_in_the_data_stay():
    example = fill_templates(ROW, DATA, Prompt(prompt="Describe: {title}", completion="{content}"))
    assert example == {
        "id": "0042",
        "prompt": [{"role": "user", "content": "Describe: Pot {hot} & {title}"}],
        "completion": [{"role": "assistant", "content": "It's {0} hot."}],
        "meta": {"line": 7},
    }


def test_a_system_message_comes_first():
    prompt = Prompt(system="Be brief.", prompt="{title}", completion="{content}")
    assert fill_templates(ROW, DATA, prompt)["prompt"][0] == {
        "role": "system",
        "content": "Be brief.",
    }
