"""Adapters for tests of the merge: of every kind, trained by nobody."""

from typing import Any

import torch
from peft import LoraConfig, get_peft_model
from transformers import AutoModelForCausalLM, BitsAndBytesConfig

from tests.conftest import extract_adapter
from tests.pipelines.evaluate.adapters import describe
from tuneline.examples import Example
from tuneline.hub.gguf import locate_base
from tuneline.models.adapter import Adapter, hash_adapter
from tuneline.models.tokenizer import load_tokenizer
from tuneline.parameters import Evaluation, Gguf, Merge, Recipe

MERGE = Merge(max_shard_size="2GB", prompts=4, gguf=Gguf(types=["f16"]))
EVALUATION = Evaluation(title="Tea", generation={"do_sample": False, "max_new_tokens": 16})
EXAMPLES: list[Example] = [
    {
        "id": str(number),
        "prompt": [{"role": "user", "content": f"Write a product description for: {title}"}],
        "completion": [{"role": "assistant", "content": f"The {title} lasts for many years."}],
        "meta": {},
    }
    for number, title in enumerate(("Oak Spoon", "Blue Teapot", "Wool Scarf"))
]


def judge(adapter: Adapter) -> dict[str, Any]:
    """Say what scores say of the adapter that was judged."""
    return {"run": {"adapter": hash_adapter(adapter)}}


def dequantize(recipe: Recipe, dtype: str) -> Any:
    """Load a base model as transformers quantizes it, and let it dequantize that again."""
    base = AutoModelForCausalLM.from_pretrained(
        locate_base(recipe.base_model),
        dtype=getattr(torch, dtype),
        quantization_config=BitsAndBytesConfig(**recipe.quantization),
        device_map={"": "cpu"},
        trust_remote_code=False,
    )
    return base.dequantize().float()


def make_adapter(
    recipe: Recipe, scale: float = 0.2, into: str = "quantized", dtype: str = "float32", **lora: Any
) -> tuple[Adapter, Any]:
    """Make an adapter with an effect; answer with it and with PEFT's model in float32.

    The base under PEFT's model is the one that the adapter is to be merged into.
    """
    base = AutoModelForCausalLM.from_pretrained(
        locate_base(recipe.base_model), dtype=torch.float32, trust_remote_code=False
    )
    if into == "quantized":
        base = dequantize(recipe, dtype)
    torch.manual_seed(3)
    settings = {"r": 4, "lora_alpha": 8, "target_modules": "all-linear", "task_type": "CAUSAL_LM"}
    model = get_peft_model(base, LoraConfig(**{**settings, "init_lora_weights": False, **lora}))
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "lora_B" in name or "lora_embedding_B" in name:
                parameter.mul_(scale)
            elif "modules_to_save" in name or "magnitude" in name:
                parameter.mul_(1.1)
    tokenizer = load_tokenizer(recipe)
    return extract_adapter(model, tokenizer, describe(tokenizer, [], recipe, dtype)), model.eval()
