"""A folder as a value."""

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any, NoReturn

import orjson
from kedro.io import AbstractDataset, DatasetError
from kedro_datasets.partitions import PartitionedDataset

from tuneline.datasets.local import LocalDataset
from tuneline.errors import Problem, TunelineError
from tuneline.llm_api.client import Failure, Response
from tuneline.utils.caches import Cache
from tuneline.utils.files import move_folder, replace_whole
from tuneline.utils.hashing import open_seal, order_versions, seal_value


class FolderDataset(LocalDataset[None, Path]):
    """Gives a node the path of a folder, which need not exist, to work and to keep things in."""

    def load(self) -> Path:
        """Give the path."""
        return self._filepath

    def save(self, data: None) -> None:
        """Refuse: the folder is the node's own to write to."""
        raise DatasetError(f"{self._filepath} is an input only: the node writes into it itself")

    def _exists(self) -> bool:
        return True


class MovedFolderDataset(LocalDataset[Path, Path]):
    """Moves a finished folder to its place, and gives its path.

    For what is too large to pass from node to dataset: the node fills a folder on the same disk (a
    `FolderDataset`) and returns its path. The folder that was there before stays until then.
    """

    def load(self) -> Path:
        """Give the path."""
        return self._filepath

    def save(self, data: Path) -> None:
        """Move the folder."""
        move_folder(data, self._filepath)


class OptionalPartitionsDataset(PartitionedDataset):  # type: ignore[misc]  # kedro-datasets has no types
    """Kedro's PartitionedDataset, for files that people or earlier runs put there, or did not.

    Kedro's own refuses an empty folder, and so would every run before the first file.
    """

    def load(self) -> dict[str, Callable[[], Any]]:
        """List what reads each file, by its name without the suffix, versions as they were made."""
        self._invalidate_caches()
        found = dict(super().load()) if super()._exists() else {}
        return {name: found[name] for name in order_versions(Path(self._path), found)}

    def _exists(self) -> bool:
        return True


class ResponseFolder:
    """Responses as files `<step>/<key>.json`. See `Responses`.

    Args:
        folder: where they lie; it need not be there yet.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def read(self, step: str, key: str) -> Response | Failure | None:
        """Look a response up.

        Raises:
            TunelineError: if its file was changed by hand.
        """
        path = self._path(step, key)
        if not path.is_file():
            return None
        try:
            value = open_seal(orjson.loads(path.read_bytes()))
            return Failure(**value) if "reason" in value else Response(**value)
        except (TypeError, ValueError, AttributeError, OSError) as error:
            raise TunelineError(
                Problem(
                    where=str(path),
                    wrong=f"it is no response ({error})",
                    matters="the file was changed by hand or damaged",
                    remedy="delete it to have it asked, and paid, again",
                )
            ) from error

    def write(self, step: str, key: str, response: Response | Failure) -> None:
        """Keep a response; it is on the disk when this returns."""
        with replace_whole(self._path(step, key)) as file:
            file.write(orjson.dumps(seal_value(asdict(response)), option=orjson.OPT_INDENT_2))

    def _path(self, step: str, key: str) -> Path:
        return self._folder / step / f"{key}.json"


class ResponseFolderDataset(AbstractDataset[Any, ResponseFolder]):
    """Gives a node the folder in which it keeps responses while it runs.

    The folder is the one place a node writes to by itself: a run that is killed must find again
    what it has paid for.

    Args:
        filepath: the folder.
        metadata: ignored here; Kedro-Viz reads the layer from it.
    """

    def __init__(self, *, filepath: str, metadata: dict[str, Any] | None = None) -> None:
        self._filepath = Path(filepath)
        self.metadata = metadata

    def load(self) -> ResponseFolder:
        """Answer with the folder, of which nothing is read yet."""
        return ResponseFolder(self._filepath)

    def save(self, data: Any) -> NoReturn:
        """Refuse: responses are kept one by one.

        Raises:
            TunelineError: always.
        """
        raise TunelineError(
            Problem(
                where=str(self._filepath),
                wrong="a folder of responses was to be written as a whole",
                matters="responses are kept one by one, as they come",
                remedy="make it an input of the node",
            )
        )

    def _exists(self) -> bool:
        return True  # an empty one is where every run starts

    def _describe(self) -> dict[str, Any]:
        return {"filepath": str(self._filepath)}


class CacheDataset(AbstractDataset[NoReturn, Cache]):
    """Opens a cache, which a node reads and adds to while it works.

    The one kind of dataset that a node writes to itself: what is finished must survive the node.

    Args:
        filepath: the file; made when the first entry is recorded.
        metadata: ignored here; Kedro-Viz reads the layer from it.
    """

    def __init__(self, *, filepath: str, metadata: dict[str, Any] | None = None) -> None:
        self._filepath = Path(filepath)
        self.metadata = metadata

    def load(self) -> Cache:
        """Open the cache; without a file it is empty."""
        return Cache(self._filepath)

    def save(self, data: NoReturn) -> None:
        """Refuse: entries are recorded one by one."""
        raise DatasetError(f"{self._filepath} is a cache: record entries, do not save it")

    def _exists(self) -> bool:
        return True

    def _describe(self) -> dict[str, Any]:
        return {"filepath": str(self._filepath)}
