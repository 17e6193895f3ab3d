"""The sum of a base model's weight and what the adapter adds, computed by PEFT itself."""

import copy
from typing import Any

from tuneline.errors import Problem, TunelineError
from tuneline.models.adapter import Adapter
from tuneline.models.memory import BYTES
from tuneline.pipelines.merge.base_weights import FLOATING, Checkpoint
from tuneline.pipelines.merge.empty_model import unknown_weights, wrap_without_weights
from tuneline.pipelines.merge.quantized_base import QuantizedBase


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
            raise TunelineError(unknown_weights(missing, self.checkpoint))
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
