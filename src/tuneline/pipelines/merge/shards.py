"""The merged weights on the disk, shard by shard."""

import json
from pathlib import Path
from typing import Any

from tuneline.pipelines.merge.checkpoint import INDEX
from tuneline.pipelines.merge.weights import MergedWeights
from tuneline.progress import RowProgress


def split_shards(weights: MergedWeights, max_shard_size: str) -> Any:
    """Divide the tensors among files.

    Args:
        weights: the merged model's tensors.
        max_shard_size: of a file; only a tensor that is larger has a larger one, of its own.

    Returns:
        huggingface_hub's StateDictSplit.
    """
    from huggingface_hub import split_state_dict_into_shards_factory

    return split_state_dict_into_shards_factory(
        weights.count_bytes(),
        get_storage_size=lambda size: size,
        filename_pattern="model{suffix}.safetensors",
        max_shard_size=max_shard_size,
    )


def write_shards(weights: MergedWeights, split: Any, folder: Path) -> None:
    """Compute and write one file after the other; no more than one is in memory.

    Args:
        weights: the merged model's tensors.
        split: which of them go into which file.
        folder: where to.

    Raises:
        SafetensorError: if the disk takes no more.
        TunelineError: if a tensor does not fit 16 bits.
    """
    from safetensors.torch import save_file

    progress = RowProgress("Merging", "tensors", len(weights.sources))
    for file, names in split.filename_to_tensors.items():
        tensors = {}
        for name in names:
            tensors[name] = weights.compute(name)
            progress.advance(1)
        save_file(tensors, folder / file, {"format": "pt"})
    if split.is_sharded:
        index = {"metadata": split.metadata, "weight_map": split.tensor_to_filename}
        text = json.dumps(index, indent=2, sort_keys=True)
        (folder / INDEX).write_text(text + "\n", encoding="utf-8")
