"""Write the oils as the workbook that a domain expert keeps: a title, a blank row, a table.

The tracked sample is made by:

    python -m scripts.samples.essential_oils.workbook --out data/01_raw/essential_oils/oils.xlsx
"""

from collections.abc import Sequence
from io import BytesIO
from pathlib import Path

import yaml
from openpyxl import Workbook
from openpyxl.styles import Alignment, Font

from scripts.samples.archives import write_undated
from scripts.samples.command_line import read_out

SOURCE = Path(__file__).with_name("oils.yml")

TITLE = "Éterické oleje a jejich tradiční použití"
HEADER = (
    "ID",
    "Název EO",
    "Anglický název",
    "Latinský název",
    "Vibrace v MHz",
    "Účinky na tělo",
    "Účinky na psychiku / emoce",
)
HEADER_ROW = 3
NO_DATA = "Není údaj"
WIDTHS = (5, 26, 22, 34, 14, 70, 70)

Effects = dict[str, list[str] | str] | None


def write_effects(effects: Effects) -> str:
    """The text of one cell: each category with its list, or its text, a blank line between."""
    if effects is None:
        return NO_DATA
    texts = (
        f"{category}: {items if isinstance(items, str) else ', '.join(items)}"
        for category, items in effects.items()
    )
    return "\n\n".join(texts)


def read_rows() -> list[tuple[int | str | None, ...]]:
    """One row an oil, in the order of the header; the IDs count from 1."""
    oils = yaml.safe_load(SOURCE.read_text(encoding="utf-8"))
    return [
        (
            number,
            oil["name"],
            oil["english"],
            oil["latin"],
            NO_DATA if oil["vibration"] is None else oil["vibration"],
            write_effects(oil["body"]),
            write_effects(oil["mind"]),
        )
        for number, oil in enumerate(oils, start=1)
    ]


def build_workbook() -> Workbook:
    """The workbook with its one sheet."""
    workbook = Workbook()
    sheet = workbook.active
    sheet.title = "Oleje"
    sheet.append([TITLE])
    sheet.append([])
    for row in (HEADER, *read_rows()):
        sheet.append(row)
    sheet["A1"].font = Font(bold=True, size=14)
    for cell, width in zip(sheet[HEADER_ROW], WIDTHS, strict=True):
        cell.font = Font(bold=True)
        sheet.column_dimensions[cell.column_letter].width = width
    for row in sheet.iter_rows(min_row=HEADER_ROW + 1):
        for cell in row:
            cell.alignment = Alignment(wrap_text=True, vertical="top")
    return workbook


def main(arguments: Sequence[str] | None = None) -> None:
    """Write the workbook, as told on the command line."""
    packed = BytesIO()
    build_workbook().save(packed)
    write_undated(read_out("Write the table of essential oils.", arguments), packed.getvalue())


if __name__ == "__main__":
    main()
