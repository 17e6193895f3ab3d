"""The trial that a merged model must stand before it counts."""

import logging
from pathlib import Path
from typing import Any

from tuneline.adapters import Adapter
from tuneline.examples import Example
from tuneline.parameters import Hardware, Recipe
from tuneline.pipelines.merge.comparison import (
    check_rounding,
    compare_four_bit,
    compare_rounding,
    word_comparison,
)
from tuneline.pipelines.merge.logits import (
    Asked,
    compute_evaluated,
    compute_merged,
    compute_unmerged,
)
from tuneline.pipelines.merge.room import choose_compute, measure_room
from tuneline.pipelines.merge.weights import MergedWeights

log = logging.getLogger(__name__)


def try_merged(
    folder: Path,
    weights: MergedWeights,
    adapter: Adapter,
    examples: list[Example],
    recipe: Recipe,
    hardware: Hardware,
) -> dict[str, Any]:
    """Compare the merged model with the adapter on its base, where the machine can hold it.

    One model after the other is loaded and let go; their logits are what stays.

    Args:
        folder: the merged model.
        weights: the 16-bit base model, and the format of the merged one.
        adapter: the adapter.
        examples: prompts and references to compare on.
        recipe: names the base model of the training and its quantisation.
        hardware: the machine.

    Returns:
        `words` for people; `rounding` as `compare_rounding` and `four_bit` as `compare_four_bit`
        give them, both `None` if nothing was compared.

    Raises:
        TunelineError: if the merged model is not the one that was trained.
    """
    checkpoint = weights.checkpoint
    computed = choose_compute(checkpoint.parameters, hardware)
    if computed is None or not examples:
        why = (
            "there are no test examples"
            if computed
            else f"its {checkpoint.parameters / 1e9:.1f} billion parameters in 16 bits do not fit "
            f"the {measure_room(hardware, hardware.device):.1f} GB that this machine has free"
        )
        words = f"The merged model was not compared with the adapter: {why}."
        log.warning("%s", words)
        return {"words": words, "rounding": None, "four_bit": None}
    log.info("Comparing logits on %s prompts, in %s.", len(examples), computed)
    asked = Asked(adapter.tokenizer, examples)
    base, unmerged = compute_unmerged(
        asked, checkpoint.name, checkpoint.revision, adapter, computed, hardware
    )
    merged = compute_merged(asked, str(folder), computed, hardware)
    formats = (weights.dtype, computed)
    rounding = compare_rounding(base, unmerged, merged, formats, checkpoint.matrices)
    check_rounding(rounding)
    evaluated = compute_evaluated(asked, adapter, recipe, hardware)
    four_bit = compare_four_bit(evaluated, merged, asked.list_targets())
    return {
        "words": word_comparison(rounding, four_bit),
        "rounding": rounding,
        "four_bit": four_bit,
    }
