"""Folders of this machine as datasets: to work in, adapters, base models, releases; and caches."""

import json
from collections.abc import Callable
from pathlib import Path, PurePosixPath
from typing import Any, NoReturn, TypeVar

from kedro.io import AbstractDataset, AbstractVersionedDataset, DatasetError, Version
from kedro.io.core import VersionNotFoundError
from kedro_datasets._typing import TablePreview
from kedro_datasets.partitions import PartitionedDataset

from tuneline.models.adapter import Adapter, BaseModel, Release
from tuneline.models.loading import check_adapter_config, refuse_foreign_code
from tuneline.models.seen_examples import read_seen, write_seen
from tuneline.models.start_adapter import SEEN
from tuneline.utils.caches import Cache
from tuneline.utils.files import move_folder, name_unreadable, replace_whole_folder
from tuneline.utils.hashing import (
    check_files,
    hash_all,
    order_versions,
    read_sealed,
    record_version,
    write_sealed,
)
from tuneline.utils.terminal import shorten

CONFIG, PROVENANCE = "adapter_config.json", "provenance.json"
AGAIN = (
    "train again: the same command takes the adapter from its checkpoints, where they are whole; "
    "or let --load-versions name an earlier version"
)

Saved = TypeVar("Saved")
Loaded = TypeVar("Loaded")

# Long texts would make Kedro-Viz's table unreadable.
PREVIEW_CHARACTERS = 160


class LocalDataset(AbstractDataset[Saved, Loaded]):
    """A file or a folder on this machine."""

    def __init__(self, *, filepath: str, metadata: dict[str, Any] | None = None) -> None:
        self._filepath = Path(filepath)
        self.metadata = metadata

    def _exists(self) -> bool:
        return self._filepath.exists()

    def _describe(self) -> dict[str, Any]:
        return {"filepath": str(self._filepath)}


def preview_rows(rows: list[dict[str, object]]) -> TablePreview:
    """Make the table that Kedro-Viz shows of some rows; long values are shortened."""
    columns = list(rows[0]) if rows else []
    data = [[_preview(row[column]) for column in columns] for row in rows]
    return TablePreview({"index": list(range(len(rows))), "columns": columns, "data": data})


def _preview(value: object) -> str:
    return "" if value is None else shorten(value, PREVIEW_CHARACTERS)


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


class CacheDataset(LocalDataset[NoReturn, Cache]):
    """Opens a cache of answers or responses, which a node reads and adds to while it works.

    The one kind of dataset that a node writes to itself: what is finished must survive the node.
    """

    def load(self) -> Cache:
        """Open the cache; without a file it is empty."""
        return Cache(self._filepath)

    def save(self, data: NoReturn) -> None:
        """Refuse: values are put one by one."""
        raise DatasetError(f"{self._filepath} is a cache: put values, do not save it")

    def _exists(self) -> bool:
        return True


class VersionsInOrder:
    """Takes the version that was made last for the latest, whatever the clock says.

    Comes before a class of Kedro's; it is none itself, because Kedro would give it that class's
    constructor.
    """

    _filepath: PurePosixPath
    resolve_save_version: Callable[[], str | None]

    def _get_versions(self) -> list[str]:
        """List the versions there are, the last one made first."""
        found = super()._get_versions()  # type: ignore[misc]
        paths = {Path(path).parent.name: str(path) for path in found}
        return [paths[name] for name in reversed(order_versions(Path(self._filepath), paths))]

    def _record(self) -> None:
        """Record the version that is about to be saved, where there are versions."""
        version = self.resolve_save_version()
        if version:
            record_version(Path(self._filepath), version)


