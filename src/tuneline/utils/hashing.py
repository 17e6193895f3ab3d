"""Hashes and seals, the order of versions, and exact, seeded draws."""

import hashlib
import json
import logging
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import orjson

from tuneline.errors import Problem, TunelineError
from tuneline.utils.files import name_unreadable, replace_whole
from tuneline.utils.progress import BYTES, Progress

log = logging.getLogger(__name__)
SEAL = "sha256"
RECORD = ".versions.json"
# What a folder of a model was made from, with the SHA-256 of each of its other files.
PROVENANCE = "provenance.json"
# A file that takes seconds to read, and how much of it is read at a time; in bytes.
LARGE, BLOCK = 1 << 30, 1 << 24


def hash_text(text: str) -> str:
    """Fingerprint a text: SHA-256, hexadecimal."""
    return hashlib.sha256(text.encode()).hexdigest()


def seeded_order(*seed: object) -> int:
    """Hash a seed of any values to a number below 2^64.

    What is sorted by it, seeded with itself, is in a random order that depends on nothing else;
    modulo a number it is a draw.
    """
    text = "\x00".join(map(str, seed))
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big")


def hash_value(value: Any) -> str:
    """Fingerprint a value of plain types; the order of keys does not matter."""
    return hashlib.sha256(orjson.dumps(value, option=orjson.OPT_SORT_KEYS)).hexdigest()


def hash_json_lines(path: Path) -> str:
    """Fingerprint a file of JSON lines as `hash_value` does the list of its values."""
    digest = hashlib.sha256(b"[")
    with path.open("rb") as file:
        for number, line in enumerate(file):
            row = orjson.dumps(orjson.loads(line), option=orjson.OPT_SORT_KEYS)
            digest.update(b"," + row if number else row)
    digest.update(b"]")
    return digest.hexdigest()


def hash_file(path: Path) -> str:
    """Fingerprint a file by its bytes: SHA-256, hexadecimal."""
    return _digest_file(path).hexdigest()


def hash_files(paths: list[Path]) -> str:
    """Fingerprint files by their names and contents."""
    digest = hashlib.sha256()
    for path in sorted(paths):
        digest.update(path.name.encode())
        digest.update(_digest_file(path).digest())
    return digest.hexdigest()


def _digest_file(path: Path) -> "hashlib._Hash":
    size = path.stat().st_size
    with path.open("rb") as file:
        if size < LARGE:
            return hashlib.file_digest(file, "sha256")
        digest = hashlib.sha256()
        with Progress(f"Computing the SHA-256 of {path.name}", BYTES, size) as progress:
            while block := file.read(BLOCK):
                digest.update(block)
                progress.update(len(block))
    return digest


def seal_value(value: dict[str, Any]) -> dict[str, Any]:
    """Add to an object of plain types its own SHA-256, as the key `sha256`."""
    return {SEAL: _hash_as_read(value), **value}


def open_seal(value: dict[str, Any]) -> dict[str, Any]:
    """Take the SHA-256 off an object, and compare.

    One without it is taken as it is: people may write one.

    Raises:
        ValueError: if it is not what was sealed.
    """
    content = {key: one for key, one in value.items() if key != SEAL}
    if SEAL in value and value[SEAL] != _hash_as_read(content):
        raise ValueError("it is not what its SHA-256 says was written")
    return content


def write_sealed(path: Path, value: dict[str, Any]) -> None:
    """Write an object as JSON with its SHA-256."""
    text = json.dumps(seal_value(value), indent=2, sort_keys=True, ensure_ascii=False)
    with replace_whole(path) as file:
        file.write(f"{text}\n".encode())


def read_sealed(path: Path, remedy: str) -> dict[str, Any]:
    """Read an object that was written with its SHA-256.

    Raises:
        TunelineError: if it is not what was written.
    """
    with name_unreadable(path, remedy):
        return open_seal(dict(json.loads(path.read_bytes())))


