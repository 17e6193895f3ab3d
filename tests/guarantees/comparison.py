"""What makes a file whole, and what makes two files the same."""

import csv
import io
import json
import re
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.guarantees.names import CACHE, FOLDERS, generalize, list_final

# What no two runs measure alike: times, speeds, memory and room on the disk, by key or column.
MEASURED = re.compile(
    r"(?:.*_)?(?:seconds|tokens_per_second|train_runtime|peak|peak_memory_gb|free_gb)(?:_.*)?"
    r"|train_\w+_per_second|eval_\w+_per_second|eval_runtime"
    r"|best_model_checkpoint"  # the whole path of the folder it was made in
    r"|bytes"  # of a release, in which some of these numbers are
    r"|time|evidence|basis"  # of a plan: from earlier runs, where there were some
)
# Rows of the record that compares a plan with what was measured.
MEASURED_ROWS = re.compile(r"(?:wall time|peak memory|cost).*")
# Not compared: what names the folder it was made in (pickled), what lists all versions, what holds
# those of earlier evaluations or all pieces of work as they came, and the times and places of
# files: a record that wrongly says that a stage is up to date shows in what the stage should make.
NOT_COMPARED = re.compile(
    r"\.stages/.*|.*/training_args\.bin|.*/\.versions\.json|.*/(?:.*_)?(?:cache|responses)\.jsonl"
    r"|.*/comparison\.csv|.*/comparison_plot\.json"
    r"|.*/plan\.html"  # the page of plan.json, which says what its minutes rest on
)
NUMBER = re.compile(r"[-+−±]?\d[\d,.]*(?:e-?\d+)?")
DRAWN = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
SCRIPT = re.compile(r"<script[^>]*>[^<](?:(?!</script>).){100000,}?</script>", re.DOTALL)
DIGEST = re.compile(r"\b[0-9a-f]{64}\b")
VERSION = re.compile(r"\d{4}-\d\d-\d\dT[\d.]+Z")


def find_fault(path: Path) -> str | None:
    """Tell what is wrong with a file that should be whole."""
    try:
        _parse(path)
    except Exception as error:
        return f"{path}: not whole ({path.stat().st_size} bytes): {type(error).__name__}: {error}"
    return None


def find_faults(data: Path) -> Iterator[str]:
    """Name every file under its final name that is not whole."""
    for path in list_final(data).values():
        if fault := find_fault(path):
            yield fault


def _parse(path: Path) -> Any:
    content = path.read_bytes()
    match path.suffix:
        case ".json":
            return json.loads(content)
        case ".jsonl":
            return None if CACHE.fullmatch(path.name) else _parse_lines(content)
        case ".csv":
            return _parse_table(content)
        case ".html":
            assert content.rstrip().endswith(b"</html>"), "no end"
        case ".safetensors":
            _check_tensors(content)
        case ".xlsx":
            return _parse_sheet(content)
        case ".pt" | ".pth" | ".bin":
            assert content.startswith(b"PK") and b"PK\x05\x06" in content[-64:], "no end"  # noqa: PT018
        case _:
            assert content, "empty"
    return content


def _parse_lines(content: bytes) -> list[Any]:
    assert not content or content.endswith(b"\n"), "the last line has no end"
    return [json.loads(line) for line in content.splitlines()]


def _parse_table(content: bytes) -> list[list[str]]:
    assert content.endswith(b"\n"), "the last line has no end"
    rows = list(csv.reader(io.StringIO(content.decode(), newline="")))
    assert len({len(row) for row in rows}) == 1, "rows of different lengths"
    return rows


def _check_tensors(content: bytes) -> None:
    (length,) = struct.unpack("<Q", content[:8])
    header = json.loads(content[8 : 8 + length])
    ends = [one["data_offsets"][1] for name, one in header.items() if name != "__metadata__"]
    assert len(content) == 8 + length + max(ends), "tensors are cut"


def _parse_sheet(content: bytes) -> Any:
    import openpyxl

    book = openpyxl.load_workbook(io.BytesIO(content))
    return [[[cell.value for cell in row] for row in sheet] for sheet in book]


_known: dict[tuple[int, ...], Any] = {}


def read_comparable(path: Path, data: Path) -> Any:
    """Read a file without what no two runs measure alike."""
    found = path.stat()
    key = (found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns)
    if key not in _known:
        _known[key] = _read_comparable(path, data)
    return _known[key]


