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
CHATML = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n{{ message['content'] }}"
    "<|im_end|>\n{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
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


def write_gguf(path: Path, *, weights: Any = None, **fields: str | None) -> Path:
    """Write a small GGUF file: a Llama with a byte-level tokenizer of 261 tokens.

    Args:
        path: the file.
        weights: the `LlamaForCausalLM` to write in float16; None for a file with one small tensor.
        fields: `architecture`, `kind` (general.type) and `template`; None leaves the template out.
    """
    import gguf
    import numpy as np

    stated = {"architecture": "llama", "kind": "model", "template": CHATML, **fields}
    writer = gguf.GGUFWriter(path, stated["architecture"])
    writer.add_type(stated["kind"])
    tokens = [*_list_bytes(), "th", "the", "<unk>", "<|im_start|>", "<|im_end|>"]
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("smollm")
    writer.add_token_list(tokens)
    writer.add_token_types([gguf.TokenType.NORMAL] * 258 + [gguf.TokenType.CONTROL] * 3)
    writer.add_token_merges(["t h", "th e"])
    writer.add_bos_token_id(259)
    writer.add_eos_token_id(260)
    writer.add_unk_token_id(258)
    writer.add_pad_token_id(260)
    if stated["template"]:
        writer.add_chat_template(stated["template"])
    if weights is None:
        writer.add_tensor("token_embd.weight", np.zeros((8, 32), np.float16))
    else:
        _add_llama(writer, weights)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def _list_bytes() -> list[str]:
    from transformers.convert_slow_tokenizer import bytes_to_unicode

    return list(bytes_to_unicode().values())


def _add_llama(writer: Any, model: Any) -> None:
    """Write a model's shape and weights as llama.cpp's converter does."""
    import gguf

    config = model.config
    writer.add_context_length(config.max_position_embeddings)
    writer.add_embedding_length(config.hidden_size)
    writer.add_block_count(config.num_hidden_layers)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count(config.num_attention_heads)
    writer.add_head_count_kv(config.num_key_value_heads)
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    writer.add_rope_freq_base(config.rope_parameters["rope_theta"])
    writer.add_vocab_size(config.vocab_size)
    names = gguf.get_tensor_name_map(gguf.MODEL_ARCH.LLAMA, config.num_hidden_layers)
    state = model.state_dict()
    for name, tensor in state.items():
        heads = {"q_proj": config.num_attention_heads, "k_proj": config.num_key_value_heads}
        head = next((count for part, count in heads.items() if part in name), None)
        if head:  # its rotary pairs lie next to each other there
            rows, columns = tensor.shape
            halves = tensor.reshape(head, 2, rows // head // 2, columns)
            state[name] = halves.transpose(1, 2).reshape(rows, columns)
    for name, tensor in state.items():
        as_stored = tensor.float() if tensor.ndim == 1 else tensor.half()
        stem = names.get_name(name.removesuffix(".weight"))
        writer.add_tensor(f"{stem}.weight", as_stored.numpy())
