"""Models of the true shape with random weights, and how the team of each of them trained it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

TINY_BASE = Path("data/06_models/tiny_base")


@dataclass(frozen=True)
class Team:
    """The settings of a use case's team that decide speed and memory, next to its recipe.

    Attributes:
        use_case: whose recipe in `conf/` names LoRA, optimizer and quantization.
        batch: examples, padded, that the team passed at once.
        accumulation: how many of these batches made one step.
        max_length: tokens of an example.
    """

    use_case: str
    batch: int
    accumulation: int
    max_length: int


# Of those that are the shape of a published model.
NAMES = {
    "phi_3_mini": "microsoft/Phi-3-mini-4k-instruct",
    "llama_3_2_3b": "meta-llama/Llama-3.2-3B-Instruct",
    "mistral_7b": "mistralai/Mistral-7B-Instruct-v0.3",
}
PRODUCTS = Team("product_descriptions", batch=2, accumulation=4, max_length=2048)
TEAMS = {
    "small": PRODUCTS,
    "llama_25m": PRODUCTS,
    "smollm2_135m": PRODUCTS,
    "phi_3_mini": PRODUCTS,
    "llama_3_2_3b": Team("shoe_mould", batch=8, accumulation=2, max_length=2048),
    "mistral_7b": Team("essential_oils", batch=1, accumulation=4, max_length=512),
}


def make_config(name: str) -> Any:
    """Make the config of one of the models in `TEAMS`."""
    from transformers import LlamaConfig, MistralConfig, Phi3Config

    makers = {
        "small": lambda: LlamaConfig(
            hidden_size=64,
            intermediate_size=128,
            num_hidden_layers=2,
            num_attention_heads=4,
            num_key_value_heads=2,
        ),
        "llama_25m": lambda: LlamaConfig(
            hidden_size=512,
            intermediate_size=1376,
            num_hidden_layers=8,
            num_attention_heads=8,
            num_key_value_heads=8,
        ),
        "smollm2_135m": lambda: LlamaConfig(
            vocab_size=49152,
            hidden_size=576,
            intermediate_size=1536,
            num_hidden_layers=30,
            num_attention_heads=9,
            num_key_value_heads=3,
            tie_word_embeddings=True,
        ),
        "phi_3_mini": Phi3Config,
        "llama_3_2_3b": lambda: LlamaConfig(
            vocab_size=128256,
            hidden_size=3072,
            intermediate_size=8192,
            num_hidden_layers=28,
            num_attention_heads=24,
            num_key_value_heads=8,
            head_dim=128,
            tie_word_embeddings=True,
        ),
        "mistral_7b": lambda: MistralConfig(vocab_size=32768, sliding_window=None),
    }
    return makers[name]()


def save_model(name: str, place: Path) -> None:
    """Write a model with random weights in 16 bits (the small ones in 32) and a tokenizer.

    Args:
        name: one of `TEAMS`.
        place: the folder to write.
    """
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(TINY_BASE, trust_remote_code=False)
    config = make_config(name)
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
