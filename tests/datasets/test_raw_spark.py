"""JSON lines read and cleaned by Spark's workers: the same rows as on one machine."""

import gzip
from pathlib import Path

import pytest

from scripts.samples.product_descriptions import generate_lines
from tests.pipelines.prepare.cleaning import clean
from tests.spark_local import LOCAL, needs_spark
from tuneline.datasets import RawJSONDataset, SparkJSONLinesDataset, raw_spark
from tuneline.datasets.file_parts import read_range
from tuneline.errors import TunelineError
from tuneline.parameters import Data

# Two rows with one title in two letter cases, far apart; bytes that are no UTF-8; an empty line.
ODD = [
    b'{"uid": "a", "title": "A Twin Among Pots", "content": "The first of two, and it stays."}',
    b'{"uid": "b", "title": "caf\xe9", "content": "x"}',
    b"",
]
LATE = [b'{"uid": "c", "title": "A TWIN among pots", "content": "The second of two, and it goes."}']


# Personal data in rows that are kept and in some that are dropped: the first value has number 1.
PERSONAL = [
    b'{"uid": "p", "title": "Call us", "content": "Write to eve@example.org about the blue pots."}',
    b'{"uid": "q", "title": "Call us", "content": "Write to adam@example.org about green pots."}',
    b'{"uid": "r", "title": "Again", "content": "Both adam@example.org and eve@example.org know."}',
]


@needs_spark
@pytest.mark.parametrize("name", ["rows.jsonl", "rows.jsonl.gz"])
def test_spark_gives_the_same_rows_as_this_machine(
    tmp_path: Path, data: Data, name: str, monkeypatch: pytest.MonkeyPatch
):
    lines = [*PERSONAL, *ODD, *(line.encode() for line in generate_lines(900)), *LATE]
    content = b"\n".join([*lines, b"x" * 60_000]) + b"\n"
    path = tmp_path / name
    path.write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
    monkeypatch.setattr(raw_spark, "PART_BYTES", 90_000)  # several parts, if not compressed
    limits = {"row_mb": 0.05}
    rules = data.rules.model_copy(update={"mask_personal_data": True})
    data = data.model_copy(update={"rules": rules})
    here = clean(RawJSONDataset(filepath=str(path), limits=limits), data)
    there = clean(SparkJSONLinesDataset(filepath=str(path), spark=LOCAL, limits=limits), data)
    assert here[0].equals(there[0])
    assert here[1].equals(there[1])
    assert here[1].filter(line=len(lines))["reason"].item() == "title is repeated"
    assert "longer than a row may be" in there[1]["reason"][-1]
    assert "Write to [MAIL_1] about the blue pots." in there[0]["content"].to_list()
    for told in ("rows", "clean", "reasons", "lengths", "dropped", "rules", "kept_markup"):
        if told != "rules" or name.endswith(".gz"):  # examples are the first of each batch
            assert here[2][told] == there[2][told]


def test_every_line_is_in_one_range_of_bytes(tmp_path: Path):
    content = b"a\n\nbcd\n" + b"e" * 20 + b"\n\nf"
    path = tmp_path / "rows.jsonl"
    path.write_bytes(content)
    for size in range(1, len(content) + 1):
        starts = range(0, len(content), size)
        read = [b"".join(read_range(str(path), one, one + size)) for one in starts]
        assert b"".join(read) == content, size


@needs_spark
def test_a_misspelled_column_is_refused_before_the_work(tmp_path: Path, data: Data):
    path = tmp_path / "rows.jsonl"
    path.write_text('{"uid": "1", "titel": "a", "content": "b"}\n', "utf-8")
    with pytest.raises(TunelineError, match="did you mean `titel`"):
        clean(SparkJSONLinesDataset(filepath=str(path), spark=LOCAL), data)


@needs_spark
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


@needs_spark
def test_another_encoding_is_refused_with_what_helps_in_spark(tmp_path: Path, data: Data):
    path = tmp_path / "rows.jsonl"
    row = '{"uid": "1", "title": "Příliš žluťoučký kůň", "content": "úpěl ďábelské ódy"}\n'
    path.write_bytes(row.encode("cp1250") * 20)
    with pytest.raises(TunelineError, match=r"probably cp1250; .*; save the file as UTF-8"):
        clean(SparkJSONLinesDataset(filepath=str(path), spark=LOCAL), data)
