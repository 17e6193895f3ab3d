"""Base models as standard transformers folders."""

import json
from pathlib import Path
from typing import Any

from kedro.io import AbstractDataset

from tuneline.base_models import BaseModel
from tuneline.files import replace_whole_folder


class BaseModelDataset(AbstractDataset[BaseModel, BaseModel]):
    """Writes and reads a model and its tokenizer as a folder that `from_pretrained` loads.

    Args:
        filepath: the folder.
        metadata: ignored here; Kedro-Viz reads the layer from it.
    """

    def __init__(self, *, filepath: str, metadata: dict[str, Any] | None = None) -> None:
        self._filepath = Path(filepath)
        self.metadata = metadata

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

    def _describe(self) -> dict[str, Any]:
        return {"filepath": str(self._filepath)}
