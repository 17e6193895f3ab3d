"""What all raw data have in common: the files of a source, read in batches and never written."""

import logging
from collections.abc import Iterable
from typing import Any, NoReturn

import fsspec
from kedro.io import AbstractDataset

from tuneline.errors import Problem, TunelineError, find_near, suggest
from tuneline.streaming import LINE, Fields, RowSource
from tuneline.utils.limits import read_limits

log = logging.getLogger(__name__)


class EmptyFileError(TunelineError):
    """A file holds no row at all."""


class RawDataset(AbstractDataset[Any, RowSource]):
    """Raw rows at any address that fsspec knows; how they are read is a subclass's to say."""

    def __init__(
        self,
        *,
        filepath: str,
        limits: dict[str, float] | None = None,
        metadata: dict[str, Any] | None = None,
    ) -> None:
        self._filepath = filepath
        self.limits = read_limits(limits, filepath)
        self.metadata = metadata

    def save(self, data: Any) -> NoReturn:
        """Refuse: raw data never changes.

        Raises:
            TunelineError: always.
        """
        raise TunelineError(
            Problem(
                where=self._filepath,
                wrong="raw data was to be written",
                matters="raw data never changes in a run",
                remedy="write to another dataset",
            )
        )

    def _exists(self) -> bool:
        files, path = fsspec.core.url_to_fs(self._filepath)
        return bool(files.glob(path) if "*" in path else files.exists(path))

    def _describe(self) -> dict[str, Any]:
        return {"filepath": self._filepath}


def check_fields(where: str, fields: Fields, found: set[str], looked_at: str) -> None:
    """Fail on a source of another kind at once, rather than reject its every row.

    Raises:
        TunelineError: naming every wanted field that no row has, with the nearest that there is.
    """
    if not found:
        raise TunelineError(
            Problem(
                where=where,
                wrong=f"none of {looked_at} is a row that can be read",
                matters="there is nothing to learn from",
                remedy="see docs/prepare.md for the formats that can be read, and name the right "
                "dataset in the catalog",
            )
        )
    missing = [name for name in fields.required if name not in found]
    # Without a category nothing could be divided by it. A slice or key terms may be left out, but
    # not by a slip of the pen.
    absent = [name for name in fields.carried if name not in found]
    missing += [name for name in absent if name == fields.category or find_near(name, found)]
    if missing:
        raise TunelineError(*(_no_such_field(where, name, fields, found) for name in missing))
    for name in absent:
        log.warning(
            "%s: no row has the field `%s`, which `data` names: the report tells nothing by it.",
            where,
            name,
        )


def name_columns(cells: Iterable[str]) -> list[str]:
    """Read a header: names in one line each, though a cell may have several."""
    return [" ".join(cell.split()) for cell in cells]


def check_repeated(where: str, fields: Fields, header: list[str]) -> None:
    """Fail on a header that names a wanted column twice: one of the two would be lost.

    Raises:
        TunelineError: naming every such column.
    """
    repeated = [name for name in fields.names if header.count(name) > 1]
    if repeated:
        raise TunelineError(*(_repeated(where, name) for name in repeated))


def _repeated(where: str, name: str) -> Problem:
    return Problem(
        where=where,
        wrong=f"the column `{name}` is there twice",
        matters="nobody knows which of them is meant",
        remedy="give each column a name of its own in the header",
    )


def refuse_empty(where: str) -> NoReturn:
    """Fail on a source without any row.

    Raises:
        TunelineError: always.
    """
    raise EmptyFileError(
        Problem(
            where=where,
            wrong="the file is empty",
            matters="there is nothing to learn from",
            remedy="put the raw rows there",
        )
    )


def _no_such_field(where: str, name: str, fields: Fields, found: set[str]) -> Problem:
    remedy = f"{suggest(name, found)}, and name it in `data` of the use case's parameters"
    if name == fields.identifier:
        remedy += f"; or set `data.id: {LINE}` if rows have no name of their own"
    carried = name in fields.carried
    return Problem(
        where=where,
        wrong=f"no row has the field `{name}`",
        matters="it would be empty in every row" if carried else "every row would be rejected",
        remedy=remedy + ("; or leave it out there" if carried else ""),
    )