class AdapterDataset(VersionsInOrder, AbstractVersionedDataset[Adapter, Adapter]):
    """Writes and reads an adapter as the folder that PEFT, transformers and vLLM load.

    Holds `adapter_model.safetensors`, `adapter_config.json`, the tokenizer's files with
    `chat_template.jinja`, `seen.safetensors` with hashes of the examples it has seen, and
    `provenance.json` with the SHA-256 of all these. The folder appears only when it is whole.
    """

    def __init__(
        self,
        *,
        filepath: str,
        version: Version | None = None,
        metadata: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(PurePosixPath(filepath), version)
        self.metadata = metadata

    def load(self) -> Adapter:
        """Read the adapter; weights from safetensors only.

        Raises:
            TunelineError: if it comes with code, or naming the file that is not what was written.
        """
        from safetensors.torch import load_file
        from transformers import AutoTokenizer

        folder = Path(self._get_load_path())
        with name_unreadable(folder, AGAIN):
            provenance = read_sealed(folder / PROVENANCE, AGAIN)
            check_files(folder, provenance.pop("files", {}), AGAIN)
            config = dict(json.loads((folder / CONFIG).read_bytes()))
            check_adapter_config(str(folder / CONFIG), config)
            with refuse_foreign_code(str(folder / "tokenizer_config.json"), None):
                tokenizer = AutoTokenizer.from_pretrained(folder, trust_remote_code=False)
            tensors = load_file(folder / "adapter_model.safetensors")
            seen = read_seen(folder / SEEN) if (folder / SEEN).is_file() else None
        return Adapter(config, tensors, tokenizer, provenance, seen)

    def save(self, data: Adapter) -> None:
        """Write the adapter."""
        with replace_whole_folder(Path(self._get_save_path())) as folder:
            write_adapter(folder, data)
            self._record()

    def _exists(self) -> bool:
        try:
            return Path(self._get_load_path()).is_dir()
        except VersionNotFoundError:
            return False

    def _describe(self) -> dict[str, Any]:
        return {"filepath": str(self._filepath), "version": self._version}


def write_adapter(folder: Path, adapter: Adapter) -> None:
    """Write an adapter's files into a folder that is there already."""
    from safetensors.torch import save_file

    config = json.dumps(adapter.config, indent=2, sort_keys=True, ensure_ascii=False)
    save_file(adapter.tensors, folder / "adapter_model.safetensors", {"format": "pt"})
    (folder / CONFIG).write_text(config + "\n", encoding="utf-8")
    adapter.tokenizer.save_pretrained(folder)
    if adapter.seen is not None:
        write_seen(folder / SEEN, adapter.seen)
    write_sealed(folder / PROVENANCE, {**adapter.provenance, "files": hash_all(folder)})


class BaseModelDataset(LocalDataset[BaseModel, BaseModel]):
    """Writes and reads a model and its tokenizer as a folder that `from_pretrained` loads."""

    def load(self) -> BaseModel:
        """Read the model; weights from safetensors only."""
        from transformers import AutoModelForCausalLM, AutoTokenizer

        return BaseModel(
            model=AutoModelForCausalLM.from_pretrained(
                self._filepath, use_safetensors=True, trust_remote_code=False
            ),
            tokenizer=AutoTokenizer.from_pretrained(self._filepath, trust_remote_code=False),
            provenance=json.loads((self._filepath / "provenance.json").read_text("utf-8")),
        )

    def save(self, data: BaseModel) -> None:
        """Write the model, the tokenizer and where they come from."""
        text = json.dumps(data.provenance, indent=2, sort_keys=True)
        with replace_whole_folder(self._filepath) as folder:
            data.model.save_pretrained(folder)
            data.tokenizer.save_pretrained(folder)
            (folder / "provenance.json").write_text(text + "\n", encoding="utf-8")

    def _exists(self) -> bool:
        return (self._filepath / "config.json").is_file()


class ReleaseFolderDataset(LocalDataset[Release, Path]):
    """Writes a release as the files that a repository will hold, and gives their folder.

    The folder appears only when it is whole, and holds nothing of the release before it.
    """

    def load(self) -> Path:
        """Give the folder."""
        return self._filepath

    def save(self, data: Release) -> None:
        """Write the release."""
        with replace_whole_folder(self._filepath) as folder:
            write_adapter(folder, data.adapter)
            for name, text in data.texts.items():
                (folder / name).write_text(text, encoding="utf-8")
