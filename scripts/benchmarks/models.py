"""Models of the true shape with random weights: the speed and the memory of the real ones."""

from pathlib import Path
from typing import Any

from transformers import AutoModelForCausalLM, AutoTokenizer, LlamaConfig, MistralConfig, Phi3Config

TINY_BASE = Path("data/06_models/tiny_base")


def make_configs() -> dict[str, Any]:
    """Make the configs, by the name under which the benchmarks know them."""
    return {
        "small": LlamaConfig(
            hidden_size=64,
            intermediate_size=128,
            num_hidden_layers=2,
            num_attention_heads=4,
            num_key_value_heads=2,
        ),
        "llama_25m": LlamaConfig(
            hidden_size=512,
            intermediate_size=1376,
            num_hidden_layers=8,
            num_attention_heads=8,
            num_key_value_heads=8,
        ),
        "phi_3_mini": Phi3Config(),
        "llama_3_2_3b": LlamaConfig(
            vocab_size=128256,
            hidden_size=3072,
            intermediate_size=8192,
            num_hidden_layers=28,
            num_attention_heads=24,
            num_key_value_heads=8,
            head_dim=128,
            tie_word_embeddings=True,
        ),
        "mistral_7b": MistralConfig(vocab_size=32768, sliding_window=None),
    }


def save_model(name: str, folder: Path) -> Path:
    """Write a model with random weights in 16 bits (the small ones in 32) and a tokenizer.

    Args:
        name: one of `make_configs`.
        folder: where models go.

    Returns:
        The model's folder.
    """
    import torch

    place = folder / name
    tokenizer = AutoTokenizer.from_pretrained(TINY_BASE, trust_remote_code=False)
    config = make_configs()[name]
    small = config.hidden_size < 1024
    if small:
        config.vocab_size = len(tokenizer)
    config.bos_token_id = config.pad_token_id = None
    config.eos_token_id = tokenizer.eos_token_id
    torch.manual_seed(3407)
    with torch.device("cuda" if torch.cuda.is_available() else "cpu"):
        dtype = torch.float32 if small else torch.bfloat16
        model = AutoModelForCausalLM.from_config(config, dtype=dtype, trust_remote_code=False)
    model.save_pretrained(place)
    tokenizer.save_pretrained(place)
    return place
