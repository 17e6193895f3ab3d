import pytest

from tuneline.parameters import Prompt
from tuneline.pipelines.prepare.near_duplicates import normalize, tabulate

PROMPT = Prompt(system="Be kind.", prompt="Describe {title}.\nShort!", completion="{content}")


def make_example(title: str, content: str, line: int = 1) -> dict:
    return {
        "id": "x",
        "prompt": [
            {"role": "system", "content": "Be kind."},
            {"role": "user", "content": f"Describe {title}.\nShort!"},
        ],
        "completion": [{"role": "assistant", "content": content}],
        "meta": {"line": line},
    }


@pytest.mark.parametrize(
    ("text", "form"),
    [
        ("Blue Teapot, 1 litre!", "blue teapot 1 litre"),
        ("  BLUE\tteapot – 1\nLITRE ", "blue teapot 1 litre"),
        ("Účinky na tělo", "ucinky na telo"),
        ("café e\u0301te\u0301", "cafe ete"),
        ("ﬁne ＡＢＣ", "fine abc"),
        ("黴菌，70–90 %", "黴 菌 70 90"),
        ("カビ abc除湿", "カ ヒ\u3099 abc 除 湿".replace("ヒ\u3099", "ビ")),
        ("हिन्दी भाषा", "हिन्दी भाषा"),
        ("?!", "?!"),
        ("", ""),
    ],
)
def test_only_the_words_of_a_text_count(text: str, form: str):
    assert normalize([text]).to_list() == [form]


def test_the_words_of_the_templates_and_the_system_message_are_not_compared():
    rows = tabulate({"train": [make_example("Blue teapot", "A pot.")], "test": []}, [], PROMPT)
    assert rows.to_dicts() == [
        {
            "row": 0,
            "split": "train",
            "line": 1,
            "prompt": "blue teapot",
            "completion": "a pot",
            "example": "blue teapot a pot",
        }
    ]


def test_a_question_is_compared_by_what_would_fill_the_template():
    rows = tabulate({"train": []}, ["Describe Blue teapot.\nShort!", "Which pot is blue?"], PROMPT)
    assert rows["prompt"].to_list() == ["blue teapot", "which pot is blue"]
    assert rows["split"].to_list() == ["question"] * 2
    assert rows["completion"].to_list() == [None, None]