def hash_all(folder: Path) -> dict[str, str]:
    """Compute the SHA-256 of each file of a folder, by its name."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): hash_file(path) for path in files}


def seal_folder(folder: Path, provenance: dict[str, Any]) -> None:
    """Write what the files of a folder were made from, with their SHA-256 as the key `files`."""
    write_sealed(folder / PROVENANCE, {**provenance, "files": hash_all(folder)})


def read_sealed_folder(folder: Path, remedy: str) -> dict[str, Any]:
    """Read what a folder's files were made from, and check each of them.

    Raises:
        TunelineError: naming each file that is not what was written.
    """
    provenance = read_sealed(folder / PROVENANCE, remedy)
    check_files(folder, provenance.pop("files", {}), remedy)
    return provenance


def find_broken(folder: Path, hashes: dict[str, str]) -> list[Path]:
    """Find the files of a folder that are not there any more, or not what was written."""
    paths = {folder / name: written for name, written in hashes.items()}
    return [path for path, one in paths.items() if not path.is_file() or hash_file(path) != one]


def check_files(folder: Path, hashes: dict[str, str], remedy: str) -> None:
    """Refuse a folder that is not what was written.

    Files that `hashes` does not name are not looked at.

    Raises:
        TunelineError: naming each such file.
    """
    problems = [
        Problem(
            where=str(path),
            wrong="it is not what its SHA-256 says was written" if path.is_file() else "it is gone",
            matters="nothing that it is used for could be trusted",
            remedy=remedy,
        )
        for path in find_broken(folder, hashes)
    ]
    if problems:
        raise TunelineError(*problems)


def _hash_as_read(value: dict[str, Any]) -> str:
    """Hash an object as JSON gives it back: tuples as lists, numbers as keys as texts."""
    return hash_text(json.dumps(json.loads(json.dumps(value)), sort_keys=True))


def order_versions(folder: Path, names: Iterable[str]) -> list[str]:
    """Order versions as they were made.

    What is not in the record was put there by other means, and comes first, by name.
    """
    recorded = {name: place for place, name in enumerate(_read(folder))}
    return sorted(names, key=lambda name: (recorded.get(name, -1), name))


def record_version(folder: Path, name: str) -> None:
    """Record a version as the last one, before it is there: a reader passes over what is not."""
    there = [path.name for path in folder.iterdir() if path.is_dir()] if folder.is_dir() else []
    made = order_versions(folder, {*there, *_read(folder)} - {name})
    if made and name < max(made):
        log.warning(
            "%s = %s: an older name than %s, which was made before it, so the clock was set back; "
            "this is the last one made all the same, and the one that is used.",
            folder,
            name,
            max(made),
        )
    with replace_whole(folder / RECORD) as file:
        file.write(orjson.dumps([*made, name], option=orjson.OPT_INDENT_2))


def _read(folder: Path) -> list[str]:
    path = folder / RECORD
    if not path.is_file():
        return []
    try:
        return [str(name) for name in orjson.loads(path.read_bytes())]
    except (orjson.JSONDecodeError, TypeError):
        log.warning("%s cannot be read: versions are taken in the order of their names.", path)
        return []


def apportion(
    total: int, weights: Mapping[str, float], *, at_least_one: bool = False
) -> dict[str, int]:
    """Divide a whole number in proportion to weights.

    The largest remainders win what is left over (Hamilton's method); of equal ones, the last name.
    With `at_least_one` nobody goes without, as long as there is enough for all; if there is not,
    the greatest weights get one each.
    """
    least = int(at_least_one)
    if total < least * len(weights):
        first = sorted(weights, key=lambda name: (-weights[name], name))[:total]
        return {name: int(name in first) for name in weights}
    whole = sum(weights.values())
    exact = {name: total * weight / whole for name, weight in weights.items()}
    given = {name: max(int(exact[name]), least) for name in weights}
    while sum(given.values()) < total:
        given[max(weights, key=lambda name: (exact[name] - given[name], name))] += 1
    while sum(given.values()) > total:
        generous = [name for name in weights if given[name] > least]
        given[max(generous, key=lambda name: (given[name] - exact[name], name))] -= 1
    return given
