"""A base model's weights: as they are on the disk, and as a training in 4 bits had them."""

import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from tuneline.errors import Problem, TunelineError
from tuneline.hub.gguf import locate_base
from tuneline.models.foreign_code import refuse_foreign_code

SINGLE, INDEX = "model.safetensors", "model.safetensors.index.json"
# A sentencepiece vocabulary, which transformers saves no more. llama.cpp converts Phi-3 by nothing
# else, and Ollama takes a tokenizer without it for another kind.
PIECES = "tokenizer.model"
# Number formats as safetensors names them.
FLOATING = {"F16": "float16", "BF16": "bfloat16", "F32": "float32", "F64": "float64"}


@dataclass(frozen=True)
class Stored:
    """A tensor on the disk: its shard, its shape, its number format as safetensors names it."""

    file: str
    shape: tuple[int, ...]
    dtype: str

    @property
    def elements(self) -> int:
        """How many numbers it holds."""
        count = 1
        for length in self.shape:
            count *= length
        return count


class Checkpoint:
    """A base model's weights.

    A `revision` is of the hub; `where` is the parameter that names the model, for messages.

    Raises:
        TunelineError: if it cannot be found, is quantized, or holds no safetensors.
    """

    def __init__(self, name: str, revision: str, where: str) -> None:
        self.name, self.revision, self.where = name, revision, where
        self.source = locate_base(name)
        self.config = self.load_config()
        self.files = self._find_files()

    def load_config(self) -> Any:
        """Load the model's config; none that is code or belongs to quantized weights."""
        from transformers import AutoConfig

        try:
            with refuse_foreign_code(self.where, self.name):
                config = AutoConfig.from_pretrained(
                    self.source,
                    revision=self.revision,
                    local_files_only=True,
                    trust_remote_code=False,
                )
        except (OSError, ValueError) as error:
            raise TunelineError(
                self._problem(
                    f"this base model cannot be read ({' '.join(str(error).split()[:16])} …)",
                    "an adapter is nothing without it",
                    "bring it back, or name where it is now: merge.base_model",
                )
            ) from error
        method = getattr(config, "quantization_config", None)
        if method is not None:
            kind = method.get("quant_method", "") if isinstance(method, dict) else ""
            raise TunelineError(
                self._problem(
                    f"its weights are quantized ({kind or 'see its config.json'})",
                    "Tuneline quantizes the original as the training did; it does not unpack files",
                    "name the 16-bit original: `--params=merge.base_model=owner/name`",
                )
            )
        return config

    def load_generation_config(self) -> Any:
        """Load how the model is meant to be asked; what its config says where nothing is stated."""
        from transformers import GenerationConfig

        try:
            return GenerationConfig.from_pretrained(
                self.source, revision=self.revision, local_files_only=True
            )
        except OSError:
            return GenerationConfig.from_model_config(self.config)

    def find_file(self, name: str) -> str | None:
        """Find a file of the folder or repository by its name."""
        from transformers.utils.hub import cached_file

        path: str | None = cached_file(
            self.source,
            name,
            revision=self.revision,
            local_files_only=True,
            _raise_exceptions_for_missing_entries=False,
        )
        return path

    def _find_files(self) -> list[str]:
        from transformers.utils.hub import get_checkpoint_shard_files

        index = self.find_file(INDEX)
        if index is None:
            single = self.find_file(SINGLE)
            files = [] if single is None else [single]
        else:
            files = self._find_shards(index, get_checkpoint_shard_files)
        if not files:
            raise TunelineError(
                self._problem(
                    f"it holds neither {SINGLE} nor {INDEX}",
                    "the adapter is merged into its weights, and Tuneline reads no pickles",
                    "bring the weights back, or name a copy in safetensors: merge.base_model",
                )
            )
        return files

    def _find_shards(self, index: str, find: Any) -> list[str]:
        """Find the files that the index names; in a folder one may be missing."""
        if Path(self.source).is_dir():
            names = json.loads(Path(index).read_text(encoding="utf-8"))["weight_map"].values()
            gone = sorted({one for one in names if not (Path(self.source) / one).is_file()})
            if gone:
                raise TunelineError(
                    self._problem(
                        f"{len(gone)} of its files are missing, {gone[0]} among them",
                        "its weights are what the adapter is merged into",
                        "bring them back, or name a whole copy: merge.base_model",
                    )
                )
        return list(find(self.source, index, revision=self.revision, local_files_only=True)[0])

    @cached_property
    def stored(self) -> dict[str, Stored]:
        """All tensors by name, in the order of the files; their headers are read, no weights."""
        from safetensors import safe_open

        found = {}
        for file in self.files:
            with safe_open(file, framework="pt") as opened:
                for name in opened.keys():  # noqa: SIM118 - it is no mapping
                    part = opened.get_slice(name)
                    found[name] = Stored(file, tuple(part.get_shape()), part.get_dtype())
        return found

    def read(self, name: str) -> Any:
        """Read one tensor."""
        from safetensors import safe_open

        with safe_open(self.stored[name].file, framework="pt") as opened:
            return opened.get_tensor(name)

    @cached_property
    def dtype(self) -> str:
        """The number format that most of its weights are stored in."""
        counts: dict[str, int] = {}
        for one in self.stored.values():
            if one.dtype in FLOATING:
                counts[FLOATING[one.dtype]] = counts.get(FLOATING[one.dtype], 0) + one.elements
        return max(counts, key=lambda dtype: counts[dtype])

    @property
    def parameters(self) -> int:
        """How many numbers the model holds."""
        return sum(one.elements for one in self.stored.values())

    @property
    def matrices(self) -> int:
        """How many of its tensors are matrices."""
        return sum(len(one.shape) > 1 for one in self.stored.values())

    def _problem(self, wrong: str, matters: str, remedy: str) -> Problem:
        return Problem(
            where=self.where, value=self.name, wrong=wrong, matters=matters, remedy=remedy
        )
