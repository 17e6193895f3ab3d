"""A folder of documents, read as parts or as sections."""

from collections import Counter
from pathlib import Path

from tuneline.datasets import RawDocumentsDataset
from tuneline.errors import Problem, TunelineError
from tuneline.new_use_case.questions import find_questions
from tuneline.new_use_case.sources import Source, join_columns
from tuneline.parameters import Data
from tuneline.parameters.examples import SECTION_COLUMNS, Documents, Part
from tuneline.streaming import Fields
from tuneline.utils.sections import find_sections
from tuneline.utils.text import fold_heading

# Of the documents, those that must have a heading for it to be a part of them all.
COMMON = 0.8


def find_documents(path: Path, is_asked: bool) -> Source:
    """Find the headings that divide the documents of a folder; without any, what can be asked."""
    if is_asked:
        return find_questions(path)
    dataset = RawDocumentsDataset(filepath=str(path), mark_headings=True)
    tables = list(dataset.load().map(Fields("id", ("text",)), lambda one: one))
    texts = {
        row["id"]: row["text"]
        for table in tables
        for row in table.iter_rows(named=True)
        if row["problem"] is None
    }
    broken = [row["problem"] for table in tables for row in table.iter_rows(named=True)]
    if not texts:
        raise TunelineError(_no_document(path, [one for one in broken if one]))
    documents = Documents(column="text", parts=guess_parts(list(texts.values())))
    rows = guess_rows(texts, documents)
    roles = (documents.columns[-2], documents.columns[-1])
    if not rows:
        return find_questions(path)
    said = f"{len(texts)} documents, " + (
        f"each with the headings {' and '.join(documents.parts)}"
        if documents.parts
        else f"{len(rows)} headings with a text below them"
    )
    return Source(
        path,
        "documents",
        "RawDocumentsDataset",
        said,
        join_columns(iter(rows), documents.columns),
        {"mark_headings": True},
        tuple(documents.columns),
        roles=roles,
        documents=documents,
    )


def guess_rows(texts: dict[str, str], documents: Documents) -> list[dict[str, str]]:
    """Make the rows of documents as `prepare` makes them."""
    import polars as pl

    from tuneline.pipelines.prepare.document_pairs import pair_documents

    clean = pl.DataFrame({"line": [*map(str, range(len(texts)))], "id": [*texts]})
    clean = clean.with_columns(text=pl.Series([*texts.values()], dtype=pl.String))
    pairs, _ = pair_documents(clean, make_data(documents), documents)
    return pairs.to_dicts()


def guess_parts(texts: list[str]) -> dict[str, Part]:
    """Find the two parts that documents have in common, such as a request and its offer.

    By the names of their columns, in order; none where documents have other headings, or more of
    them.
    """
    headings = [[section.heading for section in find_sections(text)[0]] for text in texts]
    counts = Counter(name for found in headings for name in {fold_heading(one) for one in found})
    common = [name for name, times in counts.items() if times >= COMMON * len(texts)]
    alike = len(texts) > 1 and len(common) == 2 and all(len(found) <= 2 for found in headings)
    if not alike:
        return {}
    spelled = {fold_heading(one): one for found in reversed(headings) for one in found}
    first = next(found for found in headings if len(found) == 2)
    return {_name(spelled[fold_heading(one)]): Part(headings=[one]) for one in first}


def make_data(documents: Documents) -> Data:
    """Make the block `data` of a folder of documents."""
    return Data.model_validate(
        {
            "id": "id",
            "columns": [documents.column],
            "documents": documents,
            "split": {"test": 0.1, "validation": 0.1},
        }
    )


def _name(heading: str) -> str:
    """Make a column's name of a heading: its words, in small letters."""
    words = "".join(one if one.isalnum() else " " for one in heading.casefold()).split()
    name = "_".join(words)
    return f"{name}_part" if name in SECTION_COLUMNS or name.isdecimal() else name


def _no_document(path: Path, reasons: list[str]) -> Problem:
    more = f" (and {len(reasons) - 1} more like it)" if len(reasons) > 1 else ""
    return Problem(
        where=str(path),
        wrong=f"no document can be read: {reasons[0]}{more}",
        matters="there is nothing to learn from; nothing was written",
        remedy="replace what cannot be read, or give another folder",
    )
