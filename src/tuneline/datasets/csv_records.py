"""The records of a CSV file, and the separator between its cells."""

import csv
import re
from codecs import BOM_UTF8
from collections import deque
from collections.abc import Iterator
from itertools import chain, islice
from typing import NoReturn

from tuneline.datasets.line_splitting import split_lines
from tuneline.datasets.opening import RawFile
from tuneline.datasets.raw_base import name_columns, refuse_empty
from tuneline.datasets.raw_decoding import Unreadable
from tuneline.errors import Problem, TunelineError
from tuneline.utils.limits import STATED_IN, CutRow
from tuneline.utils.text import find_fault

Row = dict[str, str] | Unreadable
Record = tuple[int, bytes, Row]
SEPARATORS = ",;\t|"
# Lines from which the separator is found.
SAMPLE_LINES = 100
# What Excel writes above the header for itself.
STATED_SEPARATOR = re.compile(rb'"?sep=(.)"?\s*', re.IGNORECASE | re.DOTALL)
QUOTED = re.compile(r'"(?:[^"]|"")*+"')
NEVER_CLOSED = "a quote is never closed"


class CSVRecords:
    """Records of a CSV file after its header: line, bytes, and the cells or why there are none.

    A quote that is opened by mistake takes the lines after it into its cell, up to the next quote.
    If the lines so taken are rows of their own, only the first is to blame, and the others are read
    again.

    Attributes:
        header: the names of the columns.
        header_line: where they are, from 1.
        separator: between two cells.

    Raises:
        TunelineError: if there is no header that can be read.
    """

    def __init__(self, file: RawFile, separator: str | None = None) -> None:
        self._file = file
        # No cell is as long as a row may be: where one seems to be, its quote is never closed.
        self._longest = file.limits.row_bytes
        csv.field_size_limit(max(csv.field_size_limit(), 2 * self._longest))
        self._lines = chain.from_iterable(split_lines(file.chunks(), file.limits))
        self._again = deque(islice(self._lines, 1))
        if self._again and self._again[0].startswith(BOM_UTF8):
            self._again[0] = self._again[0].removeprefix(BOM_UTF8)
        self._number, self._taken, self._fault = 1, list[bytes](), False
        stated = self._skip_to_header()
        self.separator = separator or stated or find_separator(self._sample())
        self._well_formed, self._opened = _describe_lines(self.separator)
        self.header_line = self._number
        self.header = self._read_header()

    def __iter__(self) -> Iterator[Record]:
        """Walk the records, once."""
        reader = self._restart()
        while True:
            try:
                found = self._name(next(reader))
            except StopIteration:
                return
            except csv.Error as error:
                found = Unreadable(_describe_error(error))
                reader = self._restart()
            if len(self._taken) > 1 and isinstance(found, Unreadable):
                found = self._blame(found)
                reader = self._restart()
            number, original = self._number, b"\n".join(self._taken)
            if self._fault:
                found = Unreadable(find_fault(original, self._file.encoding) or "not text")
                self._fault = False
            self._number, self._taken = number + len(self._taken), []
            yield number, original, found

    def _skip_to_header(self) -> str | None:
        """Pass over empty lines, and over Excel's own line, which states the separator."""
        stated, line = None, self._next_line()
        while line is not None:
            found = STATED_SEPARATOR.fullmatch(line)
            if found is None and line.strip(b' \t\r"' + SEPARATORS.encode()):
                break
            stated = found[1].decode("latin-1") if found else stated
            self._number, line = self._number + 1, self._next_line()
        if line is None:
            refuse_empty(self._file.path)
        self._again.appendleft(line)
        return stated

    def _sample(self) -> str:
        size = 0
        for line in islice(self._lines, SAMPLE_LINES):
            self._again.append(line)
            size += len(line)
            if size > self._longest:
                break
        return b"\n".join(self._again).decode("utf-8", "replace")

    def _read_header(self) -> list[str]:
        try:
            cells = next(self._restart(), [])
        except csv.Error as error:
            self._refuse_header(_describe_error(error))
        if self._fault:
            raise TunelineError(self._file.describe_encoding())
        self._number, self._taken = self._number + len(self._taken), []
        return name_columns(cells)

    def _restart(self) -> Iterator[list[str]]:
        return csv.reader(self._feed(), delimiter=self.separator, strict=True)

    def _feed(self) -> Iterator[str]:
        size, longest = 0, self._longest
        while (line := self._next_line()) is not None:
            size = size + len(line) + 1 if self._taken else 0
            cut = type(line) is CutRow
            if size > longest or (cut and self._taken):
                self._again.appendleft(line)
                allowed = f"{self._file.limits.row_mb:g} MB"
                raise csv.Error(f"a quote is never closed within {allowed} ({STATED_IN})")
            self._taken.append(line)
            if cut:
                raise csv.Error(self._file.limits.too_long)
            try:
                yield line.decode() + "\n"
            except UnicodeDecodeError:
                self._fault = True
                yield line.decode("utf-8", "backslashreplace") + "\n"

    def _next_line(self) -> bytes | None:
        return self._again.popleft() if self._again else next(self._lines, None)

    def _name(self, cells: list[str]) -> Row:
        if len(cells) != len(self.header):
            if not cells:
                return Unreadable("empty line")
            return Unreadable(f"cells not as in the header: {len(cells)}, not {len(self.header)}")
        return dict(zip(self.header, cells, strict=True))

    def _blame(self, found: Unreadable) -> Unreadable:
        """Give back the lines after a stray quote, if that is what a record of many lines is."""
        first, *others = self._taken
        endless = found.reason.startswith(NEVER_CLOSED)
        if not endless and not self._are_rows(others):
            return found
        self._again.extendleft(reversed(others))
        self._taken = [first]
        self._fault = find_fault(first, self._file.encoding) is not None
        return found if endless else Unreadable(NEVER_CLOSED)

    def _are_rows(self, lines: list[bytes]) -> bool:
        """Tell whether lines are rows of their own rather than the rest of a cell.

        The last of them has the quote at which the reading ended. It is a row of its own if that
        quote opens a cell; or, as in `pipe,5" wide`, if all lines have as many cells as the header
        and none of these cells ends with a quote that it did not begin with.
        """
        texts = [line.decode("utf-8", "backslashreplace").rstrip("\r") for line in lines]
        if self._opened.fullmatch(texts[-1]) or self._is_row(texts[-1]):
            return True
        return all(self._has_cells(text) for text in texts if text.strip())

    def _is_row(self, text: str) -> bool:
        return bool(self._well_formed.fullmatch(text)) and self._count(text) == len(self.header)

    def _has_cells(self, text: str) -> bool:
        if self._is_row(text):
            return True
        bare = any(cell.endswith('"') for cell in text.split(self.separator))
        return not bare and self._count(text) == len(self.header)

    def _count(self, text: str) -> int:
        try:
            return len(next(csv.reader([text], delimiter=self.separator, strict=True), []))
        except csv.Error:
            return 0

    def _refuse_header(self, reason: str) -> NoReturn:
        raise TunelineError(
            Problem(
                where=f"{self._file.path}, line {self._number}",
                wrong=f"the header cannot be read ({reason})",
                matters="it names the columns",
                remedy="correct that line: a name that holds the separator or a quote is in double "
                'quotes, and a quote in it is doubled, as in "size 5"""',
            )
        )


