"""Write the plans as the documents that a software house keeps: some DOCX, some plain text.

The tracked sample is made by:

    python -m scripts.samples.development_plans.documents --out data/01_raw/development_plans
"""

from collections.abc import Sequence
from io import BytesIO
from itertools import groupby
from pathlib import Path

from docx import Document
from docx.document import Document as DocxDocument

from scripts.samples.archives import write_undated
from scripts.samples.command_line import read_out
from scripts.samples.development_plans.blocks import Block, read_blocks
from scripts.samples.development_plans.habits import HABITS

SOURCE = Path(__file__).with_name("plans")
NUMBERS = range(1, 17)
TEXT_NUMBERS = (3, 7, 11, 16)
WINDOWS_TEXT_NUMBER = 11  # a byte order mark and Windows line ends


def read_plan(number: int) -> list[Block]:
    """The blocks of a plan, written with its author's habits."""
    blocks = read_blocks(SOURCE / f"plan_{number:02}.md")
    for habit in HABITS.get(number, ()):
        blocks = habit(blocks)
    return blocks


def name_file(number: int) -> str:
    """The file's name, which carries the plan's number."""
    return f"plan_{number:02}.{'txt' if number in TEXT_NUMBERS else 'docx'}"


def build_text(blocks: list[Block]) -> str:
    """The plan as plain text: a blank line before headings, dashes before list items."""
    before = {"heading": "\n", "item": "- "}
    return "\n".join(before.get(block.kind, "") + block.text for block in blocks).lstrip() + "\n"


def build_docx(blocks: list[Block]) -> DocxDocument:
    """The plan as a Word document; rows that follow each other become one table."""
    document = Document()
    document.core_properties.author = "Atelierul de programe"
    document.core_properties.title = blocks[0].text.strip()
    for kind, group in groupby(blocks, key=lambda block: block.kind):
        if kind == "row":
            _add_table(document, list(group))
        else:
            for block in group:
                _add_line(document, block)
    return document


def _add_line(document: DocxDocument, block: Block) -> None:
    match block.kind:
        case "heading":
            document.add_heading(block.text, level=block.level - 1)
        case "bold":
            document.add_paragraph().add_run(block.text).bold = True
        case "item":
            document.add_paragraph(block.text, style="List Bullet")
        case _:
            document.add_paragraph(block.text)


def _add_table(document: DocxDocument, rows: list[Block]) -> None:
    table = document.add_table(rows=0, cols=len(rows[0].cells), style="Table Grid")
    for row in rows:
        for cell, text in zip(table.add_row().cells, row.cells, strict=True):
            cell.text = text


def write_plan(number: int, folder: Path) -> None:
    """Write a plan into the folder."""
    path = folder / name_file(number)
    blocks = read_plan(number)
    if number in TEXT_NUMBERS:
        windows = number == WINDOWS_TEXT_NUMBER
        encoding, newline = ("utf-8-sig", "\r\n") if windows else ("utf-8", "\n")
        path.write_text(build_text(blocks), encoding=encoding, newline=newline)
    else:
        packed = BytesIO()
        build_docx(blocks).save(packed)
        write_undated(path, packed.getvalue())


def main(arguments: Sequence[str] | None = None) -> None:
    """Write all plans, as told on the command line."""
    folder = read_out("Write the development plans.", arguments)
    folder.mkdir(parents=True, exist_ok=True)
    for number in NUMBERS:
        write_plan(number, folder)


if __name__ == "__main__":
    main()
