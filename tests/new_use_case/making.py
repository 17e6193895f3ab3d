"""Files as people have them, and use cases made of them without a dialogue."""

import csv
import json
from collections.abc import Container
from pathlib import Path

import polars as pl
from docx import Document
from openpyxl import Workbook

from scripts.samples.product_descriptions import generate_lines
from tuneline.new_use_case.columns import Guess, guess_columns
from tuneline.new_use_case.create import check_name, write_use_case
from tuneline.new_use_case.draft import Options, make_draft
from tuneline.new_use_case.sources import find_source

AISLES = ("left", "right", "middle")
GOODS = 80


def guess(path: Path) -> Guess:
    return guess_columns(find_source(path))


def create_use_case(
    name: str, raw: Path, project: Path, commands: Container[str] = (), **options: str
) -> list[Path]:
    check_name(name, project, commands)
    return write_use_case(make_draft(name, find_source(raw), Options(**options)), project)


def list_goods() -> list[tuple[str, str]]:
    """List titles and descriptions that no cleaning rule and no leak check drops."""
    goods = [one for line in generate_lines(300) if (one := _read_good(line))]
    return goods[:GOODS]


def _read_good(line: str) -> tuple[str, str] | None:
    try:
        row = json.loads(line)
    except json.JSONDecodeError:
        return None
    good = (row.get("title"), row.get("content"))
    return good if all(isinstance(text, str) and 20 < len(text) < 400 for text in good) else None


def write_csv(path: Path) -> Path:
    """Write what an expert might keep: `;` between the cells, a category, an unneeded column."""
    with path.open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file, delimiter=";")
        rows.writerow(["ID", "aisle", "title", "text", "note"])
        for number, good in enumerate(list_goods()):
            rows.writerow([f"G{number}", AISLES[number % 3], *good, "-"])
    return path


def write_workbook(path: Path) -> Path:
    """Write a workbook whose table is in its second sheet, under a title."""
    book = Workbook()
    book.active.title = "About"
    book.active["A1"] = "Our shop"
    sheet = book.create_sheet("Goods")
    for row in (["Goods of this year"], [], ["aisle", "title", "text"]):
        sheet.append(row)
    for number, good in enumerate(list_goods()):
        sheet.append([AISLES[number % 3], *good])
    book.save(path)
    return path


def write_sharegpt(path: Path) -> Path:
    """Write conversations of one turn, and two with a second question that nothing answers."""
    rows = [
        [("system", "You sell goods."), ("human", title), ("gpt", text)]
        for title, text in list_goods()
    ]
    rows += [[*rows[number], ("human", "And then?")] for number in (0, 1)]
    told = [[{"from": who, "value": text} for who, text in row] for row in rows]
    objects = [{"id": f"c{number}", "conversations": row} for number, row in enumerate(told)]
    path.write_text(json.dumps(objects, ensure_ascii=False), "utf-8")
    return path


def list_talks() -> list[list[tuple[str, str]]]:
    """List conversations of one to three turns; every other one has a system message."""
    goods, talks = list_goods(), []
    for number in range(0, len(goods) - 2, 2):
        chosen = goods[number : number + 1 + number // 2 % 3]
        said = [one for good in chosen for one in zip(("user", "assistant"), good, strict=True)]
        talks.append([*([("system", "You sell goods.")] if number % 4 else []), *said])
    return talks


def write_messages(path: Path) -> Path:
    """Write conversations of several turns as OpenAI has them, and two bad ones."""
    talks = [*list_talks(), [("assistant", "Hello.")], [("user", "Hello?"), ("user", "Hello?")]]
    rows = [[{"role": role, "content": text} for role, text in talk] for talk in talks]
    lines = (json.dumps({"messages": row}, ensure_ascii=False) for row in rows)
    path.write_text("\n".join(lines), "utf-8")
    return path


def write_long_sharegpt(path: Path) -> Path:
    """Write conversations of several turns as ShareGPT has them."""
    names = {"system": "system", "user": "human", "assistant": "gpt"}
    rows = [[{"from": names[role], "value": text} for role, text in talk] for talk in list_talks()]
    objects = [{"id": f"c{number}", "conversations": row} for number, row in enumerate(rows)]
    path.write_text(json.dumps(objects, ensure_ascii=False), "utf-8")
    return path


def write_column_of_turns(path: Path) -> Path:
    """Write conversations of several turns as a column of texts in turn, next to a topic."""
    with path.open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["topic", "turns"])
        for number, talk in enumerate(list_talks()):
            texts = [text for role, text in talk if role != "system"]
            rows.writerow([AISLES[number % 3], json.dumps(texts, ensure_ascii=False)])
    return path


def write_parquet(path: Path) -> Path:
    """Write a table with a number that no prompt can use."""
    goods = list_goods()
    titles, texts = zip(*goods, strict=True)
    pl.DataFrame({"price": range(len(goods)), "text": texts, "title": titles}).write_parquet(path)
    return path


def write_documents(folder: Path) -> Path:
    """Write documents of Word with headings and the texts below them."""
    folder.mkdir()
    goods = list_goods()
    for number in range(4):
        document = Document()
        document.add_heading(f"Our goods, part {number}", 0)
        for title, text in goods[number::4]:
            document.add_heading(title, 1)
            document.add_paragraph(text)
        document.save(str(folder / f"part_{number}.docx"))
    return folder


WRITERS = {
    "shop.csv": write_csv,
    "shop.xlsx": write_workbook,
    "shop.json": write_sharegpt,
    "talks.jsonl": write_messages,
    "shop.parquet": write_parquet,
    "shop": write_documents,
}
