"""Adapters, base models and releases as folders, read and written whole."""

import json
from pathlib import Path, PurePosixPath
from typing import Any

from kedro.io import AbstractVersionedDataset, Version
from kedro.io.core import VersionNotFoundError

from tuneline.datasets.folders import LocalDataset, VersionsInOrder
from tuneline.models.adapter import Adapter, BaseModel, Release
from tuneline.models.foreign_code import check_adapter_config, refuse_foreign_code
from tuneline.models.seen_examples import read_seen, write_seen
from tuneline.models.start_adapter import SEEN
from tuneline.utils.files import name_unreadable, replace_whole_folder
from tuneline.utils.hashing import PROVENANCE, read_sealed_folder, seal_folder

CONFIG = "adapter_config.json"
AGAIN = (
    "train again: the same command takes the adapter from its checkpoints, where they are whole; "
    "or let --load-versions name an earlier version"
)


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
            provenance = read_sealed_folder(folder, AGAIN)
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
    seal_folder(folder, adapter.provenance)


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
            provenance=json.loads((self._filepath / PROVENANCE).read_text("utf-8")),
        )

    def save(self, data: BaseModel) -> None:
        """Write the model, the tokenizer and where they come from."""
        text = json.dumps(data.provenance, indent=2, sort_keys=True)
        with replace_whole_folder(self._filepath) as folder:
            data.model.save_pretrained(folder)
            data.tokenizer.save_pretrained(folder)
            (folder / PROVENANCE).write_text(text + "\n", encoding="utf-8")

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
