"""What stands beside the weights in a model's folder."""

import shutil
from importlib.metadata import version
from pathlib import Path
from typing import Any

from tuneline.adapters import Adapter
from tuneline.pipelines.merge.checkpoint import PIECES
from tuneline.pipelines.merge.weights import MergedWeights
from tuneline.rendering import find_end_tokens
from tuneline.sealing import check_files, hash_all, read_sealed, write_sealed

PROVENANCE = "provenance.json"
AGAIN = "merge again: `kedro run --pipeline=merge` makes the whole folder anew"
MERGED = (
    "adapter",
    "base",
    "merged_into",
    "weights",
    "quantization",
    "dtype",
    "comparison",
)
LIBRARIES = ("tuneline", "torch", "transformers", "peft", "bitsandbytes", "safetensors")


def write_beside(folder: Path, weights: MergedWeights, adapter: Adapter) -> None:
    """Write configs, and the tokenizer with its chat template.

    Args:
        folder: the merged model's.
        weights: the base model's config, and whether tied weights have parted.
        adapter: the tokenizer.
    """
    import torch

    config = weights.checkpoint.load_config()
    config.dtype = getattr(torch, weights.dtype)
    if weights.parted:
        config.tie_word_embeddings = False
    config.save_pretrained(folder)
    adapter.tokenizer.save_pretrained(folder)
    pieces = weights.checkpoint.find_file(PIECES)
    if pieces:
        shutil.copyfile(pieces, folder / PIECES)
    generation = weights.checkpoint.load_generation_config()
    generation.eos_token_id = find_end_tokens(adapter.tokenizer)
    generation.pad_token_id = adapter.tokenizer.pad_token_id
    # save_pretrained refuses values without effect, which many a published base model states.
    generation.to_json_file(folder / "generation_config.json")


def write_provenance(folder: Path, adapter: Adapter, facts: dict[str, Any]) -> None:
    """Write where the model comes from, and what its comparison with the judged model found.

    Args:
        folder: the merged model's.
        adapter: its provenance.
        facts: what was merged into what.
    """
    provenance = {
        "merged": {key: facts[key] for key in MERGED},
        "adapter": adapter.provenance,
        "versions": {name: version(name) for name in LIBRARIES},
    }
    write_sealed(folder / PROVENANCE, {**provenance, "files": hash_all(folder)})


def read_merged(folder: Path) -> dict[str, Any]:
    """Read what a folder's model was merged into, and what the comparison found.

    Args:
        folder: the merged model's.

    Returns:
        `weights`, `dtype` and `comparison`, among others.

    Raises:
        TunelineError: if a file of it is not what was written.
    """
    found = read_sealed(folder / PROVENANCE, AGAIN)
    check_files(folder, found.pop("files", {}), AGAIN)
    merged: dict[str, Any] = found["merged"]
    return merged
