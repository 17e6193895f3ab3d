import random
import tracemalloc
from pathlib import Path

import polars as pl
import pytest

from tuneline.datasets import RawParquetDataset
from tuneline.errors import TunelineError
from tuneline.streaming import Fields

FIELDS = Fields("uid", ("title",))


def read(path: Path, fields: Fields = FIELDS, **options: object) -> pl.DataFrame:
    source = RawParquetDataset(filepath=str(path), **options).load()
    return pl.concat(source.map(fields, lambda batch: batch))


def test_rows_are_read_in_batches_with_line_and_original(tmp_path: Path):
    path = tmp_path / "rows.parquet"
    titles = [f"Tea pot {number}" for number in range(5000)]
    frame = pl.DataFrame({"uid": range(5000), "title": titles, "price": 1.5})
    frame.write_parquet(path, row_group_size=1000)
    table = read(path)
    assert table["line"].to_list() == list(range(1, 5001))
    assert table["uid"].to_list()[-1] == "4999"
    assert table["title"].to_list() == titles
    assert table["original"][0] == b'{"uid":0,"title":"Tea pot 0","price":1.5}'


def test_a_row_group_is_not_held_in_memory(tmp_path: Path):
    path, draw = tmp_path / "rows.parquet", random.Random(1)
    titles = [draw.randbytes(500).hex() for _ in range(20_000)]
    frame = pl.DataFrame({"uid": range(20_000), "title": titles})
    frame.write_parquet(path, row_group_size=20_000, use_pyarrow=True, compression="none")
    source = RawParquetDataset(filepath=str(path)).load()
    tracemalloc.start()
    for batch in source.map(FIELDS, lambda batch: batch):
        del batch
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert path.stat().st_size > 20_000_000
    assert peak < 20_000_000


def test_rows_without_text_are_rejected_with_a_reason(tmp_path: Path):
    path = tmp_path / "rows.parquet"
    pl.DataFrame({"uid": ["a", "b", "c"], "title": ["x", None, "y" * 2000]}).write_parquet(path)
    table = read(path, limits={"row_mb": 0.001})
    assert table["problem"].to_list()[:2] == [None, "title is not text but NoneType"]
    assert table["problem"][2].startswith("longer than a row may be")


def test_files_of_a_folder_count_on(tmp_path: Path):
    for name in ("b", "a"):
        pl.DataFrame({"uid": [f"{name}1", f"{name}2"], "title": ["x", "y"]}).write_parquet(
            tmp_path / f"{name}.parquet"
        )
    table = read(tmp_path)
    assert table["uid"].to_list() == ["a1", "a2", "b1", "b2"]
    assert table["line"].to_list() == [1, 2, 3, 4]


def test_what_is_no_parquet_or_lacks_a_field_is_refused(tmp_path: Path):
    (tmp_path / "a.parquet").write_bytes(b"PAR1 and no more")
    with pytest.raises(TunelineError, match="no Parquet file that can be read"):
        read(tmp_path / "a.parquet")
    pl.DataFrame({"uid": ["a"], "titel": ["x"]}).write_parquet(tmp_path / "b.parquet")
    with pytest.raises(TunelineError, match=r"no row has the field `title`; .*`titel`"):
        read(tmp_path / "b.parquet")
    pl.DataFrame({"uid": [], "title": []}).write_parquet(tmp_path / "c.parquet")
    with pytest.raises(TunelineError, match="the file is empty"):
        read(tmp_path / "c.parquet")
