"""The adapter as a value: what nodes pass to each other instead of a model."""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tuneline.utils.hashing import hash_value


@dataclass(frozen=True)
class Adapter:
    """A trained LoRA adapter.

    Attributes:
        config: LoraConfig as plain values.
        tensors: weights by name, float32, on the CPU.
        tokenizer: the tokenizer it was trained with, chat template included.
        provenance: what it was made from: hashes of examples, recipe, base and template; versions.
    """

    config: dict[str, Any]
    tensors: dict[str, Any]
    tokenizer: Any
    provenance: dict[str, Any]


def read_adapter(folder: Path, tokenizer: Any, provenance: dict[str, Any]) -> Adapter:
    """Read an adapter as PEFT has saved it.

    Args:
        folder: with `adapter_config.json` and `adapter_model.safetensors`.
        tokenizer: the tokenizer it was trained with.
        provenance: what it was made from.

    Returns:
        The adapter, in float32.
    """
    from peft import LoraConfig
    from safetensors.torch import load_file

    state = load_file(folder / "adapter_model.safetensors")
    tensors = {name: state[name].float() for name in sorted(state)}
    config = _plain(LoraConfig.from_pretrained(str(folder)).to_dict())
    config |= {"inference_mode": True, "base_model_name_or_path": provenance["base"]["name"]}
    return Adapter(config=config, tensors=tensors, tokenizer=tokenizer, provenance=provenance)


def hash_adapter(adapter: Adapter) -> str:
    """Fingerprint an adapter by its config and its weights: SHA-256, hexadecimal."""
    digest = hashlib.sha256(hash_value(adapter.config).encode())
    for name in sorted(adapter.tensors):
        digest.update(name.encode())
        digest.update(adapter.tensors[name].contiguous().numpy().tobytes())
    return digest.hexdigest()


def attach_adapter(model: Any, adapter: Adapter) -> Any:
    """Put an adapter on a base model.

    Args:
        model: the base model.
        adapter: the adapter.

    Returns:
        A PeftModel; `with model.disable_adapter():` makes it the base model again.
    """
    from peft import LoraConfig, get_peft_model, set_peft_model_state_dict

    config = LoraConfig(**{**adapter.config, "inference_mode": False})
    model = get_peft_model(model, config)
    set_peft_model_state_dict(model, adapter.tensors)
    return model.eval()


def _plain(value: Any) -> Any:
    """Turn sets into sorted lists, so that the same adapter gives the same file."""
    if isinstance(value, dict):
        return {key: _plain(one) for key, one in value.items()}
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


CARD = "README.md"  # the hub shows this file as the model card


@dataclass(frozen=True)
class Release:
    """An adapter with what belongs to it.

    Attributes:
        adapter: the adapter.
        texts: further files by name, the model card among them.
    """

    adapter: Adapter
    texts: dict[str, str]
