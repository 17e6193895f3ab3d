"""Every heading with the text below it is a row of its own."""

import polars as pl
import pytest

from tuneline.parameters import Data, Documents, Prompt
from tuneline.pipelines.prepare.document_pairs import pair_documents
from tuneline.pipelines.prepare.nodes import build_examples, split_rows
from tuneline.utils.sections import find_sections

DOCUMENTS = Documents(column="text")
DATA = Data.model_validate(
    {
        "id": "id",
        "columns": ["text"],
        "documents": DOCUMENTS,
        "split": {"test": 2, "validation": 2},
    }
)


def test_sections_are_divided_one_by_one_and_grouped_by_their_document():
    texts = ["\n".join(f"# Part {n}\nText {n} of {name}." for n in range(4)) for name in "abc"]
    clean = pl.DataFrame({"line": ["1", "2", "3"], "id": [*"abc"], "text": texts})
    pairs, report = pair_documents(clean, DATA, DOCUMENTS)
    assert pairs["id"].to_list() == [f"{name}-{n}" for name in "abc" for n in range(1, 5)]
    assert pairs["line"].to_list() == [str(n) for n in range(1, 13)]
    assert report["sections"].to_list() == [4, 4, 4]
    rows = split_rows(pairs.lazy(), DATA)
    assert rows.height == 12
    prompt = Prompt(prompt="{document}: {heading}", completion="{section}")
    train, _, test = build_examples(rows, DATA, prompt)
    assert (len(train), len(test)) == (8, 2)
    assert {example["meta"]["groups"]["document"] for example in train + test} <= {*"abc"}


@pytest.mark.parametrize(
    ("text", "headings"),
    [
        ("Title\n# One\ntext\n## Two\nmore\n", ["One", "Two"]),
        ("# Tea\n## Water\nhot\n# Coffee\n## Water\nhotter", ["Tea: Water", "Coffee: Water"]),
        ("How hot?\nWarm\nHow long?\nTwo minutes.", ["How hot?", "How long?"]),
        ("Water\nTake water of 75 degrees.\n- no more\nLeaves\nTwo of them.", ["Water", "Leaves"]),
        ("A sentence.\nAnother one, which is longer.", []),
        ("", []),
    ],
)
def test_headings_are_marked_or_short_lines(text: str, headings: list[str]):
    assert [section.heading for section in find_sections(text)[0]] == headings


def test_what_is_before_the_first_heading_is_counted():
    assert find_sections("Title\n# One\ntext")[1] == len("Title")
    assert find_sections("only text.")[1] == len("only text.")
