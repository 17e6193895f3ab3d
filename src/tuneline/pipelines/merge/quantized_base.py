"""A base model in 4 bits: its weights as the training had them."""

from typing import Any

from tuneline.pipelines.merge.base_weights import Checkpoint

# What bitsandbytes keeps with a weight that is yet to be quantized.
OPTIONS = ("blocksize", "compress_statistics", "quant_type", "quant_storage")


class QuantizedBase:
    """What bitsandbytes makes of the base model's weights when the model is loaded in 4 bits.

    transformers itself says which layers it quantizes and how, on a model without weights. One
    weight at a time then takes the way of transformers' `Bnb4bitQuantize` and back, on the CPU, so
    that the result is what `model.dequantize()` gives, bit for bit.

    Attributes:
        settings: keys of BitsAndBytesConfig, as the training had them.
        dtype: the number format that the weights were quantized from.
        layers: of each quantized layer, by its name in the model, what bitsandbytes is told of its
            weight, and whether it takes the weight transposed.
    """

    def __init__(self, checkpoint: Checkpoint, settings: dict[str, Any], dtype: str) -> None:
        self.settings, self.dtype = settings, dtype
        self.layers = _find_layers(checkpoint.config, settings)

    def round(self, layer: str | None, tensor: Any) -> Any:
        """Quantize a layer's weight and dequantize it, to `dtype`; no `layer`, no quantization."""
        import torch
        from bitsandbytes.functional import dequantize_4bit
        from bitsandbytes.nn import Params4bit

        tensor = tensor.to(getattr(torch, self.dtype))
        if layer is None:
            return tensor
        options, is_transposed = self.layers[layer]
        packed = Params4bit(
            tensor.T if is_transposed else tensor, requires_grad=False, **options
        ).to("cpu")
        found = dequantize_4bit(packed.data, packed.quant_state)
        return found.T if is_transposed else found

    def describe(self) -> str:
        """Say in words which weights these are."""
        kind = self.settings.get("bnb_4bit_quant_type", "fp4").upper()
        double = self.settings.get("bnb_4bit_use_double_quant", False)
        return f"{kind}{', double quantization' * double}, from {self.dtype}"


def _find_layers(config: Any, settings: dict[str, Any]) -> dict[str, tuple[dict[str, Any], bool]]:
    """Let transformers put its quantized layers into a model without weights."""
    import torch
    from bitsandbytes.nn import Linear4bit
    from transformers import AutoModelForCausalLM, BitsAndBytesConfig
    from transformers.pytorch_utils import Conv1D
    from transformers.quantizers import AutoHfQuantizer

    with torch.device("meta"):
        model = AutoModelForCausalLM.from_config(config, trust_remote_code=False)
    quantizer = AutoHfQuantizer.from_config(BitsAndBytesConfig(**settings), pre_quantized=False)
    quantizer.preprocess_model(model=model, device_map={"": "cpu"})
    return {
        name: (
            {option: getattr(module.weight, option) for option in OPTIONS},
            issubclass(module.source_cls, Conv1D),
        )
        for name, module in model.named_modules()
        if isinstance(module, Linear4bit)
    }
