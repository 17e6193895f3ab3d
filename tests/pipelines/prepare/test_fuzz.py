"""Files of any bytes: never a traceback, never a lost row.

CI reads some hundred files; ten thousand are read by
`TUNELINE_FUZZ_FILES=10000 pytest tests/pipelines/prepare/test_fuzz.py`.
"""

import gzip
import io
import json
import os
from collections.abc import Callable
from pathlib import Path
from random import Random

import orjson
import polars as pl
import pytest
import zstandard
from docx import Document
from openpyxl import Workbook

from tests.pipelines.prepare.cleaning import clean
from tuneline.datasets import RawCSVDataset, RawDocumentsDataset, RawJSONDataset, RawSheetDataset
from tuneline.datasets.raw_base import RawDataset
from tuneline.errors import TunelineError
from tuneline.parameters import Data, Rules, Split

pytestmark = pytest.mark.slow

FILES = int(os.environ.get("TUNELINE_FUZZ_FILES", "600"))
DATA = Data(
    id="id",
    columns=["text"],
    rules=Rules(boilerplate=[r"This refers to [^.]{1,40}\."], min_words={"text": 2}, unique="text"),
    split=Split(test=1, validation=1, group="text"),
)
TEXTS = [
    "A good pot.",
    "a &amp;lt;br&gt; b",
    "<p>x</p>",
    "NA",
    "",
    "čaj 茶",
    "cafÃ©",
    "This refers to it.",
    "\x00\x1f",
    "&#1114112;&#0;&#xd800;",
    '"quoted", and\nbroken',
]
SCRAPS = [
    b"\x00",
    b"\xff\xfe",
    b"\xef\xbb\xbf",
    b"\n",
    b"\r\n",
    b'"',
    b"{",
    b"[",
    b"]",
    b"}",
    b",",
    b"null",
    b"\\ud800",
    b"1e999",
    b'{"messages": [{"role": "user", "content": 1}]}',
    b"[" * 2000,
    b"\xe8\xe9\x9a",
]


def make_rows(rng: Random) -> list[dict]:
    return [
        {"id": str(number), "text": rng.choice(TEXTS)}
        for number in range(1 + int(rng.random() * 6))
    ]


def make_lines(rng: Random) -> bytes:
    return b"".join(json.dumps(row).encode() + b"\n" for row in make_rows(rng))


def make_document(rng: Random) -> bytes:
    rows = make_rows(rng)
    talk = [{"role": role, "content": "x"} for role in ("user", "assistant")] * 2
    document = rng.choice([rows, {"rows": rows}, {"messages": talk}, rows[0]])
    return json.dumps(document, indent=rng.choice([None, 1])).encode()


def make_csv(rng: Random) -> bytes:
    table = pl.DataFrame(make_rows(rng))
    return table.write_csv(separator=rng.choice(",;\t")).encode()


def make_sheet(rng: Random) -> bytes:
    book = Workbook()
    for row in [["Title"], [], ["id", "text"], *([7, one["id"]] for one in make_rows(rng))]:
        book.active.append(row)
    book.save(stream := io.BytesIO())
    return stream.getvalue()


def make_docx(_rng: Random) -> bytes:
    document = Document()
    document.add_paragraph("One paragraph.")
    document.save(stream := io.BytesIO())
    return stream.getvalue()


def spoil(rng: Random, content: bytes) -> bytes:
    """Cut, overwrite, insert; or forget the content and take any bytes."""
    kind = rng.random()
    if kind < 0.15:
        return rng.randbytes(int(rng.random() * 200))
    for _ in range(int(rng.random() * 4)):
        place = int(rng.random() * (len(content) + 1))
        scrap = rng.choice(SCRAPS) if rng.random() < 0.6 else rng.randbytes(3)
        rest = content[place + (len(scrap) if rng.random() < 0.5 else 0) :]
        content = content[:place] + scrap + rest
    return content[: int(rng.random() * len(content))] if kind > 0.85 else content


Case = tuple[str, Callable[[Random], bytes], type[RawDataset]]
CASES: list[Case] = [
    ("rows.jsonl", make_lines, RawJSONDataset),
    ("rows.json.gz", make_lines, RawJSONDataset),
    ("rows.jsonl.zst", make_lines, RawJSONDataset),
    ("rows.json", make_document, RawJSONDataset),
    ("rows.csv", make_csv, RawCSVDataset),
    ("rows.xlsx", make_sheet, RawSheetDataset),
    ("folder/one.docx", make_docx, RawDocumentsDataset),
    ("folder/one.txt", make_lines, RawDocumentsDataset),
]


def pack(rng: Random, name: str, content: bytes) -> bytes:
    packed = content
    if name.endswith(".gz"):
        packed = gzip.compress(content)
    elif name.endswith(".zst"):
        packed = zstandard.compress(content)
    return spoil(rng, packed) if packed is not content and rng.random() < 0.3 else packed


def find_unpacked(name: str, packed: bytes, content: bytes) -> bytes | None:
    """Give the content if the file was not spoilt after it was packed."""
    intact = {".gz": gzip.compress, ".zst": zstandard.compress}.get(Path(name).suffix)
    return content if intact is None or intact(content) == packed else None


def count_lines(content: bytes) -> int:
    try:
        orjson.loads(content)  # one object may be on several lines
    except orjson.JSONDecodeError:
        return content.count(b"\n") + (not content.endswith(b"\n"))
    return 1


@pytest.mark.parametrize("number", range(8))
def test_a_file_of_any_bytes_is_read_without_loss_or_refused_in_words(tmp_path: Path, number: int):
    read = 0
    name, make, dataset = CASES[number]
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True)
    for seed in range(FILES // len(CASES)):
        rng = Random(f"{number} {seed}")
        content = spoil(rng, make(rng))
        packed = pack(rng, name, content)
        path.write_bytes(packed)
        source = path if path.parent == tmp_path else path.parent
        try:
            kept, rejected, told = clean(dataset(filepath=str(source)), DATA)
            lines = [*kept["line"], *rejected["line"]]
        except TunelineError as error:
            assert "; " in str(error), (number, seed)  # noqa: PT017
            continue
        read += 1
        assert len(set(lines)) == len(lines) == told["rows"] == told["clean"] + told["rejected"]
        unpacked = find_unpacked(name, packed, content)
        if make is make_lines and unpacked is not None:
            expected = 1 if dataset is RawDocumentsDataset else count_lines(unpacked)
            assert told["rows"] == expected, (number, seed)
    assert read > FILES // len(CASES) // 10  # most files must not be refused outright
