"""Pairs are made of clean rows, or it is said why not."""

import logging
from collections.abc import Callable

import polars as pl
import pytest
from pydantic import ValidationError

from tuneline.errors import TunelineError
from tuneline.parameters import Data
from tuneline.pipelines.prepare.nodes import make_pairs
from tuneline.pipelines.prepare.pipeline import create_pipeline

DOCUMENTS = {
    "column": "text",
    "parts": {"wish": {"headings": ["Wish"]}, "offer": {"headings": ["Offer"]}},
}
TABLE = {
    "subject": "oil",
    "lists": {"body": "effects"},
    "last_separator": " and ",
    "held_out": {"test": 0.1, "validation": 0.1},
    "kinds": [
        {
            "name": "use",
            "about": "item",
            "of": ["body"],
            "questions": ["Is {subject} used for {item}?"],
            "answer": "Yes.",
        }
    ],
}
Make = Callable[..., Data]


@pytest.fixture
def make() -> Make:
    def make_data(**blocks: object) -> Data:
        known = {"id": "id", "columns": ["text"], "split": {"test": 1, "validation": 1}}
        return Data.model_validate(known | blocks)

    return make_data


def make_clean(*texts: str) -> pl.LazyFrame:
    names = [str(number) for number in range(1, len(texts) + 1)]
    return pl.LazyFrame({"line": names, "id": names, "text": texts})


def test_a_document_without_a_heading_is_left_out_named_and_reported(
    make: Make, caplog: pytest.LogCaptureFixture
):
    clean = make_clean("Wish\na shop\nOffer\na plan", "Wishes\na shop\nOffer\na plan")
    with caplog.at_level(logging.WARNING):
        pairs, report = make_pairs(clean, make(documents=DOCUMENTS))
    assert pl.concat(pairs).to_dicts() == [
        {"line": "1", "id": "1", "wish": "a shop", "offer": "a plan"}
    ]
    assert list(report["problem"] == "") == [True, False]
    assert "the nearest line is `Wishes`" in caplog.text


def test_a_run_stops_if_no_document_has_its_parts(make: Make):
    with pytest.raises(TunelineError, match="no heading `Offer`"):
        make_pairs(make_clean("Wish\na shop", "Offer\na plan"), make(documents=DOCUMENTS))


def test_items_that_are_held_out_are_asked_on_their_split_only(make: Make):
    rows = {
        "line": ["4", "5"],
        "id": ["1", "2"],
        "oil": ["Rose", "Mint"],
        "effects": ["A: x, y"] * 2,
    }
    data = make(columns=["oil", "effects"], table=TABLE)
    pairs, report = make_pairs(pl.LazyFrame(rows), data)
    table = pl.concat(pairs)
    assert table.height == report["questions"].sum() == 4
    assert set(table["source"]) == {"4", "5"}


def test_without_a_block_examples_are_made_of_the_clean_rows_themselves():
    names = {node.name for node in create_pipeline().nodes}
    assert names == {node.name for node in create_pipeline(makes_pairs=True).nodes} - {"make_pairs"}


@pytest.mark.parametrize(
    ("blocks", "wrong"),
    [
        (
            {"columns": ["text", "oil", "effects"], "documents": DOCUMENTS, "table": TABLE},
            "one way",
        ),
        ({"documents": DOCUMENTS, "category": "kind"}, "not carried over"),
        ({"documents": DOCUMENTS | {"column": "txt"}}, "`txt` is none of the columns"),
        ({"columns": ["oil", "effects"], "table": TABLE, "leaks": {"policy": "move"}}, "be taught"),
        (
            {
                "columns": ["oil", "effects"],
                "table": TABLE,
                "split": {"test": 1, "validation": 1, "group": "question"},
            },
            "divided by the facts",
        ),
    ],
)
def test_blocks_that_contradict_each_other_are_refused(make: Make, blocks: dict, wrong: str):
    with pytest.raises(ValidationError, match=wrong):
        make(**blocks)
