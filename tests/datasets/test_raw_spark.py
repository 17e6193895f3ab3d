"""Spark for real, in local mode: it needs Java and the extra `spark`."""

import gzip
import shutil
from pathlib import Path

import pytest

from scripts.samples.product_descriptions import generate_lines
from tests.pipelines.prepare.cleaning import clean
from tuneline.datasets import RawJSONDataset, SparkJSONLinesDataset
from tuneline.errors import TunelineError
from tuneline.parameters import Data

pytest.importorskip("pyspark", reason="the extra `spark` is not installed")
if shutil.which("java") is None:
    pytest.skip("there is no Java on this machine", allow_module_level=True)

LOCAL = {
    "spark.master": "local[2]",
    "spark.driver.memory": "1g",
    "spark.sql.shuffle.partitions": 2,
}
# Two rows with one title in two letter cases, far apart; bytes that are no UTF-8; an empty line.
ODD = [
    b'{"uid": "a", "title": "A Twin Among Pots", "content": "The first of two, and it stays."}',
    b'{"uid": "b", "title": "caf\xe9", "content": "x"}',
    b"",
]
LATE = [b'{"uid": "c", "title": "A TWIN among pots", "content": "The second of two, and it goes."}']


@pytest.mark.parametrize("name", ["rows.jsonl", "rows.jsonl.gz"])
def test_spark_gives_the_same_rows_as_this_machine(
    tmp_path: Path, data: Data, name: str, monkeypatch: pytest.MonkeyPatch
):
    lines = [*ODD, *(line.encode() for line in generate_lines(1500)), *LATE]
    content = b"\n".join(lines) + b"\n"
    path = tmp_path / name
    path.write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
    here = clean(RawJSONDataset(filepath=str(path)), data)
    there = clean(SparkJSONLinesDataset(filepath=str(path), spark=LOCAL), data)
    assert here[0].equals(there[0])
    assert here[1].equals(there[1])
    assert here[1].filter(line=len(lines))["reason"].item() == "title is repeated"
    for told in ("rows", "clean", "reasons", "lengths", "dropped"):
        assert here[2][told] == there[2][told]


def test_a_misspelled_column_is_refused_before_the_work(tmp_path: Path, data: Data):
    path = tmp_path / "rows.jsonl"
    path.write_text('{"uid": "1", "titel": "a", "content": "b"}\n', "utf-8")
    with pytest.raises(TunelineError, match="did you mean `titel`"):
        clean(SparkJSONLinesDataset(filepath=str(path), spark=LOCAL), data)


def test_files_of_a_folder_are_numbered_as_on_this_machine(tmp_path: Path, data: Data):
    lines = [line.encode() for line in generate_lines(400)]
    for number, size in enumerate((150, 1, 0, 249)):  # Spark itself would take the largest first
        part, lines = lines[:size], lines[size:]
        content = b"\xef\xbb\xbf" + b"\n".join([*part, *ODD]) if size else b""
        name = f"part-{number}.jsonl{'.gz' * (number == 1)}"
        (tmp_path / name).write_bytes(gzip.compress(content) if number == 1 else content)
    (tmp_path / "notes.docx").write_bytes(b"x")
    here = clean(RawJSONDataset(filepath=str(tmp_path)), data)
    there = clean(SparkJSONLinesDataset(filepath=str(tmp_path), spark=LOCAL), data)
    assert here[0].equals(there[0])
    assert here[1].equals(there[1])
    assert list(here[2]["files"].values()) == list(there[2]["files"].values()) == [0, 152, 155, 155]
    assert "part-1.jsonl.gz:2" in here[1]["source"].to_list()


def test_another_encoding_is_refused_with_what_helps_in_spark(tmp_path: Path, data: Data):
    path = tmp_path / "rows.jsonl"
    row = '{"uid": "1", "title": "Příliš žluťoučký kůň", "content": "úpěl ďábelské ódy"}\n'
    path.write_bytes(row.encode("cp1250") * 20)
    with pytest.raises(TunelineError, match=r"probably cp1250; .*; save the file as UTF-8"):
        clean(SparkJSONLinesDataset(filepath=str(path), spark=LOCAL), data)
