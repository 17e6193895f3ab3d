"""A merge worked out before it starts: into what, in which format, with how much room."""

from dataclasses import dataclass
from typing import Any

from tuneline.errors import TunelineError
from tuneline.models.adapter import Adapter, hash_adapter
from tuneline.models.fingerprints import find_incompatibilities
from tuneline.parameters import Hardware, Merge, Recipe
from tuneline.pipelines.merge.checkpoint import PIECES, Checkpoint
from tuneline.pipelines.merge.feasibility import (
    choose_dtype,
    find_room_problems,
    format_weights,
    open_base,
    predict_merge_memory,
    quantize_base,
)
from tuneline.pipelines.merge.gguf import find_converter
from tuneline.pipelines.merge.model_folder import split_shards
from tuneline.pipelines.merge.weights import MergedWeights


@dataclass(frozen=True)
class Job:
    """A merge that can be done.

    Attributes:
        checkpoint: the base model's weights as they are stored.
        weights: the merged model's tensors, not yet computed.
        split: which of them go into which file.
        sizes: bytes of each tensor.
        dtype_reason: why the number format is what it is.
        memory_gb: what the merge is predicted to take, in 10^9 bytes.
    """

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
            "merged_into": self.checkpoint.identify(),
            "weights": format_weights(quantized),
            "quantization": quantized
            and {"dtype": quantized.dtype, "settings": quantized.settings},
            "tokenizer_model": self.checkpoint.find_file(PIECES) is not None,
            "dtype": self.weights.dtype,
            "dtype_reason": self.dtype_reason,
            "shards": len(self.split.filename_to_tensors),
            "bytes": sum(self.sizes.values()),
        }


def prepare_job(
    adapter: Adapter,
    volumes: dict[str, dict[str, Any]],
    recipe: Recipe,
    merge: Merge,
    hardware: Hardware,
) -> Job:
    """Work a merge out and refuse it if it cannot be done.

    Args:
        adapter: the adapter.
        volumes: free space by purpose.
        recipe: names the base model of the training.
        merge: what to merge into, and how.
        hardware: the memory that is stated.

    Returns:
        The merge.

    Raises:
        TunelineError: if the adapter belongs to another base model, the base is quantized or
            incomplete, the converter is not there, or memory or disk do not do.
    """
    _refuse(*find_incompatibilities(adapter, recipe))
    makes_gguf = find_converter(merge.gguf) is not None
    checkpoint = open_base(recipe, merge)
    dtype, reason = choose_dtype(checkpoint, merge)
    quantized = quantize_base(checkpoint, adapter, merge)
    weights = MergedWeights(checkpoint, adapter, dtype, quantized)
    split, sizes = split_shards(weights, merge.max_shard_size), weights.count_bytes()
    job = Job(checkpoint, weights, split, sizes, reason, _predict(weights, split, sizes, adapter))
    total = sum(sizes.values())
    _refuse(*find_room_problems(job.memory_gb, total, dtype, volumes, merge, hardware, makes_gguf))
    return job


def _predict(weights: MergedWeights, split: Any, sizes: dict[str, int], adapter: Adapter) -> float:
    files = split.filename_to_tensors.values()
    largest = max(sum(sizes[name] for name in names) for names in files)
    trained = sum(tensor.numel() for tensor in adapter.tensors.values())
    return predict_merge_memory(largest, weights.largest_changed(), trained)


def _refuse(*problems: Any) -> None:
    if problems:
        raise TunelineError(*problems)
