"""Adapters as standard PEFT folders, one for each version."""

import json
from pathlib import Path, PurePosixPath
from typing import Any

from kedro.io import AbstractVersionedDataset, Version
from kedro.io.core import VersionNotFoundError

from tuneline.adapters import Adapter
from tuneline.files import replace_whole_folder
from tuneline.foreign_code import check_adapter_config, refuse_foreign_code


class AdapterDataset(AbstractVersionedDataset[Adapter, Adapter]):
    """Writes and reads an adapter as the folder that PEFT, transformers and vLLM load.

    Holds `adapter_model.safetensors`, `adapter_config.json`, the tokenizer's files with
    `chat_template.jinja`, and `provenance.json`. The folder appears only when it is whole.

    Args:
        filepath: the folder; versions stand under it.
        version: as Kedro passes it.
        metadata: ignored here; Kedro-Viz reads the layer from it.
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
            TunelineError: if it comes with code.
        """
        from safetensors.torch import load_file
        from transformers import AutoTokenizer

        folder = Path(self._get_load_path())
        config = _read(folder / "adapter_config.json")
        check_adapter_config(str(folder / "adapter_config.json"), config)
        with refuse_foreign_code(str(folder / "tokenizer_config.json"), None):
            tokenizer = AutoTokenizer.from_pretrained(folder, trust_remote_code=False)
        return Adapter(
            config=config,
            tensors=load_file(folder / "adapter_model.safetensors"),
            tokenizer=tokenizer,
            provenance=_read(folder / "provenance.json"),
        )

    def save(self, data: Adapter) -> None:
        """Write the adapter."""
        with replace_whole_folder(Path(self._get_save_path())) as folder:
            write_adapter(folder, data)

    def _exists(self) -> bool:
        try:
            return Path(self._get_load_path()).is_dir()
        except VersionNotFoundError:
            return False

    def _describe(self) -> dict[str, Any]:
        return {"filepath": str(self._filepath), "version": self._version}


def write_adapter(folder: Path, adapter: Adapter) -> None:
    """Write an adapter's files.

    Args:
        folder: where to; it is there already.
        adapter: the adapter.
    """
    from safetensors.torch import save_file

    save_file(adapter.tensors, folder / "adapter_model.safetensors", {"format": "pt"})
    _write(folder / "adapter_config.json", adapter.config)
    _write(folder / "provenance.json", adapter.provenance)
    adapter.tokenizer.save_pretrained(folder)


def _read(path: Path) -> dict[str, Any]:
    return dict(json.loads(path.read_text(encoding="utf-8")))


def _write(path: Path, value: dict[str, Any]) -> None:
    text = json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False)
    path.write_text(text + "\n", encoding="utf-8")
