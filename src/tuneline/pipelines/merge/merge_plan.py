"""A merge worked out before it starts: into what, in which format, with what memory and disk."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tuneline.errors import Problem, TunelineError
from tuneline.models.adapter import Adapter, hash_adapter
from tuneline.models.fingerprints import find_incompatibilities
from tuneline.models.loading import identify_base
from tuneline.models.memory import BYTES, CONTEXT_GB, NEXT_TO_WEIGHTS_GB, measure_free_memory
from tuneline.parameters import Hardware, Merge, Recipe
from tuneline.pipelines.merge.base_weights import PIECES, Checkpoint
from tuneline.pipelines.merge.gguf_files import find_llama_cpp, predict_bytes
from tuneline.pipelines.merge.merged_weights import MergedWeights
from tuneline.pipelines.merge.output_files import split_shards
from tuneline.pipelines.merge.quantized_base import QuantizedBase
from tuneline.utils.disks import measure_volume, shorten_path

# float32 copies of a weight while PEFT merges it: the weight, the product, its scaled copy, and for
# DoRA the sum, its norm and the factor. bitsandbytes takes less to quantize it: 14 bytes a number.
COPIES = 6


@dataclass(frozen=True)
class MergePlan:
    """A merge that can be done: the tensors, not yet computed, the files and their bytes."""

    checkpoint: Checkpoint
    weights: MergedWeights
    split: Any
    sizes: dict[str, int]
    dtype_reason: str
    memory_gb: float

    def describe(self, adapter: Adapter) -> dict[str, Any]:
        """Say what is merged into what.

        Returns:
            Fingerprint of the `adapter`; the `base` of its training and what it is `merged_into`,
            the `weights` of it in words, their `quantization` (`None`: as they are stored), and
            whether it has a `tokenizer_model`; `dtype` and `dtype_reason`; `shards` and `bytes` of
            the result.
        """
        quantized = self.weights.quantized
        return {
            "adapter": hash_adapter(adapter),
            "base": adapter.provenance["base"],
            "merged_into": identify_base(self.checkpoint.name, self.checkpoint.revision),
            "weights": _format_weights(quantized),
            "quantization": quantized
            and {"dtype": quantized.dtype, "settings": quantized.settings},
            "tokenizer_model": self.checkpoint.find_file(PIECES) is not None,
            "dtype": self.weights.dtype,
            "dtype_reason": self.dtype_reason,
            "shards": len(self.split.filename_to_tensors),
            "bytes": sum(self.sizes.values()),
        }


def plan_merge(
    adapter: Adapter, folder: Path, recipe: Recipe, merge: Merge, hardware: Hardware
) -> MergePlan:
    """Work a merge out and refuse it if it cannot be done.

    Raises:
        TunelineError: if the adapter belongs to another base model, the base is quantized or
            incomplete, llama.cpp is not where it is said to be, or memory or disk do not do.
    """
    _refuse(*find_incompatibilities(adapter, recipe))
    llama_cpp = find_llama_cpp(merge.gguf)
    checkpoint = open_base(recipe, merge)
    dtype, reason = _choose_dtype(checkpoint, merge)
    weights = MergedWeights(checkpoint, adapter, dtype, _quantize_base(checkpoint, adapter, merge))
    split, sizes = split_shards(weights, merge.max_shard_size), weights.count_bytes()
    predicted, needed = _predict_memory(weights, split, sizes, adapter), sum(sizes.values())
    needed_gb = {"merged": needed / 1e9 + NEXT_TO_WEIGHTS_GB}
    if files := predict_bytes(merge.gguf, llama_cpp, needed / BYTES[dtype]):
        needed_gb["gguf"] = files / 1e9 + NEXT_TO_WEIGHTS_GB
    _refuse(*_find_memory_problem(predicted, hardware), *_find_disk_problem(needed_gb, folder))
    return MergePlan(checkpoint, weights, split, sizes, reason, predicted)


def open_base(recipe: Recipe, merge: Merge) -> Checkpoint:
    """Open the base model that an adapter is merged into, from local files.

    Raises:
        TunelineError: if it cannot be used.
    """
    where, base = merge.name_base(recipe)
    return Checkpoint(base.base_model, base.revision, where)


def limit_memory(hardware: Hardware, device: str) -> float:
    """Tell how many GB (10^9 bytes) a merge may take: the less of what is stated and what is free.

    Of a GPU, what is stated: the preflight has compared it with the GPU.
    """
    if device == "cuda":
        return hardware.memory_gb
    free = measure_free_memory()
    return min(free, hardware.memory_gb) if hardware.device == "cpu" else free


def count_cached(config: Any, tokens: int) -> int:
    """Count the numbers of keys and values that a model keeps of what it has read and written.

    `tokens` are those of all prompts and answers of a batch.
    """
    config = config.get_text_config()
    heads = getattr(config, "num_key_value_heads", None) or config.num_attention_heads
    width = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
    return int(2 * config.num_hidden_layers * heads * width * tokens)


def choose_compute(parameters: int, cached: int, hardware: Hardware) -> str | None:
    """Choose the number format in which models are compared: the judged model's, if it fits.

    `cached` counts numbers. On a CPU that is too small for float32 it is bfloat16; None if the
    merged model does not fit on the device.
    """
    free = limit_memory(hardware, hardware.device)
    formats = dict.fromkeys((hardware.dtype, *["bfloat16"] * (hardware.device == "cpu")))
    numbers = parameters + cached
    fitting = (one for one in formats if numbers * BYTES[one] / 1e9 + CONTEXT_GB["cpu"] <= free)
    return next(fitting, None)


def _quantize_base(checkpoint: Checkpoint, adapter: Adapter, merge: Merge) -> QuantizedBase | None:
    """Take the base model as it was trained on, unless its original weights are asked for."""
    settings = adapter.provenance["recipe"]["settings"]["quantization"]
    if merge.into == "original" or not settings:
        return None
    return QuantizedBase(checkpoint, settings, adapter.provenance["hardware"]["dtype"])


def _choose_dtype(checkpoint: Checkpoint, merge: Merge) -> tuple[str, str]:
    """Choose the number format of the merged model, and say why."""
    if merge.dtype:
        return merge.dtype, "merge.dtype states it"
    if checkpoint.dtype in ("bfloat16", "float16"):
        return checkpoint.dtype, "the base model is stored in it"
    return "bfloat16", (
        f"the base model is stored in {checkpoint.dtype}, and bfloat16 keeps its range; float16 "
        "ends at 65,504"
    )


def _format_weights(quantized: QuantizedBase | None) -> str:
    """Say into which of a base model's weights an adapter is merged."""
    if quantized is None:
        return "the base model's original weights"
    return (
        f"the base model's weights in 4 bits ({quantized.describe()}), dequantized: those that it "
        "was trained and judged with"
    )


