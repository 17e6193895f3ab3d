import polars as pl
import pytest

from tuneline.examples import SPLIT_GROUP
from tuneline.parameters import Prompt
from tuneline.pipelines.prepare.near_duplicates import make_forms, normalize

PROMPT = Prompt(system="Be kind.", prompt="Describe {title}.\nShort!", completion="{content}")


def make_rows(*rows: dict[str, str]) -> pl.DataFrame:
    return pl.DataFrame([{"line": 1, "split": "train", SPLIT_GROUP: "one", **row} for row in rows])


def read_prompts(template: str, *rows: dict[str, str], questions: list[str] | None = None) -> list:
    prompt = Prompt(prompt=template, completion="Fine.")
    return make_forms(make_rows(*rows), questions or [], prompt)["prompt"].to_list()


@pytest.mark.parametrize(
    ("text", "form"),
    [
        ("Blue Teapot, 1 liter!", "blue teapot 1 liter"),
        ("  BLUE\tteapot – 1\nLITER ", "blue teapot 1 liter"),
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
    row = {SPLIT_GROUP: "blue teapot", "title": "Blue teapot", "content": "A pot."}
    assert make_forms(make_rows(row), [], PROMPT).to_dicts() == [
        {
            "row": 0,
            "split": "train",
            "group": "blue teapot",
            "prompt": "blue teapot",
            "completion": "a pot",
            "example": "blue teapot a pot",
        }
    ]


def test_a_question_is_compared_by_what_would_fill_the_template():
    questions = ["Describe Blue teapot.\nShort!", "Which pot is blue?"]
    forms = make_forms(make_rows({"title": "Jug", "content": "A jug."}), questions, PROMPT)
    assert forms["prompt"].to_list() == ["jug", "blue teapot", "which pot is blue"]
    assert forms["split"].to_list() == ["train", "question", "question"]
    assert forms["completion"].to_list() == ["a jug", None, None]


@pytest.mark.parametrize(
    ("template", "form"),
    [
        ("Say it.", ""),
        ("{a} costs {b} €.", "a pot two"),
        ("{a}{b}", "a pottwo"),
        ("{a}{{{b}}}", "a pot two"),
        ("{b}: {a}, {b}!", "two a pot two"),
        ("About {a:.3}", "a p"),
        ("About {b!r:>9}", "two"),
    ],
)
def test_all_columns_of_a_template_are_compared_as_they_fill_it(template: str, form: str):
    row = {"a": "A pot", "b": "two"}
    filled = template.format_map(row)
    assert read_prompts(template, row, questions=[filled]) == [form, form]


def test_a_column_may_be_in_prompt_and_completion():
    prompt = Prompt(prompt="Praise {title}.", completion="{title}: {content}")
    forms = make_forms(make_rows({"title": "Jug", "content": "Fine"}), [], prompt)
    assert forms.select("prompt", "completion").rows() == [("jug", "jug fine")]


def test_prompts_that_are_the_same_once_filled_are_the_same_whatever_their_columns():
    one, other = {"a": "a pot in red", "b": "oak"}, {"a": "a pot", "b": "red in oak"}
    filled = "Draw a pot in red in oak."
    first, second, question = read_prompts("Draw {a} in {b}.", one, other, questions=[filled])
    assert first == second == question
