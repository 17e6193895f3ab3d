"""How the tests of workbooks read and change them."""

import zipfile
from pathlib import Path

import polars as pl

from tuneline.datasets import RawSheetDataset
from tuneline.streaming import Fields

FIELDS = Fields("line", ("question", "answer"))


def read(path: Path, **options: object) -> tuple[pl.DataFrame, list[str]]:
    """Read the columns `question` and `answer`, and what is told about them."""
    rows = RawSheetDataset(filepath=str(path), **options).load()
    table = pl.concat(rows.map(FIELDS, lambda batch: batch))
    return table, [note.removeprefix(f"{path}: ") for note in rows.notes]


def answers(path: Path, **options: object) -> dict[str, str]:
    """Read the answers of the rows that could be read."""
    table, _ = read(path, **options)
    rows = table.filter(pl.col("problem").is_null())
    return dict(rows.select("question", "answer").iter_rows())


def problems(table: pl.DataFrame) -> dict[int, str]:
    """Give why rows could not be read, by their line."""
    return dict(table.select("line", "problem").drop_nulls().iter_rows())


def change(path: Path, part: str, *changes: tuple[str, str]) -> None:
    """Replace texts in one part of an archive."""
    with zipfile.ZipFile(path) as old:
        parts = {name: old.read(name) for name in old.namelist()}
    text = parts[part].decode()
    for before, after in changes:
        assert before in text, (before, text)
        text = text.replace(before, after)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as new:
        for name, content in (parts | {part: text.encode()}).items():
            new.writestr(name, content)
