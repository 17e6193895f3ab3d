"""What stands beside the weights in a model's folder."""

import json
import shutil
from importlib.metadata import version
from pathlib import Path
from typing import Any

from tuneline.adapters import Adapter
from tuneline.pipelines.merge.checkpoint import PIECES
from tuneline.pipelines.merge.weights import MergedWeights
from tuneline.rendering import find_end_tokens

LIBRARIES = ("tuneline", "torch", "transformers", "peft", "safetensors")


def write_beside(
    folder: Path, weights: MergedWeights, adapter: Adapter, facts: dict[str, Any]
) -> None:
    """Write configs, tokenizer with its chat template, and where the model comes from.

    Args:
        folder: the merged model's.
        weights: the base model's config, and whether tied weights have parted.
        adapter: tokenizer and provenance.
        facts: what was merged into what.
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
    provenance = {
        "merged": {key: facts[key] for key in ("adapter", "base", "merged_into", "dtype")},
        "adapter": adapter.provenance,
        "versions": {name: version(name) for name in LIBRARIES},
    }
    text = json.dumps(provenance, indent=2, sort_keys=True, ensure_ascii=False)
    (folder / "provenance.json").write_text(text + "\n", encoding="utf-8")
