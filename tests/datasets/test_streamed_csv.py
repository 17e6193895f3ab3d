import csv
import subprocess
import sys
from pathlib import Path

import pandas as pd
import polars as pl
import pytest

from tuneline.datasets import StreamedCSVDataset
from tuneline.errors import Problem, TunelineError
from tuneline.streaming import Stream

pytestmark = pytest.mark.slow

TEXTS = ["NA", "None", "null", "", "a, b", 'say "hi"', "two\nlines", "three\r\nlines", "čaj 茶 ☕"]


@pytest.fixture
def dataset(tmp_path: Path) -> StreamedCSVDataset:
    return StreamedCSVDataset(filepath=str(tmp_path / "clean.csv"))


def test_every_text_survives_the_round_trip(dataset: StreamedCSVDataset):
    tables = [pl.DataFrame({"text": TEXTS[:4]}), pl.DataFrame({"text": TEXTS[4:]})]
    dataset.save(Stream(tables))
    assert dataset.load().collect()["text"].to_list() == TEXTS


def test_python_and_pandas_read_the_same_file(dataset: StreamedCSVDataset, tmp_path: Path):
    dataset.save(Stream([pl.DataFrame({"line": range(len(TEXTS)), "text": TEXTS})]))
    path = tmp_path / "clean.csv"
    with path.open(newline="", encoding="utf-8") as file:
        assert [row["text"] for row in csv.DictReader(file)] == TEXTS
    read = pd.read_csv(path, keep_default_na=False, lineterminator="\n")
    assert read["text"].tolist() == TEXTS


def test_a_failure_in_mid_stream_leaves_the_old_file(dataset: StreamedCSVDataset, tmp_path: Path):
    dataset.save(Stream([pl.DataFrame({"text": ["old"]})]))

    def broken():
        yield pl.DataFrame({"text": ["new"]})
        raise TunelineError(Problem("x", "w", "m", "r"))

    with pytest.raises(TunelineError):
        dataset.save(Stream(broken()))
    assert dataset.load().collect()["text"].to_list() == ["old"]
    assert [path.name for path in tmp_path.iterdir()] == ["clean.csv"]


FILL_THE_DISK = """
import resource, sys
import polars as pl
from tuneline.datasets import StreamedCSVDataset
from tuneline.streaming import Stream
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
table = pl.DataFrame({"text": ["x" * 1000] * 1000})
try:
    StreamedCSVDataset(filepath=sys.argv[1]).save(Stream([table] * 3))
except Exception as error:
    sys.exit(str(error))
"""


def test_a_full_disk_leaves_the_old_file(dataset: StreamedCSVDataset, tmp_path: Path):
    """A limit on the size of files stops the writing as a full disk does."""
    dataset.save(Stream([pl.DataFrame({"text": ["old"]})]))
    command = [sys.executable, "-c", FILL_THE_DISK, str(tmp_path / "clean.csv")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert "clean.csv: the disk takes no more" in done.stderr
    assert dataset.load().collect()["text"].to_list() == ["old"]
    assert [path.name for path in tmp_path.iterdir()] == ["clean.csv"]


def test_the_preview_shortens_long_texts(dataset: StreamedCSVDataset):
    dataset.save(Stream([pl.DataFrame({"text": ["x" * 1000, "short"]})]))
    preview = dataset.preview(rows=1)
    assert preview["columns"] == ["text"]
    assert len(preview["data"]) == 1
    assert len(preview["data"][0][0]) < 200
