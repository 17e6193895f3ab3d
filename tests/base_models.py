"""Base models of other architectures, small and with random weights, and broken ones."""

import json
import shutil
from pathlib import Path
from typing import Any

from tests.conftest import PROJECT, TINY_BASE

SHAPE = {
    "vocab_size": 8192,
    "hidden_size": 64,
    "intermediate_size": 128,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
}
# What keeps some of them small, and in one piece.
OWN: dict[str, dict[str, Any]] = {
    "gemma4": {"vocab_size_per_layer_input": 64, "hidden_size_per_layer_input": 16},
    "qwen3_5": {"linear_num_value_heads": 4, "linear_num_key_heads": 2},
}
VISION = {
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "image_size": 28,
    "patch_size": 14,
}


def make_config(kind: str) -> Any:
    """Make a small config of an architecture of transformers."""
    from transformers import CONFIG_MAPPING

    config = CONFIG_MAPPING[kind]
    known = config().get_text_config()
    own = OWN.get(kind, {})
    shape = {key: value for key, value in (SHAPE | own).items() if hasattr(known, key)}
    if "text_config" not in config.sub_configs:
        return config(**shape)
    vision = {"vision_config": VISION} if kind == "gemma3" else {}
    return config(text_config=shape, **vision)


def make_base(folder: Path, kind: str, weights: bool = True) -> Path:
    """Write a base model with random weights, and the tiny base model's tokenizer."""
    import torch
    from transformers import AutoModelForCausalLM

    config = make_config(kind)
    folder.mkdir(parents=True)
    if weights:
        torch.manual_seed(0)
        AutoModelForCausalLM.from_config(config, trust_remote_code=False).save_pretrained(folder)
    else:
        config.save_pretrained(folder)
        shutil.copy(PROJECT / TINY_BASE / "model.safetensors", folder)
    for name in ("tokenizer.json", "tokenizer_config.json", "chat_template.jinja"):
        shutil.copy(PROJECT / TINY_BASE / name, folder)
    return folder


def change_json(path: Path, **changes: Any) -> None:
    """Change some keys of a JSON file; None takes a key out."""
    values = json.loads(path.read_text("utf-8")) | changes
    kept = {key: value for key, value in values.items() if value is not None}
    path.write_text(json.dumps(kept), "utf-8")
