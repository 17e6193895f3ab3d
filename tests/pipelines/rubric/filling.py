"""A sheet filled in as a person would."""

from pathlib import Path

import openpyxl

TUNED, BASE = 8, 5


def fill(path: Path, key: dict, shift: int = 0, rows: int = 12) -> None:
    """Fill the first rows in as a person would who prefers the tuned answers."""
    book = openpyxl.load_workbook(path)
    sheet = book.active
    header = [cell.value for cell in sheet[1]]
    for number in range(1, rows + 1):
        for column, name in enumerate(header, start=1):
            if name[:2] in {"A:", "B:"}:
                rating = TUNED if key[str(number)][name[0]] == "tuned" else BASE
                sheet.cell(number + 1, column, rating - shift)
    book.save(path)
