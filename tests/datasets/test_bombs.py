"""Files that are small on the disk and huge when they are read, in a process of little memory."""

import bz2
import gzip
import io
import json
import lzma
import sys
from itertools import chain, repeat
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile

import pytest
import zstandard

from tests.datasets.confined import read_confined
from tuneline.datasets import RawCSVDataset, RawJSONDataset
from tuneline.errors import TunelineError
from tuneline.streaming import Fields
from tuneline.utils.limits import Limits, MemoryBudget, TooLargeError, read_limits

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        sys.platform != "linux", reason="only Linux takes memory away from a process"
    ),
]
ROW = json.dumps({"uid": "1", "title": "Tea pot"}).encode()
BLOCK = b"a" * 1_000_000
FIELDS = Fields("uid", ("title",))
HUGE = 1200  # blocks, more than the process may hold


def read(path: Path, **limits: float) -> int:
    source = RawJSONDataset(filepath=str(path), limits=limits).load()
    return sum(len(table) for table in source.map(FIELDS, lambda one: one))


def write_zip(path: Path, begin: bytes, end: bytes) -> Path:
    with (
        ZipFile(path, "w", ZIP_DEFLATED, compresslevel=1) as archive,
        archive.open("rows.jsonl", "w", force_zip64=True) as file,
    ):
        for part in chain([begin], repeat(BLOCK, HUGE), [end]):
            file.write(part)
    return path


