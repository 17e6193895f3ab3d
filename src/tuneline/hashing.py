"""Fingerprints of what went into an adapter."""

import hashlib
from pathlib import Path
from typing import Any

import orjson


def hash_text(text: str) -> str:
    """Fingerprint a text: SHA-256, hexadecimal."""
    return hashlib.sha256(text.encode()).hexdigest()


def hash_value(value: Any) -> str:
    """Fingerprint a value of plain types; the order of keys does not matter."""
    return hashlib.sha256(orjson.dumps(value, option=orjson.OPT_SORT_KEYS)).hexdigest()


def hash_file(path: Path) -> str:
    """Fingerprint a file by its bytes: SHA-256, hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def hash_files(paths: list[Path]) -> str:
    """Fingerprint files by their names and contents."""
    digest = hashlib.sha256()
    for path in sorted(paths):
        digest.update(path.name.encode())
        with path.open("rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()