def find_separator(sample: str) -> str:
    """Find what is between the cells, not what is only inside of quoted ones.

    `sample` is a file's first lines, from the header on. Of several separators in it, the one that
    most lines have as often as the header, and of those alike the one that the header has most.
    """
    bare = QUOTED.sub("", sample)
    head, *others = [line for line in bare.splitlines() if line.strip()][:SAMPLE_LINES] or [""]
    merits = {
        one: (sum(line.count(one) == head.count(one) for line in others), head.count(one))
        for one in SEPARATORS
        if one in head
    }
    return max(merits, key=merits.__getitem__, default=",")


def _describe_lines(separator: str) -> tuple[re.Pattern[str], re.Pattern[str]]:
    """Describe a row whose quotes all begin or end a cell, and one that leaves a cell open."""
    between = re.escape(separator)
    cell = rf'(?:"(?:[^"]|"")*+"|[^"{between}]*+)'
    return (
        re.compile(rf"{cell}(?:{between}{cell})*+"),
        re.compile(rf'(?:{cell}{between})*+"(?:[^"]|"")*+'),
    )


def _describe_error(error: csv.Error) -> str:
    text = str(error)
    if STATED_IN in text:
        return text
    if "end of data" in text:
        return NEVER_CLOSED
    if "new-line" in text:
        return "not CSV: a line end inside a cell that is not in quotes"
    return f"not CSV: {text}"
