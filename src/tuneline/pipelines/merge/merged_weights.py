"""The sum of a base model's weight and what the adapter adds, computed by PEFT itself."""

import copy
from typing import Any

from tuneline.errors import Problem, TunelineError
from tuneline.models.adapter import Adapter, restore_config
from tuneline.models.memory import BYTES
from tuneline.pipelines.merge.base_weights import FLOATING, Checkpoint, QuantizedBase

# What LoraConfig must state if the weights are to be all that an adapter changes in a model.
WEIGHTS_ALONE = {
    "bias": "none",
    "lora_bias": False,
    "layer_replication": None,
    "alora_invocation_tokens": None,
    "arrow_config": None,
    "ensure_weight_tying": False,
}


class MergedWeights:
    """The merged model's tensors, each computed when it is asked for.

    The model is built on PyTorch's meta device, without its weights, and wrapped by PEFT. One
    adapted layer at a time then gets its weight from the disk and merges, so that ranks, scaling
    (rsLoRA), magnitudes (DoRA) and trained copies (`modules_to_save`) are PEFT's own arithmetic.
    It is done in float32 and rounded once, to `dtype`. What it is added to are the weights that the
    adapter was trained on: those of a base model in 4 bits are quantized and dequantized first.

    Attributes:
        checkpoint: the base model.
        dtype: of the merged model.
        quantized: the base model in 4 bits; `None` to merge into the weights as they are stored.
        parted: whether weights that were tied in the base model are so no longer.
        adapted: the layers that the adapter changes, by name.
        rounded: the layers that are quantized, and their names in the model.
        sources: which tensor of the checkpoint each tensor of the merged model starts from.

    Raises:
        TunelineError: if an adapted or a quantized weight is not in the checkpoint under the name
            it was trained by, or the adapter holds something that has no place in a plain model.
    """

    def __init__(
        self,
        checkpoint: Checkpoint,
        adapter: Adapter,
        dtype: str,
        quantized: QuantizedBase | None = None,
    ) -> None:
        self.checkpoint, self.dtype, self.parted = checkpoint, dtype, False
        self.quantized = quantized
        model = wrap_without_weights(checkpoint, adapter).base_model.model
        self.adapted = _find_adapted(model, checkpoint)
        layers = quantized.layers if quantized else ()
        self.rounded = {_find_name(layer, model, checkpoint): layer for layer in layers}
        self.sources = self._find_sources(model)

    def _find_sources(self, model: Any) -> dict[str, str]:
        """Say for each tensor of the merged model which one of the checkpoint it starts from.

        Tied weights are stored once. If only one of their uses is changed, they part.
        """
        stored, changed = self.checkpoint.stored, {*self.adapted, *self.rounded}
        sources = {name: name for name in stored}
        tied = getattr(model, "all_tied_weights_keys", None) or {}
        for name, source in tied.items():
            if source in stored and any(_split(one)[0] in changed for one in (name, source)):
                sources.setdefault(name, source)
                self.parted = True
        missing = [f"{path}.weight" for path in sorted(changed) if f"{path}.weight" not in sources]
        if missing:
            raise TunelineError(_unknown_weights(missing, self.checkpoint))
        return sources

    def count_bytes(self) -> dict[str, int]:
        """Count the bytes of each tensor of the merged model."""
        stored = {name: self.checkpoint.stored[source] for name, source in self.sources.items()}
        size = BYTES[self.dtype]
        return {
            name: one.elements * (size if one.dtype in FLOATING else 8)
            for name, one in stored.items()
        }

    def largest_changed(self) -> int:
        """Count the elements of the largest weight that is quantized or adapted."""
        changed = [
            self.checkpoint.stored[source].elements
            for name, source in self.sources.items()
            if _split(name)[0] in {*self.adapted, *self.rounded}
        ]
        return max(changed, default=0)

    def compute(self, name: str) -> Any:
        """Compute one tensor of the merged model, in `dtype` if it holds floating-point numbers.

        Raises:
            TunelineError: if it holds what is no number in `dtype`.
        """
        path, parameter = _split(name)
        tensor = self.checkpoint.read(self.sources[name])
        is_changed = path in self.adapted or path in self.rounded
        if self.quantized and is_changed and parameter == "weight":
            tensor = self.quantized.round(self.rounded.get(path), tensor)
        if path in self.adapted:
            tensor = self._merge(path, parameter, tensor)
        return self._round(name, tensor)

    def _merge(self, path: str, parameter: str, tensor: Any) -> Any:
        import torch

        layer = copy.deepcopy(self.adapted[path])
        if not hasattr(layer, "merge"):  # a copy that was trained as a whole replaces the weight
            plain = layer.unload_and_optionally_merge_module(
                merge=True, safe_merge=False, adapter_names=None
            )
            return plain.get_parameter(parameter).data
        if parameter != "weight":
            return tensor
        base = layer.get_base_layer()
        base.weight = torch.nn.Parameter(tensor.float(), requires_grad=False)
        layer.merge()
        return base.weight.data

    def _round(self, name: str, tensor: Any) -> Any:
        import torch

        if not tensor.is_floating_point():
            return tensor
        rounded = tensor.to(getattr(torch, self.dtype)).contiguous()
        if not torch.isfinite(rounded).all():
            whole = bool(torch.isfinite(tensor).all())
            raise TunelineError(
                Problem(
                    where=name,
                    value=self.dtype if whole else None,
                    wrong="merged, it holds numbers too large for this format"
                    if whole
                    else "merged, it holds values that are no numbers",
                    matters="the model would answer nothing but noise",
                    remedy="merge in the other format: `--params=merge.dtype=bfloat16`"
                    if whole
                    else "the adapter or the base model is broken; train again",
                )
            )
        return rounded


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
        raise TunelineError(_unknown_weights(sorted(loaded.unexpected_keys), checkpoint))
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


def _find_adapted(model: Any, checkpoint: Checkpoint) -> dict[str, Any]:
    """Find the layers that the adapter changes, by their names in the checkpoint."""
    from peft.tuners.lora import LoraLayer
    from peft.utils.other import ModulesToSaveWrapper

    return {
        _find_name(path, model, checkpoint): module
        for path, module in model.named_modules()
        if isinstance(module, LoraLayer | ModulesToSaveWrapper)
    }


def _find_name(path: str, model: Any, checkpoint: Checkpoint) -> str:
    """Name a layer as the checkpoint does: some leave the prefix of the inner model out."""
    bare = path.removeprefix(f"{model.base_model_prefix}.")
    return bare if f"{bare}.weight" in checkpoint.stored else path


def _split(name: str) -> tuple[str, str]:
    path, _, parameter = name.rpartition(".")
    return path, parameter


def _unknown_weights(names: list[str], checkpoint: Checkpoint) -> Problem:
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
