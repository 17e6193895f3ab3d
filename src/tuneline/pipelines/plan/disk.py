"""Disk space that a run needs, against what is free where it writes."""

from typing import Any

from tuneline.modelling import must_be_downloaded
from tuneline.parameters import Recipe
from tuneline.pipelines.plan.memory import count_optimizer_bytes
from tuneline.pipelines.plan.model_size import ModelSize
from tuneline.volumes import count_missing

# Hubs keep models in 16 bits.
DOWNLOAD_BYTES = 2
# Tokenizer, configs and logs beside the weights.
BESIDE_GB = 0.02


def plan_disk(
    size: ModelSize, recipe: Recipe, volumes: dict[str, dict[str, Any]]
) -> list[dict[str, Any]]:
    """Compare needed with free space.

    Args:
        size: shape of model and adapter.
        recipe: names the base model, and how many checkpoints are kept.
        volumes: free space by purpose; equal volumes share it.

    Returns:
        One entry a purpose: `folder`, `needed_gb`, `free_gb` (10^9 bytes) and `fits`, which is
        false if everything that goes to the same volume is more than it has free.
    """
    needed = {
        "hub_cache": _download_gb(size, recipe),
        "checkpoints": _checkpoints_gb(size, recipe),
        "output": size.trainable * 4 / 1e9 + BESIDE_GB,
    }
    missing = count_missing(
        needed,
        {purpose: place["volume"] for purpose, place in volumes.items()},
        {purpose: place["free_gb"] for purpose, place in volumes.items()},
    )
    return [
        {
            "purpose": purpose,
            "folder": place["folder"],
            "needed_gb": round(needed[purpose], 3),
            "free_gb": place["free_gb"],
            "fits": not missing[purpose],
        }
        for purpose, place in volumes.items()
    ]


def _download_gb(size: ModelSize, recipe: Recipe) -> float:
    if not must_be_downloaded(recipe):
        return 0.0
    return (size.quantized + size.unquantized) * DOWNLOAD_BYTES / 1e9


def _checkpoints_gb(size: ModelSize, recipe: Recipe) -> float:
    """Count the newest ones, the best one, and one that is being written."""
    kept = ((recipe.model_extra or {}).get("save_total_limit") or 2) + 2
    return kept * (size.trainable * (4 + count_optimizer_bytes(recipe)) / 1e9 + BESIDE_GB)
