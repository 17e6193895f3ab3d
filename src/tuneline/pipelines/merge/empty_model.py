"""The base model with its adapter, built without the base model's weights."""

from typing import Any

from tuneline.errors import Problem, TunelineError
from tuneline.models.adapted_model import restore_config
from tuneline.models.adapter import Adapter
from tuneline.pipelines.merge.base_weights import Checkpoint

# What LoraConfig must state if the weights are to be all that an adapter changes in a model.
WEIGHTS_ALONE = {
    "bias": "none",
    "lora_bias": False,
    "layer_replication": None,
    "alora_invocation_tokens": None,
    "arrow_config": None,
    "ensure_weight_tying": False,
}


def wrap_without_weights(checkpoint: Checkpoint, adapter: Adapter) -> Any:
    """Build the base model without its weights and put the adapter, with its weights, on it.

    Base weights are on the meta device, the adapter on the CPU.
    """
    import torch
    from peft import get_peft_model, set_peft_model_state_dict
    from peft.tuners.lora import LoraLayer
    from transformers import AutoModelForCausalLM

    _refuse_more(adapter.config)
    with torch.device("meta"):
        model = AutoModelForCausalLM.from_config(
            checkpoint.config, dtype=torch.float32, trust_remote_code=False
        )
        model = get_peft_model(model, restore_config(adapter, model))
    _refuse_strange(model.base_model.model)
    # PEFT moves an adapter to where its layer's weight is, which is nowhere yet.
    for module in model.modules():
        if isinstance(module, LoraLayer):
            module.get_base_layer().weight = torch.nn.Parameter(torch.empty(0), requires_grad=False)
    # Of an adapted embedding PEFT saves the base's weight, too; here it comes from the checkpoint.
    tensors = {k: tensor for k, tensor in adapter.tensors.items() if ".base_layer." not in k}
    try:
        loaded = set_peft_model_state_dict(model, tensors, low_cpu_mem_usage=True)
    except RuntimeError as error:
        raise TunelineError(
            Problem(
                where=checkpoint.where,
                value=checkpoint.name,
                wrong="its weights have other shapes than those the adapter was trained on",
                matters="on another base model an adapter means nothing",
                remedy="name the base model of the training, or its 16-bit original: "
                "merge.base_model",
            )
        ) from error
    if loaded.unexpected_keys:
        raise TunelineError(unknown_weights(sorted(loaded.unexpected_keys), checkpoint))
    return model


def _refuse_more(config: dict[str, Any]) -> None:
    """Refuse an adapter that changes more than the weights of layers."""
    for key, plain in WEIGHTS_ALONE.items():
        if config.get(key, plain) != plain:
            raise TunelineError(_cannot_merge(f"adapter.{key}", config[key], "the model"))


def _refuse_strange(model: Any) -> None:
    """Refuse what is neither LoRA on a layer nor a trained copy of one."""
    from peft.tuners.lora import LoraLayer
    from peft.tuners.lora.layer import ParamWrapper
    from peft.tuners.tuners_utils import BaseTunerLayer
    from peft.utils.other import AuxiliaryTrainingWrapper, ModulesToSaveWrapper

    for path, module in model.named_modules():
        if isinstance(module, LoraLayer | ModulesToSaveWrapper):
            if not isinstance(module, ParamWrapper):
                continue
        elif not isinstance(module, BaseTunerLayer | AuxiliaryTrainingWrapper):
            continue
        raise TunelineError(_cannot_merge("adapter", None, path))


def _cannot_merge(where: str, value: Any, changed: str) -> Problem:
    return Problem(
        where=where,
        value=value,
        wrong=f"it changes {changed} in a way that Tuneline cannot merge",
        matters="a merged model without this part would be another one",
        remedy="use the adapter as it is, without merging",
    )


def unknown_weights(names: list[str], checkpoint: Checkpoint) -> Problem:
    """Name weights that an adapter has changed and no file of the base model holds."""
    more = f" and {len(names) - 1} others" if len(names) > 1 else ""
    return Problem(
        where=checkpoint.where,
        value=checkpoint.name,
        wrong=f"it has no weight {names[0]}{more}, which the adapter or the quantization changes",
        matters="a part of the training would be lost silently",
        remedy="name the base model of the training, or its 16-bit original: merge.base_model; if "
        "it is the right one, its file stores these weights in another form: use the adapter as "
        "it is, without merging",
    )
