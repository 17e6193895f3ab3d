"""Splits drawn by Spark's workers: the same as on one machine."""

from pathlib import Path
from random import Random

import polars as pl
import pytest

from tests.pipelines.prepare.cleaning import ALL_CLEAN
from tests.spark_local import LOCAL, needs_spark
from tuneline.datasets import LazyCSVDataset, SparkCSVDataset
from tuneline.errors import TunelineError
from tuneline.parameters import Data
from tuneline.pipelines.prepare import spark_splitting
from tuneline.pipelines.prepare.nodes import split_rows

ROWS = 3000


@pytest.fixture
def tables(tmp_path: Path) -> tuple[LazyCSVDataset, SparkCSVDataset]:
    """Write one table twice: as one file, and in parts of which one has no row."""
    draw = Random(7)
    kinds = ["pots"] * 60 + ["lamps"] * 30 + ["abacuses"]
    rows = pl.DataFrame(
        {
            "line": range(1, ROWS + 1),
            "uid": [f"u{number}" for number in range(ROWS)],
            "title": [f"Title {draw.randrange(ROWS // 2)}" for _ in range(ROWS)],
            "content": [f"What is in it, number {number}." for number in range(ROWS)],
            "kind": draw.choices(kinds, k=ROWS),
        }
    )
    whole = LazyCSVDataset(filepath=str(tmp_path / "clean.csv"))
    whole.save(rows)
    made = tmp_path / "made"
    made.mkdir()
    for number, (first, last) in enumerate([(0, 1000), (1000, 1000), (1000, ROWS)]):
        rows[first:last].write_csv(made / f"part-{number:05}.csv")
    parts = SparkCSVDataset(filepath=str(tmp_path / "clean"), spark=LOCAL)
    parts.save(made)
    return whole, parts


@needs_spark
@pytest.mark.parametrize("category", [None, "kind"])
def test_splits_are_the_same_as_on_one_machine(
    tables: tuple[LazyCSVDataset, SparkCSVDataset],
    data: Data,
    category: str | None,
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setattr(spark_splitting, "SOME", 0)
    update = {"sample": 300, "test": None if category else 40, "validation": 0.1}
    pinned = {"test": ["u17", "u2999"]} if category else {}
    split = data.split.model_validate(data.split.model_dump() | update | {"pinned": pinned})
    data = data.model_copy(update={"category": category, "split": split})
    monkeypatch.setattr(spark_splitting, "ROWS_PER_PART", 70)
    here, there = (split_rows(table.load(), data, ALL_CLEAN) for table in tables)
    assert here.equals(there.scan().collect())
    assert len(there.parts) == 5
    assert here.height == 300


@needs_spark
def test_more_examples_than_later_stages_hold_are_refused(
    tables: tuple[LazyCSVDataset, SparkCSVDataset], data: Data, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(spark_splitting, "MOST_ROWS", 1000)
    split = data.split.model_copy(update={"sample": None})
    with pytest.raises(TunelineError, match="hold all examples in memory: 1,000 at most"):
        split_rows(tables[1].load(), data.model_copy(update={"split": split}), ALL_CLEAN)
