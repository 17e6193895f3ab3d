"""A folder of replies, one file each."""

from dataclasses import asdict
from pathlib import Path
from typing import Any, NoReturn

import orjson
from kedro.io import AbstractDataset

from tuneline.errors import Problem, TunelineError
from tuneline.files import replace_whole
from tuneline.providers import Failure, Reply
from tuneline.sealing import open_seal, seal_value


class ReplyFolder:
    """Replies as files `<step>/<key>.json`. See `Replies`.

    Args:
        folder: where they lie; it need not be there yet.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def read(self, step: str, key: str) -> Reply | Failure | None:
        """Look a reply up.

        Raises:
            TunelineError: if its file was changed by hand.
        """
        path = self._path(step, key)
        if not path.is_file():
            return None
        try:
            value = open_seal(orjson.loads(path.read_bytes()))
            return Failure(**value) if "reason" in value else Reply(**value)
        except (TypeError, ValueError, AttributeError, OSError) as error:
            raise TunelineError(
                Problem(
                    where=str(path),
                    wrong=f"it is no reply ({error})",
                    matters="the file was changed by hand or damaged",
                    remedy="delete it to have it asked, and paid, again",
                )
            ) from error

    def write(self, step: str, key: str, reply: Reply | Failure) -> None:
        """Keep a reply; it is on the disk when this returns."""
        with replace_whole(self._path(step, key)) as file:
            file.write(orjson.dumps(seal_value(asdict(reply)), option=orjson.OPT_INDENT_2))

    def _path(self, step: str, key: str) -> Path:
        return self._folder / step / f"{key}.json"


class ReplyFolderDataset(AbstractDataset[Any, ReplyFolder]):
    """Gives a node the folder in which it keeps replies while it runs.

    The folder is the one place a node writes to by itself: a run that is killed must find again
    what it has paid for.

    Args:
        filepath: the folder.
        metadata: ignored here; Kedro-Viz reads the layer from it.
    """

    def __init__(self, *, filepath: str, metadata: dict[str, Any] | None = None) -> None:
        self._filepath = Path(filepath)
        self.metadata = metadata

    def load(self) -> ReplyFolder:
        """Answer with the folder, of which nothing is read yet."""
        return ReplyFolder(self._filepath)

    def save(self, data: Any) -> NoReturn:
        """Refuse: replies are kept one by one.

        Raises:
            TunelineError: always.
        """
        raise TunelineError(
            Problem(
                where=str(self._filepath),
                wrong="a folder of replies was to be written as a whole",
                matters="replies are kept one by one, as they come",
                remedy="make it an input of the node",
            )
        )

    def _exists(self) -> bool:
        return True  # an empty one is where every run starts

    def _describe(self) -> dict[str, Any]:
        return {"filepath": str(self._filepath)}
