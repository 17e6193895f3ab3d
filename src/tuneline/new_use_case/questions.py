"""A folder of documents about which questions and answers are written first."""

from pathlib import Path

from tuneline.datasets import RawDocumentsDataset
from tuneline.errors import Problem, TunelineError
from tuneline.new_use_case.sources import Source, join_columns
from tuneline.parameters import Synthesize
from tuneline.parameters.synthesis import FromDocuments
from tuneline.reporting.pages import count

COLUMNS = ("question", "answer", "document")
# All that is asked about one document stays in one split.
FEWEST = 3
WRITTEN = (
    "questions and answers are written about the documents (stage `synthesize`); shown are those "
    "that the offline provider takes from their headings and definitions, and a language model "
    "writes more: `provider: server`"
)


def find_questions(path: Path) -> Source:
    """Find what the offline provider would ask about the documents of a folder.

    Raises:
        TunelineError: if there are too few documents.
    """
    from tuneline.pipelines.synthesize.chunks import divide_source
    from tuneline.pipelines.synthesize.extraction import find_pairs
    from tuneline.pipelines.synthesize.pair_plan import plan_pairs

    options = {"mark_headings": True, "mark_pages": True}
    settings = FromDocuments()
    synthesize = Synthesize(provider="offline", documents=settings)
    dataset = RawDocumentsDataset(filepath=str(path), mark_headings=True, mark_pages=True)
    divided = divide_source(dataset.load(), settings.chunk_characters)
    if divided.documents < FEWEST:
        raise TunelineError(_too_few(path, divided.documents))
    most = settings.answer_characters[1]
    rows = [
        {**find_pairs(item, most)[item["number"] - 1], "document": item["document"]}
        for item in plan_pairs(divided.chunks, synthesize)
    ]
    said = f"{divided.documents:,} documents, {count(len(divided.chunks), 'chunk')} of them"
    return Source(
        path,
        "documents",
        "RawDocumentsDataset",
        said,
        join_columns(iter(rows), [*COLUMNS]),
        options,
        COLUMNS,
        roles=("question", "answer"),
        is_asked=True,
        notes=(WRITTEN,),
    )


def _too_few(path: Path, documents: int) -> Problem:
    return Problem(
        where=str(path),
        wrong=f"it holds {count(documents, 'document')} that can be read",
        matters="all questions about a document stay in one split, and training, validation and "
        "test need one document each; nothing was written",
        remedy="divide a long document into several, a chapter each, or add others",
    )
