import gzip
import json
from pathlib import Path

import polars as pl
import pytest

from tuneline.datasets import RawJSONLinesDataset
from tuneline.errors import TunelineError

COLUMNS = ["uid", "title", "content"]
GOOD = json.dumps({"uid": "1", "title": "Tea pot", "content": "For tea.", "target_ind": [1]})


def read(path: Path) -> pl.DataFrame:
    return pl.concat(
        RawJSONLinesDataset(filepath=str(path)).load().batches(COLUMNS[0], COLUMNS[1:])
    )


def write(path: Path, *lines: str | bytes) -> Path:
    texts = [line if isinstance(line, bytes) else line.encode() for line in lines]
    path.write_bytes(gzip.compress(b"\n".join(texts) + b"\n"))
    return path


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "trn.json.gz"


def test_a_good_row_has_its_number_and_its_columns(path: Path):
    row = read(write(path, GOOD)).row(0, named=True)
    assert row == {
        "line": 1,
        "original": GOOD,
        "problem": None,
        "uid": "1",
        "title": "Tea pot",
        "content": "For tea.",
    }


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ('{"uid": "2", "title": "cut o', "not JSON"),
        ("", "empty line"),
        ("[1, 2]", "not a JSON object but list"),
        ('{"uid": "2", "title": "no content"}', "no field content"),
        ('{"uid": "2", "title": null, "content": "x"}', "title is not text but NoneType"),
        ('{"uid": "2", "title": 42, "content": "x"}', "title is not text but int"),
        ('{"uid": true, "title": "a", "content": "x"}', "uid is not text but bool"),
        (b'{"uid": "2", "title": "\xff", "content": "x"}', "not JSON"),
    ],
)
def test_an_unreadable_row_keeps_its_text_and_says_why(path: Path, line: str | bytes, problem: str):
    table = read(write(path, GOOD, line, GOOD))
    assert table["line"].to_list() == [1, 2, 3]
    assert table["problem"][1].startswith(problem)
    text = line if isinstance(line, str) else line.decode("utf-8", "backslashreplace")
    assert table["original"][1] == text


def test_words_that_pandas_takes_for_missing_stay_words(path: Path):
    line = json.dumps({"uid": "NA", "title": "None", "content": "null"})
    assert read(write(path, line)).select(COLUMNS).row(0) == ("NA", "None", "null")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (gzip.compress(b""), "the file is empty"),
        (gzip.compress(b"once upon a time\n"), "none of the first 1 lines is a JSON object"),
        (b"plain text", "the content does not"),
        (gzip.compress(b'{"uid": "1"}\n' * 50_000)[:60], "ends too early"),
        (gzip.compress(b'{"uid": "1", "titel": "a", "content": "b"}\n'), "did you mean `titel`"),
    ],
)
def test_a_file_of_another_kind_is_refused_with_what_to_do(path: Path, content: bytes, words: str):
    path.write_bytes(content)
    with pytest.raises(TunelineError, match=words):
        read(path)


def test_a_row_of_another_schema_names_every_missing_field(path: Path):
    write(path, '{"id": 1, "name": "x"}')
    with pytest.raises(TunelineError) as error:
        read(path)
    assert len(error.value.problems) == 3


def test_a_number_identifies_a_row(path: Path):
    assert read(write(path, '{"uid": 7, "title": "a", "content": "b"}'))["uid"].to_list() == ["7"]


def test_raw_data_is_never_written(path: Path):
    with pytest.raises(TunelineError, match="raw data never changes"):
        RawJSONLinesDataset(filepath=str(path)).save([])
