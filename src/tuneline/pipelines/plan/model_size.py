"""What a model weighs, from its config alone."""

from dataclasses import dataclass
from typing import Any

from tuneline.parameters import Recipe


@dataclass(frozen=True)
class ModelSize:
    """Shape of a base model with its adapter. Counts of parameters; dimensions in elements.

    Attributes:
        quantized: parameters that are stored in 4 bits: the linear layers without the head.
        unquantized: the others: embeddings, norms, head.
        trainable: parameters of the adapter.
        layers: number of transformer layers.
        hidden: width of the residual stream.
        queries: width of all query heads.
        key_values: width of all key, or value, heads.
        feed_forward: inner width of the feed-forward network.
        vocabulary: number of tokens.
    """

    quantized: int
    unquantized: int
    trainable: int
    layers: int
    hidden: int
    queries: int
    key_values: int
    feed_forward: int
    vocabulary: int

    def parameters(self) -> dict[str, int | float]:
        """Count base and trainable parameters and the trainable share of both together."""
        base = self.quantized + self.unquantized
        share = self.trainable / (base + self.trainable)
        return {"base": base, "trainable": self.trainable, "trainable_share": round(share, 6)}


def measure_model(config: Any, recipe: Recipe) -> ModelSize:
    """Build model and adapter without memory (on PyTorch's meta device) and count.

    Args:
        config: the base model's config.
        recipe: its LoRA settings.

    Returns:
        The sizes.
    """
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM

    with torch.device("meta"):
        model = AutoModelForCausalLM.from_config(config)
        head = model.get_output_embeddings()
        linear = [
            module
            for module in model.modules()
            if isinstance(module, torch.nn.Linear) and module is not head
        ]
        quantized = sum(module.weight.numel() for module in linear)
        base = model.num_parameters()
        # How the weights start does not change how many there are.
        lora = {name: value for name, value in recipe.lora.items() if name != "init_lora_weights"}
        model = get_peft_model(model, LoraConfig(task_type="CAUSAL_LM", **lora))
    heads = config.num_attention_heads
    width = getattr(config, "head_dim", None) or config.hidden_size // heads
    return ModelSize(
        quantized=quantized,
        unquantized=base - quantized,
        trainable=model.get_nb_trainable_parameters()[0],
        layers=config.num_hidden_layers,
        hidden=config.hidden_size,
        queries=heads * width,
        key_values=(getattr(config, "num_key_value_heads", None) or heads) * width,
        feed_forward=config.intermediate_size,
        vocabulary=config.vocab_size,
    )