def _predict_memory(
    weights: MergedWeights, split: Any, sizes: dict[str, int], adapter: Adapter
) -> float:
    """Predict the peak of the merge itself: its largest file and the largest changed weight."""
    files = split.filename_to_tensors.values()
    largest = max(sum(sizes[name] for name in names) for names in files)
    trained = sum(tensor.numel() for tensor in adapter.tensors.values())
    held = largest + 4 * (COPIES * weights.largest_changed() + 2 * trained)
    return float(round(held / 1e9 + CONTEXT_GB["cpu"], 3))


def _find_memory_problem(predicted: float, hardware: Hardware) -> Iterator[Problem]:
    free = limit_memory(hardware, "cpu")
    if predicted > free:
        yield Problem(
            where="merge",
            wrong=f"it needs {predicted:.1f} GB of memory, and {free:.1f} GB are free here",
            matters="the system would end it on its way",
            remedy="make the files smaller (`--params=merge.max_shard_size=500MB`), close other "
            "programs, or merge on a larger machine",
        )


def _find_disk_problem(needed: dict[str, float], folder: Path) -> Iterator[Problem]:
    total, free = sum(needed.values()), measure_volume(folder).free / 1e9
    if total > free:
        yield Problem(
            where=str(shorten_path(folder)),
            wrong=f"{total:.2f} GB are to be written ({' and '.join(needed)}), and the disk has "
            f"{free:.2f} GB free",
            matters="it would be full before the merged model is whole",
            remedy="free space there, or let `data` in the environment's globals.yml name "
            "another disk",
        )


def _refuse(*problems: Problem) -> None:
    if problems:
        raise TunelineError(*problems)
