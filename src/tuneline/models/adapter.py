"""Adapters, base models and releases, as their files hold them."""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tuneline.examples import ModelName
from tuneline.models.seen_examples import SeenExamples
from tuneline.utils.hashing import hash_value

CARD = "README.md"  # the hub shows this file as the model card
NAMES: dict[ModelName, str] = {"base": "base model", "tuned": "tuned model"}


@dataclass(frozen=True)
class Adapter:
    """A trained LoRA adapter.

    Attributes:
        config: LoraConfig as plain values.
        tensors: weights by name, float32, on the CPU.
        tokenizer: the tokenizer it was trained with, chat template included.
        provenance: what it was made from: hashes of examples, recipe, base and template; versions.
        seen: the examples that it was trained or watched on, and those that the adapter it has
            started from had seen; None where that is not recorded.
    """

    config: dict[str, Any]
    tensors: dict[str, Any]
    tokenizer: Any
    provenance: dict[str, Any]
    seen: SeenExamples | None = None


def read_adapter(
    folder: Path,
    tokenizer: Any,
    provenance: dict[str, Any],
    seen: SeenExamples | None = None,
) -> Adapter:
    """Read an adapter as PEFT has saved it.

    Args:
        folder: with `adapter_config.json` and `adapter_model.safetensors`.
        tokenizer: the tokenizer it was trained with.
        provenance: what it was made from.
        seen: which examples.

    Returns:
        The adapter, in float32.
    """
    from peft import LoraConfig
    from safetensors.torch import load_file

    state = load_file(folder / "adapter_model.safetensors")
    tensors = {name: state[name].float() for name in sorted(state)}
    config = make_plain(LoraConfig.from_pretrained(str(folder)).to_dict())
    config |= {"inference_mode": True, "base_model_name_or_path": provenance["base"]["name"]}
    return Adapter(config, tensors, tokenizer, provenance, seen)


def hash_adapter(adapter: Adapter) -> str:
    """Fingerprint an adapter by its config and its weights: SHA-256, hexadecimal."""
    digest = hashlib.sha256(hash_value(adapter.config).encode())
    for name in sorted(adapter.tensors):
        digest.update(name.encode())
        digest.update(adapter.tensors[name].contiguous().numpy().tobytes())
    return digest.hexdigest()


def make_plain(value: Any) -> Any:
    """Turn sets into sorted lists, so that the same adapter gives the same file."""
    if isinstance(value, dict):
        return {key: make_plain(one) for key, one in value.items()}
    return sorted(value) if isinstance(value, set | frozenset) else value


@dataclass(frozen=True)
class BaseModel:
    """A causal language model with its tokenizer.

    Attributes:
        model: the model, on the CPU.
        tokenizer: its tokenizer, with a chat template.
        provenance: what it was trained on, as hashes.
    """

    model: Any
    tokenizer: Any
    provenance: dict[str, Any]


@dataclass(frozen=True)
class Release:
    """An adapter with what belongs to it.

    Attributes:
        adapter: the adapter.
        texts: further files by name, the model card among them.
    """

    adapter: Adapter
    texts: dict[str, str]
