import re
from pathlib import Path

import polars as pl
import pytest

from scripts.samples.product_descriptions import generate_lines
from tests.conftest import write_raw
from tuneline.datasets import RawJSONDataset
from tuneline.parameters import Data, UseCase
from tuneline.pipelines.prepare.nodes import build_examples, clean_rows, split_rows

ROWS = 2500


@pytest.fixture
def raw(tmp_path: Path) -> RawJSONDataset:
    path = tmp_path / "trn.json.gz"
    write_raw(path, list(generate_lines(ROWS)))
    return RawJSONDataset(filepath=str(path))


def clean(raw: RawJSONDataset, data: Data) -> tuple[pl.DataFrame, pl.DataFrame]:
    kept, rejected, _ = clean_rows(raw.load(), data)
    return pl.concat(kept), pl.concat(rejected)


def test_examples_lead_back_to_their_line_and_no_title_is_in_two_splits(
    raw: RawJSONDataset, parameters: UseCase
):
    kept, _ = clean(raw, parameters.data)
    by_line = {row["line"]: row for row in kept.to_dicts()}
    rows = split_rows(kept.with_columns(pl.col("line").cast(pl.String)).lazy(), parameters.data)
    splits = build_examples(rows, parameters.data, parameters.prompt)
    titles = []
    for examples in splits:
        for example in examples:
            row = by_line[example["meta"]["line"]]
            assert example["id"] == row["uid"]
            assert example["completion"] == [{"role": "assistant", "content": row["content"]}]
            assert row["title"] in example["prompt"][-1]["content"]
            words = " ".join(re.findall(r"\w+", row["title"].lower()))
            assert example["meta"]["groups"] == {"title": words}
        titles.append({by_line[one["meta"]["line"]]["title"].lower() for one in examples})
    assert not titles[0] & titles[1] | titles[0] & titles[2] | titles[1] & titles[2]


def test_the_same_rows_give_the_same_examples(raw: RawJSONDataset, parameters: UseCase):
    def build() -> object:
        kept, _ = clean(raw, parameters.data)
        clean_rows = kept.with_columns(pl.col("line").cast(pl.String)).lazy()
        rows = split_rows(clean_rows, parameters.data)
        return build_examples(rows, parameters.data, parameters.prompt)

    assert build() == build()
