"""Raw rows as a folder of documents, one row each."""

from collections.abc import Iterator
from io import BytesIO
from pathlib import PurePosixPath
from typing import Any

import fsspec
import polars as pl

from tuneline.datasets.decoding import RowDecoder, Unreadable, number_lines
from tuneline.datasets.office import is_compound, is_encrypted
from tuneline.datasets.raw import RawDataset, check_fields
from tuneline.encodings import describe_byte
from tuneline.errors import Problem, TunelineError
from tuneline.rows import Fields, RowSource, Work
from tuneline.streams import map_ahead

ENDINGS = (".docx", ".txt", ".md")
DOCUMENTS_PER_BATCH = 100


class RawDocumentsDataset(RawDataset):
    """Reads a folder of documents (DOCX, TXT, MD) in the order of their names, one row each.

    The columns are `id` (the name without its ending) and `text`: the paragraphs, and the rows of
    tables with ` | ` between their cells, each on a line of its own, in the order of the document.
    `line` is the document's place in the folder.

    Args:
        filepath: the folder, at any address that fsspec knows.
        metadata: ignored here; Kedro-Viz reads the layer from it.
    """

    def load(self) -> RowSource:
        """Answer with the rows, none of them read yet."""
        return _DocumentRows(self._filepath)


class _DocumentRows(RowSource):
    """Documents of one folder. See `RowSource`."""

    def __init__(self, folder: str) -> None:
        self.path = self._folder = folder

    def map(self, fields: Fields, work: Work) -> Iterator[pl.DataFrame]:
        return map_ahead(work, self._read(fields))

    def _read(self, fields: Fields) -> Iterator[pl.DataFrame]:
        files, folder = fsspec.core.url_to_fs(self._folder)
        paths = sorted(path for path in files.ls(folder, detail=False) if _is_document(path))
        if not paths:
            raise TunelineError(self._no_document())
        check_fields(self._folder, fields, {"id", "text"}, "the documents")
        decoder = RowDecoder(fields)
        for start in range(0, len(paths), DOCUMENTS_PER_BATCH):
            some = paths[start : start + DOCUMENTS_PER_BATCH]
            contents = [files.cat_file(path) for path in some]
            rows = [_read_document(*pair) for pair in zip(some, contents, strict=True)]
            self.share = (start + len(some)) / len(paths)
            originals = [_show(*pair) for pair in zip(some, contents, strict=True)]
            numbers = number_lines(start + 1, len(some))
            yield decoder.tabulate(decoder.decode_objects(rows), originals, numbers)

    def _no_document(self) -> Problem:
        return Problem(
            where=self._folder,
            wrong=f"the folder holds no document ({', '.join(ENDINGS)})",
            matters="there is nothing to learn from",
            remedy="put the documents there, or change the path in the catalog",
        )


def _is_document(path: str) -> bool:
    # Word leaves `~$name.docx` beside a document that is open.
    name = PurePosixPath(path).name
    return name.lower().endswith(ENDINGS) and not name.startswith(("~$", "."))


def _read_document(path: str, content: bytes) -> dict[str, str] | Unreadable:
    name = PurePosixPath(path)
    try:
        is_docx = name.suffix.lower() == ".docx"
        text = _read_docx(content) if is_docx else content.decode("utf-8-sig")
        return {"id": name.stem, "text": text}
    except UnicodeDecodeError as error:
        return Unreadable(describe_byte(error))
    except Exception as error:  # whatever the layers under a damaged file raise, it is damaged
        if is_encrypted(content):
            return Unreadable("protected by a password")
        if is_compound(content):
            return Unreadable("an old Word document under a new name: save it as DOCX")
        return Unreadable(f"damaged: {type(error).__name__} {error}")


def _read_docx(content: bytes) -> str:
    from docx import Document
    from docx.table import Table

    blocks = Document(BytesIO(content)).iter_inner_content()
    return "\n".join(_read_table(one) if isinstance(one, Table) else one.text for one in blocks)


def _read_table(table: Any) -> str:
    return "\n".join(" | ".join(cell.text for cell in row.cells) for row in table.rows)


def _show(path: str, content: bytes) -> bytes:
    """Give a text as it is; of a file that is no text, its name."""
    return path.encode() if path.lower().endswith(".docx") else content
