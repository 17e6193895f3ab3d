"""The files of a raw source, and their rows one file after the other."""

from abc import abstractmethod
from collections.abc import Iterator
from pathlib import PurePosixPath

import fsspec
import polars as pl

from tuneline.datasets.opening import RawFile
from tuneline.datasets.raw_base import EmptyFileError, log
from tuneline.errors import Problem, TunelineError
from tuneline.streaming import LINE, SOURCE, Fields, RowSource, Work, map_ahead, run_ahead
from tuneline.utils.limits import Limits

PACKED_ENDINGS = {".gz", ".zst", ".bz2", ".xz", ".zip"}
SHOWN_NAMES = 10


def list_source_files(path: str, endings: tuple[str, ...]) -> dict[str, str]:
    """List the files of a file, a folder or a pattern with `*`, in the order of their names.

    Gives the path of each file by its name, seen from the folder or from where the pattern begins.

    Raises:
        TunelineError: if a folder or a pattern has no file that can be read.
    """
    pattern = "*" in path
    if not pattern and path.startswith(("http:", "https:")):  # to ask for a folder would load it
        return {path: path}
    files, place = fsspec.core.url_to_fs(path)
    if not pattern and not files.isdir(place):
        return {path: path}
    root = place.partition("*")[0].rpartition("/")[0] if pattern else place.rstrip("/")
    found = files.glob(place) if pattern else files.ls(root, detail=False)
    local = "file" in files.protocol
    named = {one[len(root) + 1 :]: one if local else files.unstrip_protocol(one) for one in found}
    folders = {name for name, one in named.items() if files.isdir(one)}
    read = {
        name: named[name]
        for name in sorted(named)
        if name not in folders and _is_raw(name, () if pattern else endings)
    }
    _log_files(path, list(read), sorted(set(named) - set(read)), folders)
    if not read:
        raise TunelineError(_no_file(path, endings))
    return read


class FileRows(RowSource):
    """Rows of one file or of several. See `RowSource`."""

    def __init__(self, path: str, endings: tuple[str, ...], encoding: str, limits: Limits) -> None:
        self.path, self._endings, self._encoding = path, endings, encoding
        self._limits = limits
        self.files: dict[str, int] = {}

    def map(self, fields: Fields, work: Work) -> Iterator[pl.DataFrame]:
        """Read the rows and do some work on every batch."""
        return map_ahead(work, run_ahead(self._read(fields)))

    @abstractmethod
    def read_file(self, file: RawFile, fields: Fields) -> Iterator[pl.DataFrame]:
        """Read the batches of one file, whose lines count from 1."""

    def _read(self, fields: Fields) -> Iterator[pl.DataFrame]:
        paths = list_source_files(self.path, self._endings)
        if list(paths) == [self.path]:
            file = RawFile(self.path, self._encoding, self._limits)
            yield from self._follow(file, fields, 0, 1)
            return
        empty: list[EmptyFileError] = []
        last = 0
        for place, (name, path) in enumerate(paths.items()):
            self.files[name] = before = last
            file = RawFile(path, self._encoding, self._limits)
            try:
                for table in self._follow(file, fields, place, len(paths)):
                    placed = place_rows(table, name, before)
                    last = max([last, *placed[LINE][-1:]])
                    yield placed
            except EmptyFileError as error:
                empty.append(error)
                log.warning("%s: passed over: it is empty.", path)
        if len(empty) == len(paths):
            raise empty[0]

    def _follow(
        self, file: RawFile, fields: Fields, place: int, files: int
    ) -> Iterator[pl.DataFrame]:
        """Read a file and say how far it is; each of several files counts alike."""
        for table in self.read_file(file, fields):
            self.share = None if file.share is None else (place + file.share) / files
            yield table


def place_rows(table: pl.DataFrame, name: str, before: int) -> pl.DataFrame:
    """Number the rows of one file among those of all files.

    `before` is the number of the last row before the file. Adds in which line of which file a row
    is.
    """
    source = pl.format("{}:{}", pl.lit(name), pl.col(LINE)).alias(SOURCE)
    return table.with_columns(source, pl.col(LINE) + before)


def find_ending(name: str) -> str:
    """Find the ending that names a file's format, before that of its compression; may be empty."""
    endings = [one.lower() for one in PurePosixPath(name).suffixes]
    if endings and endings[-1] in PACKED_ENDINGS:
        endings.pop()
    return endings[-1] if endings else ""


def _is_raw(name: str, endings: tuple[str, ...]) -> bool:
    """Tell whether a file is one to read rather than one that a program left there."""
    hidden = PurePosixPath(name).name.startswith((".", "_", "~$"))
    return not hidden and (not endings or find_ending(name) in endings)


def _log_files(path: str, read: list[str], others: list[str], folders: set[str]) -> None:
    if read:
        log.info(
            "%s: %s files are read, in the order of their names: %s.",
            path,
            f"{len(read):,}",
            _list_names(read),
        )
    if others:
        shown = _list_names([f"{name}/" if name in folders else name for name in others])
        log.warning("%s: passed over: %s.", path, shown)


def _list_names(names: list[str]) -> str:
    more = f" and {len(names) - SHOWN_NAMES:,} more" if len(names) > SHOWN_NAMES else ""
    return ", ".join(names[:SHOWN_NAMES]) + more


def _no_file(path: str, endings: tuple[str, ...]) -> Problem:
    return Problem(
        where=path,
        wrong=f"it has no file that can be read ({', '.join(endings)}, or compressed)",
        matters="there is nothing to learn from",
        remedy="put the files there, or change the path in the catalog",
    )
