"""Tables for people: CSV files of any size, and sheets in which they rate."""

import re
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from typing import Any

import pandas as pd
import polars as pl
from kedro.io import DatasetError
from kedro_datasets._typing import TablePreview

from tuneline.datasets.folders import LocalDataset, preview_rows
from tuneline.datasets.office.package import UnsafeError
from tuneline.datasets.unpacking import read_at_most
from tuneline.errors import Problem, TunelineError
from tuneline.spark.session import Cluster
from tuneline.spark.tables import SparkTable
from tuneline.utils.files import move_file, move_folder, replace_whole
from tuneline.utils.limits import TooLargeError, read_limits
from tuneline.utils.terminal import FORMULA_START

# Characters that XML, and so XLSX, cannot hold.
CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
LONGEST_CELL = 32_767  # characters, of XLSX
CUT = " […: longer than a cell]"
# Columns of a rating sheet that are text, whatever is in them: `007` is a name, `NA` an answer.
RATING_TEXTS = ("sheet", "choice", "better answer", "better than", "rater", "saved")
# What some of them take.
RATING_LISTS = {"choice": "A,B,both good,both bad", "better than": "A,B,both"}
TEXT_WIDTH, RATING_WIDTH = 48, 12


class LazyCSVDataset(LocalDataset[pl.DataFrame | Path, pl.LazyFrame]):
    """Reads a CSV file as a lazy table of text; writes a table, or moves a finished file there.

    Every column comes back as text and an empty cell as an empty text, so that the words NA, None
    and null survive. The file appears under its name only when it is whole.
    """

    def load(self) -> pl.LazyFrame:
        """Answer with the table, of which nothing is read yet."""
        return pl.scan_csv(self._filepath, infer_schema=False, empty_string_is_null=False)

    def save(self, data: pl.DataFrame | Path) -> None:
        """Write a table; or move a file on the same disk, which its node has written whole."""
        if isinstance(data, Path):
            move_file(data, self._filepath)
        else:
            with replace_whole(self._filepath) as file:
                data.write_csv(file)

    def preview(self, rows: int = 8) -> TablePreview:
        """Show the first rows in Kedro-Viz."""
        return preview_rows(self.load().head(rows).collect().to_dicts())


