"""Rules of single rows, from their columns to the examples, and the cells that hold none."""

import polars as pl
import pytest

from tuneline.errors import TunelineError
from tuneline.parameters import Data, Prompt, RuleColumns, Split
from tuneline.pipelines.prepare.nodes import build_examples, split_rows

PROMPT = Prompt(prompt="{title}", completion="{text}")
COLUMNS = RuleColumns(contain="must", exclude="never", pattern="form", number="size")
DATA = Data(
    id="id",
    columns=["title", "text"],
    answer_rules=COLUMNS,
    split=Split(test=5, validation=5, group="title"),
)


def make_rows(**cells: list[object]) -> pl.LazyFrame:
    numbers = [str(n + 1) for n in range(20)]
    empty: list[object] = [None] * 20
    table = {"line": numbers, "id": numbers, "title": [f"Pot {n}" for n in numbers]}
    table |= {"text": ["An oak pot."] * 20, "must": empty, "never": empty}
    return pl.LazyFrame({**table, "form": empty, "size": empty, **cells})


def test_the_rules_of_a_row_reach_its_example():
    rows = make_rows(
        must=["oak; steel", '["a, b"]', ""] + [None] * 17,
        never=["cheap"] + [""] * 19,
        form=[r"\d+ cm", " "] + [None] * 18,
        size=["12,5", "-3", "1.25"] + [""] * 17,
    )
    examples = [
        one for split in build_examples(split_rows(rows, DATA), DATA, PROMPT) for one in split
    ]
    found = {example["id"]: example["meta"].get("rules") for example in examples}
    assert found["1"] == {
        "contain": ["oak", "steel"],
        "exclude": ["cheap"],
        "pattern": r"\d+ cm",
        "number": 12.5,
    }
    assert found["2"] == {"contain": ["a, b"], "number": -3}
    assert found["3"] == {"number": 1.25}
    assert found["4"] is None


def test_cells_that_are_no_rules_are_named_all_at_once():
    rows = make_rows(form=["ok", "(", "["] + [None] * 17, size=["1", "2", "twelve"] + ["nan"] * 17)
    with pytest.raises(TunelineError) as caught:
        split_rows(rows, DATA)
    said = str(caught.value)
    assert "data.answer_rules.pattern: column form, line 2, 3 = (: " in said
    assert "this is no regular expression (2 rows)" in said
    assert "this is no number (18 rows)" in said


def test_a_column_that_is_not_there_is_named():
    data = DATA.model_copy(update={"answer_rules": RuleColumns(contain="muss")})
    with pytest.raises(TunelineError, match=r"answer_rules\.contain"):
        split_rows(make_rows(), data)
