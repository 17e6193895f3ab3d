"""A user's questions: one a line of a text file, or one a row of a CSV file."""

from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any, NoReturn

from tuneline.datasets.folders import InputDataset
from tuneline.datasets.raw_csv import RawCSVDataset, read_header
from tuneline.errors import Problem, TunelineError, suggest
from tuneline.prompts import QuestionFile
from tuneline.streaming import LINE, Fields
from tuneline.utils.disks import shorten_path
from tuneline.utils.limits import Limits, MemoryBudget, TooLargeError, read_limits
from tuneline.utils.text import guess_encoding

COLUMN = "question"
# What a question takes in memory besides its text.
QUESTION_BYTES, COPIES, PIECE_BYTES = 500, 10, 1 << 20
TEXTS = (".txt", ".md", "")


class QuestionsDataset(InputDataset[QuestionFile]):
    """Reads questions; the file need not be there, because a question may be typed instead.

    A `.csv` file has a column `question`, and any others. Of a `.txt` or `.md` file, or one without
    a suffix, each line is a question; lines without text only divide.
    """

    refusal = "holds a user's questions: it is never written"

    def __init__(
        self,
        *,
        filepath: str,
        limits: dict[str, float] | None = None,
        metadata: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(filepath=str(filepath), metadata=metadata)
        self._limits = read_limits(limits, str(filepath))

    def load(self) -> QuestionFile:
        """Answer with the file, not read yet."""
        path = shorten_path(self._filepath)
        return QuestionFile(path, partial(_read, path, self._limits))


def _read(path: Path, limits: Limits) -> list[tuple[str, str]]:
    suffix = path.suffix.lower()
    try:
        if suffix == ".csv":
            return _read_table(path, limits)
        if suffix in TEXTS:
            return _read_lines(path, limits)
    except TooLargeError as error:
        raise TunelineError(_too_large(path, error)) from error
    raise TunelineError(
        Problem(
            where=str(path),
            wrong=f"questions are not read from a {suffix} file",
            matters="its lines would be asked as they are",
            remedy=f"save it as CSV with a column `{COLUMN}`, or as a .txt file, one question a "
            "line",
        )
    )


def _read_lines(path: Path, limits: Limits) -> list[tuple[str, str]]:
    budget, pieces = MemoryBudget(limits), list[bytes]()
    with path.open("rb") as file:
        while piece := file.read(PIECE_BYTES):
            budget.charge(COPIES * len(piece) + QUESTION_BYTES * len(piece.splitlines()))
            pieces.append(piece)
    whole = b"".join(pieces)
    try:
        lines = whole.decode("utf-8-sig").splitlines()
    except UnicodeDecodeError:
        raise TunelineError(
            Problem(
                where=str(path),
                wrong=f"the file is not UTF-8 but probably {guess_encoding(whole)}",
                matters="its letters would be guessed",
                remedy="save it as UTF-8",
            )
        ) from None
    numbered = enumerate(lines, start=1)
    found = [(f"{path} line {number}", line.strip()) for number, line in numbered if line.strip()]
    return found or _refuse_empty(path)


def _read_table(path: Path, limits: Limits) -> list[tuple[str, str]]:
    header = read_header(str(path), limits)
    if COLUMN not in header:
        raise TunelineError(
            Problem(
                where=str(path),
                wrong=f"no column is named `{COLUMN}`",
                matters="that is where the questions are looked for",
                remedy=suggest(COLUMN, header) + f" and rename it to `{COLUMN}`",
            )
        )
    table = RawCSVDataset(filepath=str(path), limits=asdict(limits)).load()
    budget, rows = MemoryBudget(limits), list[dict[str, Any]]()
    for batch in table.map(Fields(LINE, (COLUMN,)), lambda it: it):
        budget.charge(COPIES * int(batch.estimated_size()) + QUESTION_BYTES * len(batch))
        rows += batch.iter_rows(named=True)
    unreadable = [
        Problem(
            where=f"{path} line {row['line']}",
            wrong=row["problem"],
            matters="its question would be left out",
            remedy="fix the line",
        )
        for row in rows
        if row["problem"]
    ]
    if unreadable:
        raise TunelineError(*unreadable)
    return [(f"{path} line {row['line']}", row[COLUMN]) for row in rows] or _refuse_empty(path)


def _too_large(path: Path, error: TooLargeError) -> Problem:
    return Problem(
        where=str(path),
        wrong=f"the file of questions is {error}",
        matters="all questions are read at once, and would fill the memory",
        remedy="divide the file, or raise the limit",
    )


def _refuse_empty(path: Path) -> NoReturn:
    raise TunelineError(
        Problem(
            where=str(path),
            wrong="the file holds no question",
            matters="there is nothing to ask",
            remedy="write one question a line",
        )
    )
