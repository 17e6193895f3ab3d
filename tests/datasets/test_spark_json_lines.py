"""Spark for real, in local mode: it needs Java and the extra `spark`."""

import gzip
import shutil
from pathlib import Path

import polars as pl
import pytest

from samples.product_descriptions import generate_lines
from tuneline.datasets import RawJSONDataset, SparkJSONLinesDataset
from tuneline.datasets.raw import RawDataset
from tuneline.errors import TunelineError
from tuneline.parameters import Data
from tuneline.pipelines.prepare.clean_nodes import clean_rows

pytest.importorskip("pyspark", reason="the extra `spark` is not installed")
if shutil.which("java") is None:
    pytest.skip("there is no Java on this machine", allow_module_level=True)

# Two rows with one title in two letter cases, far apart; bytes that are no UTF-8; an empty line.
ODD = [
    b'{"uid": "a", "title": "A Twin Among Pots", "content": "The first of two, and it stays."}',
    b'{"uid": "b", "title": "caf\xe9", "content": "x"}',
    b"",
]
LATE = [b'{"uid": "c", "title": "A TWIN among pots", "content": "The second of two, and it goes."}']


def clean(dataset: RawDataset, data: Data) -> tuple[pl.DataFrame, pl.DataFrame, dict]:
    kept, rejected, report = clean_rows(dataset.load(), data)
    return pl.concat(kept), pl.concat(rejected), next(iter(report))


@pytest.mark.parametrize("name", ["rows.jsonl", "rows.jsonl.gz"])
def test_spark_gives_the_same_rows_as_this_machine(
    tmp_path: Path, data: Data, name: str, monkeypatch: pytest.MonkeyPatch
):
    lines = [*ODD, *(line.encode() for line in generate_lines(1500)), *LATE]
    content = b"\n".join(lines) + b"\n"
    path = tmp_path / name
    path.write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
    here = clean(RawJSONDataset(filepath=str(path)), data)
    there = clean(SparkJSONLinesDataset(filepath=str(path), master="local[2]"), data)
    assert here[0].equals(there[0])
    assert here[1].equals(there[1])
    assert here[1].filter(line=len(lines))["reason"].item() == "title is repeated"
    for told in ("rows", "clean", "reasons", "lengths", "dropped"):
        assert here[2][told] == there[2][told]


def test_a_misspelt_column_is_refused_before_the_work(tmp_path: Path, data: Data):
    path = tmp_path / "rows.jsonl"
    path.write_text('{"uid": "1", "titel": "a", "content": "b"}\n', "utf-8")
    with pytest.raises(TunelineError, match="did you mean `titel`"):
        clean(SparkJSONLinesDataset(filepath=str(path), master="local[2]"), data)
