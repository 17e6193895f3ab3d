"""What a model expects at each token of a few references."""

import gc
from collections.abc import Callable
from typing import Any

from tuneline.adapters import Adapter, attach_adapter
from tuneline.attention import avoid_slow_kernel, choose_attention
from tuneline.examples import Example
from tuneline.modelling import load_model
from tuneline.parameters import Hardware, Recipe
from tuneline.rendering import render_example

# Of each reference; more would tell little and cost memory: tokens by vocabulary, 4 bytes each.
TOKENS = 64


class Asked:
    """The examples that the models are compared on, in tokens.

    Args:
        tokenizer: the adapter's.
        examples: prompts and references.
    """

    def __init__(self, tokenizer: Any, examples: list[Example]) -> None:
        self.rendered = [render_example(tokenizer, example) for example in examples]

    def compute_logits(self, model: Any) -> Any:
        """Compute the logits of the references' tokens.

        Args:
            model: in evaluation mode.

        Returns:
            (tokens of all references, vocabulary), float32, on the CPU.
        """
        import torch

        rows = []
        with torch.inference_mode():
            for one in self.rendered:
                ids = torch.tensor([one.ids[: one.prompt_length + TOKENS]], device=model.device)
                logits = model(input_ids=ids).logits[0, one.prompt_length - 1 : -1]
                rows.append(logits.float().cpu())
        return torch.cat(rows)

    def list_targets(self) -> Any:
        """List the tokens that those logits foresee."""
        import torch

        ids = [one.ids[one.prompt_length : one.prompt_length + TOKENS] for one in self.rendered]
        return torch.tensor([token for row in ids for token in row])


def compute_unmerged(
    asked: Asked, name: str, revision: str, adapter: Adapter, dtype: str, hardware: Hardware
) -> tuple[Any, Any]:
    """Compute logits of the 16-bit base model, without and with the adapter on it.

    Args:
        asked: what is asked.
        name: hub id or folder of the base model.
        revision: on the hub.
        adapter: the adapter.
        dtype: of the computation.
        hardware: the device.

    Returns:
        The base model's, and those of base model and adapter.
    """

    def compute(model: Any) -> tuple[Any, Any]:
        model = attach_adapter(model, adapter)
        with model.disable_adapter():
            base = asked.compute_logits(model)
        return base, asked.compute_logits(model)

    base, unmerged = _with_model(lambda: _load(name, revision, dtype, hardware), compute)
    return base, unmerged


def compute_merged(asked: Asked, folder: str, dtype: str, hardware: Hardware) -> Any:
    """Compute logits of the merged model.

    Args:
        asked: what is asked.
        folder: the merged model.
        dtype: of the computation.
        hardware: the device.

    Returns:
        Its logits.
    """
    return _with_model(lambda: _load(folder, "main", dtype, hardware), asked.compute_logits)


def compute_evaluated(asked: Asked, adapter: Adapter, recipe: Recipe, hardware: Hardware) -> Any:
    """Compute logits of what was evaluated: the adapter on the 4-bit base model.

    Args:
        asked: what is asked.
        adapter: the adapter.
        recipe: names the base model and its quantisation.
        hardware: the machine.

    Returns:
        Its logits.
    """
    return _with_model(
        lambda: attach_adapter(load_model(recipe, hardware), adapter), asked.compute_logits
    )


def _with_model(load: Callable[[], Any], compute: Callable[[Any], Any]) -> Any:
    """Load a model, use it, and let its memory go before the next one comes."""
    import torch

    result = compute(load().eval())
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    return result


def _load(name: str, revision: str, dtype: str, hardware: Hardware) -> Any:
    import torch
    from transformers import AutoModelForCausalLM

    avoid_slow_kernel(hardware)
    return AutoModelForCausalLM.from_pretrained(
        name,
        revision=revision,
        dtype=getattr(torch, dtype),
        device_map={"": hardware.device},
        attn_implementation=choose_attention(hardware),
        use_safetensors=True,
        trust_remote_code=False,
    )
