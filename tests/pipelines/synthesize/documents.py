"""A folder of real documents of three kinds, and a writer that asks about any chunk of them."""

import re
from io import BytesIO
from pathlib import Path
from typing import Any

from docx import Document
from pypdf import PdfReader, PdfWriter

from tests.datasets.pdfs import write_pdf

PAGES = (
    ["The dye works of Corvo were founded in 1871 by Ines Carvalho.", "They dyed wool with woad."],
    ["Mordant is a salt that fixes a dye in the wool.", "A vat of 400 liters stood in each hall."],
)
MILL = """# Mill

The mill opened in 1898. A millstone is a round stone that grinds grain.

## Opening hours

Open from 9 to 17, closed on Monday. Ask Ada Lovett for a tour, who says “bring a lamp”.

## Glossary

Hopper: the funnel from which grain falls on the stones
"""


def write_documents(folder: Path) -> Path:
    """Write a PDF of two pages, a DOCX and an MD; next to them a PDF of pictures."""
    folder.mkdir()
    pages = PdfWriter()
    for lines in PAGES:
        pages.append(PdfReader(BytesIO(write_pdf(lines))))
    pages.write(str(folder / "dye.pdf"))
    (folder / "scan.pdf").write_bytes(write_pdf([]))
    bees = Document()
    bees.add_heading("Bees", 1)
    bees.add_paragraph("A colony of bees has one queen. Bees gather from lime trees in June.")
    bees.add_heading("Honey", 2)
    bees.add_paragraph("Honey is harvested in July, 12 kg from each hive.")
    bees.save(str(folder / "bees.docx"))
    (folder / "mill.md").write_text(MILL)
    return folder


def write_pair(item: dict[str, Any]) -> dict[str, Any]:
    """Ask about a sentence of the chunk, the one of the item's number; or find it supported."""
    if "answer" in item:
        return {"id": item["id"], "verdict": "supported", "reason": "it says so"}
    sentences = re.split(r"(?<=[.])\s+", item["text"])
    number = int(item["id"].rpartition("-")[2]) - 1
    quote = sentences[number % len(sentences)]
    question = f"What is it that {quote.rstrip('.')} of {item['document']}?"
    return {"id": item["id"], "quote": quote, "question": question, "answer": quote}
