"""A sheet as it is shown: texts, what is hidden, what is merged, and what could not be read."""

from dataclasses import dataclass, field
from typing import Protocol

from tuneline.utils.limits import MemoryBudget

# Why a text may not be what its author sees.
NO_COUNTRY = "country"
NO_FORMAT = "format"
AS_STORED = "stored"

# No spreadsheet has more.
LAST_ROW, LAST_COLUMN = 1_048_576, 16_384

# What a cell takes with its text in the rows, and a place in a row, filled or not.
CELL_BYTES, PLACE_BYTES = 200, 64

Place = tuple[int, int]


@dataclass
class Sheet:
    """One sheet; rows and columns count from 0.

    Attributes:
        rows: the texts of its rows, each as long as the longest.
        problems: why a cell cannot be read, by row and column; its text is then what it stores.
        doubts: why a text may be another for its author (`NO_COUNTRY`, `AS_STORED`, or `NO_FORMAT`
            with a colon and the format), by row and column.
        hidden_rows: rows that are not shown, and whether a filter hides them.
        hidden_columns: columns that are not shown.
        merged: first row and column, last row and column of cells that are one.
        as_stored: whether it was read without its formats, and without what is hidden.
    """

    rows: list[list[str]] = field(default_factory=list)
    problems: dict[Place, str] = field(default_factory=dict)
    doubts: dict[Place, str] = field(default_factory=dict)
    hidden_rows: dict[int, bool] = field(default_factory=dict)
    hidden_columns: set[int] = field(default_factory=set)
    merged: list[tuple[int, int, int, int]] = field(default_factory=list)
    as_stored: bool = False


class Workbook(Protocol):
    """A workbook of any format: the names of its sheets in order, and whether each is shown."""

    sheets: dict[str, bool]

    def read(self, name: str) -> Sheet:
        """Read one sheet."""
        ...


class SheetBuilder:
    """Collects cells in any number of rows, most of which may be empty."""

    def __init__(self, budget: MemoryBudget) -> None:
        self.sheet, self._budget = Sheet(), budget
        self._cells: dict[int, dict[int, str]] = {}

    def add(self, row: int, column: int, text: str, problem: str = "", doubt: str = "") -> None:
        """Add a cell; one without text is none.

        Raises:
            IndexError: if no sheet has such a row or column.
        """
        if not (0 <= row < LAST_ROW and 0 <= column < LAST_COLUMN):
            raise IndexError(f"a cell in row {row + 1:,}, column {column + 1:,}")
        text = text.strip()
        if not text:
            return
        self._budget.charge(CELL_BYTES + 4 * len(text), "its cells")
        self._cells.setdefault(row, {})[column] = text
        if problem:
            self.sheet.problems[row, column] = problem
        if doubt:
            self.sheet.doubts[row, column] = doubt

    def finish(self) -> Sheet:
        """Make rows of equal length of the cells."""
        width = 1 + max((max(row) for row in self._cells.values()), default=-1)
        self._budget.charge(PLACE_BYTES * width * len(self._cells), f"{width:,} columns of cells")
        empty = [""] * width
        for number in range(1 + max(self._cells, default=-1)):
            cells = self._cells.get(number)
            texts = [cells.get(column, "") for column in range(width)] if cells else empty
            self.sheet.rows.append(texts)
        return self.sheet


def spread_merged(sheet: Sheet) -> int:
    """Give the text of merged cells to each of their rows, in their first column; count the cells.

    A row that has nothing of its own is a part of the row above it, and stays empty.

    Raises:
        ValueError: if the merged cells have more rows than the sheet has cells.
    """
    own = [any(row) for row in sheet.rows]
    filled, left = 0, sum(map(len, sheet.rows)) + len(sheet.merged)
    for first, column, last, _ in sheet.merged:
        left -= max(0, min(last + 1, len(own)) - first)
        if left < 0:
            raise ValueError("merged cells lie over each other")
        for row in range(first + 1, min(last + 1, len(own))):
            if not own[row] or column >= len(sheet.rows[row]):
                continue
            filled += 1
            sheet.rows[row][column] = sheet.rows[first][column]
            for notes in (sheet.problems, sheet.doubts):
                if (first, column) in notes:
                    notes[row, column] = notes[first, column]
    return filled