def _read_comparable(path: Path, data: Path) -> Any:
    parsed = _parse(path)
    if path.name == "sealed.json":  # sizes of files with times in them
        return sorted(parsed)
    if path.suffix in {".html", ".md"}:
        # Pages are made of the scores and records, which are compared number by number.
        text = SCRIPT.sub("LIBRARY", parsed.decode())
        text = VERSION.sub("VERSION", DRAWN.sub("ID", text))
        return NUMBER.sub("#", text).replace(str(data), "DATA")
    if path.suffix == ".csv":
        header, *rows = parsed
        kept = [number for number, name in enumerate(header) if not MEASURED.fullmatch(name)]
        return [[row[number] for number in kept] for row in (header, *rows)]
    if path.suffix in {".json", ".jsonl"}:
        return _drop_measured(parsed, str(data))
    return parsed


def _drop_measured(value: Any, data: str) -> Any:
    if isinstance(value, dict):
        if any(isinstance(one, str) and MEASURED_ROWS.fullmatch(one) for one in value.values()):
            return "measured"
        return {
            key: _drop_measured(one, data)
            for key, one in value.items()
            if not MEASURED.fullmatch(key)
        }
    if isinstance(value, list):
        return [_drop_measured(one, data) for one in value]
    if isinstance(value, str):
        return VERSION.sub("VERSION", DIGEST.sub("SHA-256", value)).replace(data, "DATA")
    return value


def read_all(data: Path) -> dict[str, list[Any]]:
    """Read everything that is compared: by its name in every run, with all its versions."""
    found: dict[str, list[Any]] = {}
    for name, path in list_final(data).items():
        if not NOT_COMPARED.fullmatch(name):
            general = generalize(name) if "/checkpoint-" not in name else VERSION.sub("V", name)
            found.setdefault(general, []).append(read_comparable(path, data))
    return found


def find_differences(
    data: Path, reference: dict[str, list[Any]], newest: bool = False
) -> Iterator[str]:
    """Name every file that another way to the same end has left otherwise.

    Args:
        data: the folder of all data.
        reference: what `read_all` has found at the other end.
        newest: only the newest version of everything, and no page that shows earlier ones.
    """
    found = read_all(data)
    for name in sorted(found.keys() | reference.keys()):
        ours, theirs = found.get(name, []), reference.get(name, [])
        if newest:
            theirs = theirs[-1:]
            # Runs of another recipe have folders of their own, in no order.
            runs = "/checkpoints/RUN/" in name and all(one in ours for one in theirs)
            ours = theirs if runs else ours[-1:]
            if name.endswith("/report.html"):
                continue
        if len(ours) != len(theirs):
            yield f"{name}: {len(ours)} of it, {len(theirs)} without interruption"
        elif ours != theirs:
            yield f"{name}: differs: {_show(ours, theirs)}"


def _show(ours: Any, theirs: Any, where: str = "") -> str:
    if isinstance(ours, dict) and isinstance(theirs, dict):
        for key in ours.keys() | theirs.keys():
            if ours.get(key) != theirs.get(key):
                return _show(ours.get(key), theirs.get(key), f"{where}.{key}")
    if isinstance(ours, list) and isinstance(theirs, list) and len(ours) == len(theirs):
        for number, (one, other) in enumerate(zip(ours, theirs, strict=True)):
            if one != other:
                return _show(one, other, f"{where}[{number}]")
    if isinstance(ours, str) and isinstance(theirs, str):
        at = next((n for n, (a, b) in enumerate(zip(ours, theirs, strict=False)) if a != b), 0)
        ours, theirs = ours[max(0, at - 60) : at + 60], theirs[max(0, at - 60) : at + 60]
    return f"{where}: {str(ours)[:200]!r}, without interruption {str(theirs)[:200]!r}"


def find_unknown(data: Path, known: list[dict[str, list[Any]]]) -> Iterator[str]:
    """Name every file that is neither as before nor as after an uninterrupted run."""
    for name, path in list_final(data).items():
        general = generalize(name)
        if NOT_COMPARED.fullmatch(name) or FOLDERS.match(name) or find_fault(path):
            continue
        if name.endswith("/report.html"):  # shows all evaluations so far
            continue
        content = read_comparable(path, data)
        if not any(content in one.get(general, []) for one in known):
            yield f"{path}: neither as before the command nor as after it"
