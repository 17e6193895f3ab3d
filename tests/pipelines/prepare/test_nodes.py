from pathlib import Path

import polars as pl
import pytest

from samples.product_descriptions import generate_lines
from tests.conftest import write_raw
from tuneline.datasets import RawJSONLinesDataset, raw_json_lines
from tuneline.parameters import Data, UseCase
from tuneline.pipelines.prepare.nodes import build_examples, clean_rows

ROWS = 2500


@pytest.fixture
def raw(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RawJSONLinesDataset:
    monkeypatch.setattr(raw_json_lines, "ROWS_PER_BATCH", 700)  # several batches
    path = tmp_path / "trn.json.gz"
    write_raw(path, list(generate_lines(ROWS)))
    return RawJSONLinesDataset(filepath=str(path))


def clean(raw: RawJSONLinesDataset, data: Data) -> tuple[pl.DataFrame, pl.DataFrame]:
    kept, rejected = clean_rows(raw.load(), data)
    return pl.concat(kept), pl.concat(rejected)


def test_every_row_is_clean_or_rejected(raw: RawJSONLinesDataset, data: Data):
    kept, rejected = clean(raw, data)
    assert sorted([*kept["line"], *rejected["line"]]) == list(range(1, ROWS + 1))
    assert rejected["reason"].null_count() == 0


def test_a_rejected_row_keeps_its_original_text(raw: RawJSONLinesDataset, data: Data):
    _, rejected = clean(raw, data)
    originals = dict(enumerate(generate_lines(ROWS), start=1))
    assert all(row["original"] == originals[row["line"]] for row in rejected.to_dicts())


def test_cleaning_the_clean_rows_again_changes_nothing(raw: RawJSONLinesDataset, data: Data):
    from tuneline.pipelines.prepare.rules import clean_texts

    kept, _ = clean(raw, data)
    again = clean_texts(kept.with_columns(problem=None), data)
    assert again.select(data.columns).equals(kept.select(data.columns))


def test_examples_lead_back_to_their_line_and_no_title_stands_on_two_sides(
    raw: RawJSONLinesDataset, parameters: UseCase
):
    kept, _ = clean(raw, parameters.data)
    by_line = {row["line"]: row for row in kept.to_dicts()}
    sides = build_examples(
        kept.with_columns(pl.col("line").cast(pl.String)).lazy(), parameters.data, parameters.prompt
    )
    titles = []
    for examples in sides:
        for example in examples:
            row = by_line[example["meta"]["line"]]
            assert example["id"] == row["uid"]
            assert example["completion"] == [{"role": "assistant", "content": row["content"]}]
            assert row["title"] in example["prompt"][-1]["content"]
        titles.append({by_line[one["meta"]["line"]]["title"].lower() for one in examples})
    assert not titles[0] & titles[1] | titles[0] & titles[2] | titles[1] & titles[2]


def test_the_same_rows_give_the_same_examples(raw: RawJSONLinesDataset, parameters: UseCase):
    def build() -> object:
        kept, _ = clean(raw, parameters.data)
        rows = kept.with_columns(pl.col("line").cast(pl.String)).lazy()
        return build_examples(rows, parameters.data, parameters.prompt)

    assert build() == build()
