"""A base model with adapters on it: loaded, switched off and on, merged for a while."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tuneline.examples import OLD
from tuneline.models.adapter import Adapter
from tuneline.models.loading import load_model
from tuneline.parameters import Hardware, Recipe

log = logging.getLogger(__name__)

# What PEFT calls the adapter that is put on a model first.
ADAPTERS = {"tuned": "default"}


def attach_adapter(model: Any, adapter: Adapter) -> Any:
    """Put an adapter on a base model.

    Args:
        model: the base model.
        adapter: the adapter.

    Returns:
        A PeftModel; `with model.disable_adapter():` makes it the base model again.
    """
    from peft import get_peft_model, set_peft_model_state_dict

    model = get_peft_model(model, restore_config(adapter, model))
    set_peft_model_state_dict(model, adapter.tensors)
    return model.eval()


@contextmanager
def become(model: Any, who: str) -> Iterator[Any]:
    """Have a model answer as one of several, as long as the block lasts.

    Args:
        model: a PeftModel.
        who: `base`, `tuned`, or the name of its second adapter.

    Yields:
        The model.
    """
    if who == "base":
        with model.disable_adapter():
            yield model
        return
    model.set_adapter(ADAPTERS.get(who, who), inference_mode=True)
    yield model


def attach_old(model: Any, adapter: Adapter, old: Adapter) -> None:
    """Put the adapter that a training has started from on the model of the trained one.

    Args:
        model: a PeftModel that has the trained one.
        adapter: the trained one, whose layers, rank and alpha the old one has, too.
        old: the old one.
    """
    from peft import set_peft_model_state_dict

    model.add_adapter(OLD, restore_config(adapter, model.get_base_model()))
    set_peft_model_state_dict(model, old.tensors, adapter_name=OLD)
    model.eval()


@contextmanager
def merge_if_exact(model: Any) -> Iterator[None]:
    """Have an adapter in the weights while the block lasts, where that changes nothing.

    The same product, up to the rounding of float32, without three more operations in every layer.
    In 16 bits rounding would change what the adapter has learned; embeddings that are the head,
    too, would take over what the adapter adds to one of them. Afterwards the weights are what they
    were, up to their last bits.

    Args:
        model: a PeftModel.
    """
    import torch
    from peft.tuners.tuners_utils import BaseTunerLayer

    ends = (model.get_input_embeddings(), model.get_output_embeddings())
    exact = all(one.dtype == torch.float32 for one in model.parameters())
    if not exact or any(isinstance(one, BaseTunerLayer) for one in ends):
        yield
        return
    model.merge_adapter()
    try:
        yield
    finally:
        model.unmerge_adapter()


def restore_config(adapter: Adapter, model: Any) -> Any:
    """Make the `LoraConfig` that puts an adapter on a model.

    It names the model as it was loaded: a GGUF file is loaded from the folder it is converted into.
    """
    from peft import LoraConfig

    loaded = {"inference_mode": False, "base_model_name_or_path": model.name_or_path}
    return LoraConfig(**{**adapter.config, **loaded})


def load_tuned(adapter: Adapter, recipe: Recipe, hardware: Hardware) -> Any:
    """Load the base model as it was trained on, quantized or not, and put the adapter on it.

    Args:
        adapter: the adapter; `find_incompatibilities` tells whether it belongs to this base model.
        recipe: names base model and quantization.
        hardware: the machine.

    Returns:
        A PeftModel, in evaluation mode. Where it computes in another number format than the
        training did, the log says so.
    """
    trained = adapter.provenance["hardware"]
    if trained["dtype"] != hardware.dtype:
        log.info(
            "The adapter was trained in %s (%s), and %s computes in %s: late in an answer a few "
            "tokens may differ.",
            trained["dtype"],
            trained["name"],
            hardware.name,
            hardware.dtype,
        )
    return attach_adapter(load_model(recipe, hardware), adapter)