def write_packed(path: Path, begin: bytes, end: bytes, block: bytes = BLOCK) -> Path:
    """Compress the same block over and over, each a stream of its own."""
    pack = {".gz": gzip, ".bz2": bz2, ".xz": lzma, ".zst": zstandard}[path.suffix].compress
    path.write_bytes(pack(begin) + pack(10 * block) * (HUGE // 10) + pack(end))
    return path


@pytest.mark.parametrize(
    ("name", "write"),
    [
        ("rows.jsonl.gz", write_packed),
        ("rows.jsonl.zip", write_zip),
        ("rows.jsonl.bz2", write_packed),
        ("rows.jsonl.xz", write_packed),
        ("rows.jsonl.zst", write_packed),
    ],
)
def test_an_endless_line_is_one_rejected_row_among_good_ones(tmp_path: Path, name: str, write):
    path = write(tmp_path / name, ROW + b'\n{"uid": "2", "title": "', b'"}\n' + ROW)
    assert path.stat().st_size < 15_000_000
    rows = read_confined("RawJSONDataset", path, "uid", "title")["rows"]
    assert [line for line, _, _ in rows] == [1, 2, 3]
    assert [why for _, _, why in rows] == [None, Limits().too_long, None]
    assert rows[1][1].startswith('{"uid": "2", "title": "aaa')


def test_one_frame_of_zstd_that_unpacks_at_once_is_bounded_too(tmp_path: Path):
    path = tmp_path / "rows.jsonl.zst"
    with path.open("wb") as file, zstandard.ZstdCompressor(level=1).stream_writer(file) as packed:
        packed.write(ROW + b"\n")
        for _ in range(HUGE):
            packed.write(BLOCK)
        packed.write(b"\n" + ROW)
    assert path.stat().st_size < 1_000_000
    rows = read_confined("RawJSONDataset", path, "uid", "title")["rows"]
    assert [why for _, _, why in rows] == [None, Limits().too_long, None]


@pytest.mark.parametrize(
    ("begin", "end", "problems"),
    [
        (b'2,"open ', b'"\n3,b\n', [Limits().too_long, None]),
        (b"2,", b"\n3,b\n", [Limits().too_long, None]),
    ],
)
def test_an_endless_line_of_csv_is_one_rejected_row(
    tmp_path: Path, begin: bytes, end: bytes, problems: list
):
    path = write_packed(tmp_path / "rows.csv.gz", b"uid,title\n1,a\n" + begin, end)
    rows = read_confined("RawCSVDataset", path, "uid", "title")["rows"]
    assert [why for _, _, why in rows] == [None, *problems]
    assert [line for line, _, _ in rows] == [2, 3, 4]


def test_a_cell_of_empty_lines_that_never_ends_is_never_closed(tmp_path: Path):
    path = tmp_path / "rows.csv"
    path.write_bytes(b'uid,title\n1,"open\n' + b"\n" * 30_000 + b"2,b\n")
    table = RawCSVDataset(filepath=str(path), limits={"row_mb": 0.01})
    found = [one for batch in table.load().map(FIELDS, lambda one: one) for one in batch.rows()]
    assert len(found) == 30_002
    assert found[0][2].startswith("a quote is never closed within 0.01 MB")
    assert found[-1][2] is None


def test_a_header_that_never_ends_is_refused(tmp_path: Path):
    path = write_packed(tmp_path / "rows.csv.gz", b"uid,title,", b"\n1,a,b\n")
    error = read_confined("RawCSVDataset", path, "uid", "title")["error"]
    assert "line 1: the header cannot be read (longer than a row may be" in error


def test_lines_without_text_take_little_memory(tmp_path: Path):
    path = tmp_path / "rows.jsonl"
    path.write_bytes(ROW + b"\n" * 500_000 + ROW)
    sizes = [
        len(table)
        for table in RawJSONDataset(filepath=str(path)).load().map(FIELDS, lambda one: one)
    ]
    assert sum(sizes) == 500_001
    assert max(sizes) == 200_000


@pytest.mark.parametrize("begin", [b"[", b'{"rows": ['])
def test_a_document_that_would_fill_the_memory_is_refused(tmp_path: Path, begin: bytes):
    path = tmp_path / "rows.json.gz"
    path.write_bytes(gzip.compress(begin + b"[],[],{},{}," * 5_000_000, compresslevel=1))
    error = read_confined("RawJSONDataset", path, "uid", "title")["error"]
    assert error.startswith(f"{path}: the file is one JSON value")
    assert "more than 2 GB of memory" in error


def test_a_file_of_blanks_is_refused(tmp_path: Path):
    path = write_packed(tmp_path / "rows.json.gz", b"", b"", b" " * 1_000_000)
    assert "is a row that can be read" in read_confined("RawJSONDataset", path, "u", "t")["error"]


@pytest.mark.parametrize("ending", ["gz", "zip", "xz", "zst", "bz2"])
def test_what_unpacks_to_more_than_is_allowed_is_refused(tmp_path: Path, ending: str):
    path = tmp_path / f"rows.jsonl.{ending}"
    lines = (ROW + b"\n") * 100_000
    if ending == "zip":
        with ZipFile(path, "w", ZIP_DEFLATED) as archive:
            archive.writestr("rows.jsonl", lines)
    else:
        pack = {"gz": gzip, "xz": lzma, "zst": zstandard, "bz2": bz2}[ending]
        path.write_bytes(pack.compress(lines))
    with pytest.raises(TunelineError, match=r"unpacks to more than 0\.002 GB"):
        read(path, unpacked_gb=0.002)
    assert read(path, unpacked_gb=0.004) == 100_000


def test_an_archive_with_a_huge_directory_is_refused(tmp_path: Path):
    path = tmp_path / "rows.jsonl.zip"
    content = io.BytesIO()
    with ZipFile(content, "w") as archive:
        archive.writestr("rows.jsonl", ROW)
        for number in range(250_000):
            archive.writestr(f"__MACOSX/{number:050}", b"")
    path.write_bytes(content.getvalue())
    with pytest.raises(TunelineError, match="its directory is longer than"):
        read(path)


def test_rows_of_any_length_are_read_up_to_the_limit(tmp_path: Path):
    path = tmp_path / "rows.jsonl"
    long = json.dumps({"uid": "2", "title": "a" * 2000}).encode()
    path.write_bytes(b"\n".join([ROW, long, ROW]))
    table = RawJSONDataset(filepath=str(path), limits={"row_mb": len(long) / 1e6}).load()
    assert [one for batch in table.map(FIELDS, lambda one: one) for one in batch["problem"]] == [
        None
    ] * 3


@pytest.mark.parametrize(
    ("stated", "words"),
    [
        ({"row_mb": 0}, r"x: limits.row_mb = 0: it is no number above 0"),
        ({"row_mb": True}, "it is no number above 0"),
        ({"row_mb": "16 MB"}, r"limits.row_mb = 16 MB: it is no number above 0"),
        ({"row_mb": float("nan")}, "it is no number above 0"),
        ({"rows_mb": 1}, "no limit has this name; .* did you mean `row_mb`"),
        (16, "x: limits = 16: it is no mapping"),
    ],
)
def test_a_limit_that_is_none_is_refused(stated, words: str):
    with pytest.raises(TunelineError, match=words):
        read_limits(stated, "x")


def test_without_limits_the_defaults_hold():
    assert read_limits(None, "x") == Limits() == read_limits({}, "x")


def test_memory_is_counted_until_it_is_too_much():
    budget = MemoryBudget(Limits(document_gb=1))
    budget.charge(600_000_000)
    budget.release(300_000_000)
    budget.charge(600_000_000)
    with pytest.raises(TooLargeError, match="word would take more than 1 GB of memory"):
        budget.charge(200_000_000, "word")