class SparkCSVDataset(LocalDataset[Path, SparkTable]):
    """Moves a finished table in parts to its folder; hands it to Spark."""

    def __init__(
        self,
        *,
        filepath: str,
        spark: dict[str, Any] | None = None,
        metadata: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(filepath=filepath, metadata=metadata)
        self._cluster = Cluster(spark or {})

    def load(self) -> SparkTable:
        """Answer with the table, of which nothing is read yet."""
        return SparkTable(self._filepath, self._cluster)

    def save(self, data: Path) -> None:
        """Move a folder on the same disk, which its node has written whole."""
        move_folder(data, self._filepath)

    def preview(self, rows: int = 8) -> TablePreview:
        """Show the first rows in Kedro-Viz."""
        return preview_rows(self.load().scan().head(rows).collect().to_dicts())


class RatingSheetDataset(LocalDataset[pd.DataFrame, pd.DataFrame]):
    """Writes a sheet with wrapped texts and empty cells that take numbers from 0 to 10; reads it.

    Every text goes in as a text: an answer that begins with `=` is no formula. A second sheet says
    what the criteria mean, where `attrs["criteria"]` does.
    """

    def __init__(
        self,
        *,
        filepath: str,
        limits: dict[str, float] | None = None,
        metadata: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(filepath=filepath, metadata=metadata)
        self._limits = read_limits(limits, filepath)

    def load(self) -> pd.DataFrame:
        """Read the first sheet; `attrs["saved"]` says when the file was last changed.

        Raises:
            DatasetError: if the file is no XLSX, or none that can be read in safety.
        """
        try:
            content = BytesIO(self._read_safe())
            sheet: pd.DataFrame = pd.read_excel(
                content, engine="openpyxl", converters=dict.fromkeys(RATING_TEXTS, _read_text)
            )
        except (TooLargeError, UnsafeError) as error:
            raise TunelineError(self._refuse(error)) from error
        except Exception as error:  # whatever zip, XML and openpyxl raise, it means the same
            raise DatasetError(f"{self._filepath} is no XLSX file: {error}") from error
        changed = datetime.fromtimestamp(self._filepath.stat().st_mtime, UTC)
        sheet.attrs["saved"] = changed.isoformat(timespec="seconds")
        return sheet

    def save(self, data: pd.DataFrame) -> None:
        """Write the sheet."""
        from openpyxl import Workbook

        book = Workbook()
        sheet = book.active
        sheet.title = "ratings"
        for row in [list(data.columns), *data.itertuples(index=False)]:
            sheet.append([None if pd.isna(value) else value for value in map(_clean, row)])
        criteria = book.create_sheet("criteria")
        for row in [("criterion", "0 worst, 10 best"), *data.attrs.get("criteria", {}).items()]:
            criteria.append([_clean(value) for value in row])
        _lay_out(sheet, data)
        for one in (sheet, criteria):
            _keep_texts(one)
        with replace_whole(self._filepath) as file:
            book.save(file)

    def _read_safe(self) -> bytes:
        """Read the file, and let a reader that counts go through it before openpyxl does."""
        from tuneline.datasets.office.package import Package
        from tuneline.datasets.office.xlsx import XLSXWorkbook

        with self._filepath.open("rb") as file:
            content = read_at_most(file, self._limits.document_bytes)
        if content is None:
            raise TooLargeError(self._limits.format_memory())
        package = Package(content, self._limits)
        package.unpack()
        book = XLSXWorkbook(package, None)
        book.read(next(iter(book.sheets)))
        return content

    def _refuse(self, error: Exception) -> Problem:
        return Problem(
            where=str(self._filepath),
            wrong=f"the rating sheet is {error}",
            matters="its ratings do not count",
            remedy="ask its author for the sheet again",
        )


def _read_text(value: Any) -> str:
    return "" if value is None else str(value)


def _clean(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    text = CONTROL.sub("\N{REPLACEMENT CHARACTER}", value)
    return text if len(text) <= LONGEST_CELL else text[: LONGEST_CELL - len(CUT)] + CUT


def _keep_texts(sheet: Any) -> None:
    """Store every text as a text; one that looks like a formula stays one when it is edited."""
    for cell in (cell for row in sheet.iter_rows() for cell in row):
        if isinstance(cell.value, str):
            cell.data_type = "s"
            cell.quotePrefix = re.match(FORMULA_START, cell.value) is not None


def _lay_out(sheet: Any, data: pd.DataFrame) -> None:
    from openpyxl.styles import Alignment, Font
    from openpyxl.utils import get_column_letter
    from openpyxl.worksheet.datavalidation import DataValidation

    rating = DataValidation(type="decimal", operator="between", formula1="0", formula2="10")
    sheet.add_data_validation(rating)
    sheet.freeze_panes = "D2"
    for number, column in enumerate(data.columns, start=1):
        letter = get_column_letter(number)
        to_fill = column.startswith(("A: ", "B: "))
        texts = not to_fill and column not in {"sheet", "number", *RATING_LISTS}
        sheet.column_dimensions[letter].width = TEXT_WIDTH if texts else RATING_WIDTH
        if to_fill and len(data):
            rating.add(f"{letter}2:{letter}{len(data) + 1}")
        if column in RATING_LISTS and len(data):
            listed = DataValidation(type="list", formula1=f'"{RATING_LISTS[column]}"')
            listed.add(f"{letter}2:{letter}{len(data) + 1}")
            sheet.add_data_validation(listed)
        for cell in sheet[letter]:
            cell.alignment = Alignment(wrap_text=True, vertical="top")
    for cell in sheet[1]:
        cell.font = Font(bold=True)
