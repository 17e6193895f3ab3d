"""Where the answers of two models part, and how surely."""

import math
from dataclasses import dataclass
from typing import Any

from tuneline.models.generation import generate_ids
from tuneline.parameters import Evaluation, Hardware

# Keys of GenerationConfig that leave something to chance.
CHANCE = {
    "do_sample",
    "temperature",
    "top_k",
    "top_p",
    "top_h",
    "min_p",
    "typical_p",
    "epsilon_cutoff",
    "eta_cutoff",
}


@dataclass(frozen=True)
class Parting:
    """Where an answer of another model leaves that of the judged one.

    Attributes:
        token: how many tokens both have in common before it.
        gap: by how much the judged model prefers its own token there to the other one, in nats.
        spread: standard deviation of its logits there.
    """

    token: int
    gap: float
    spread: float


def answer_greedily(
    model: Any, tokenizer: Any, prompts: list[list[int]], evaluation: Evaluation, hardware: Hardware
) -> list[list[int]]:
    """Answer prompts with the decoding of the evaluation, but leave nothing to chance.

    Gives the token ids of each answer, up to its end token.
    """
    kept = {key: value for key, value in evaluation.generation.items() if key not in CHANCE}
    return generate_ids(prompts, model, tokenizer, {**kept, "do_sample": False}, hardware)


def find_partings(
    model: Any, prompts: list[list[int]], own: list[list[int]], others: list[list[int]]
) -> list[Parting | None]:
    """Find out where each answer leaves the judged model's, and how surely that would not.

    All are token ids; None for answers that are the same.
    """
    import torch

    found: list[Parting | None] = []
    for prompt, mine, other in zip(prompts, own, others, strict=True):
        if mine == other:
            found.append(None)
            continue
        pairs = enumerate(zip(mine, other, strict=False))
        token = next((index for index, (one, two) in pairs if one != two), None)
        if token is None:  # one of them goes on where the other has ended
            found.append(Parting(min(len(mine), len(other)), math.inf, 1.0))
            continue
        ids = torch.tensor([[*prompt, *mine[:token]]], device=model.device)
        with torch.inference_mode():
            logits = model(input_ids=ids).logits[0, -1].float()
        gap = logits[mine[token]] - logits[other[token]]
        found.append(Parting(token, float(gap), float(logits.std())))
    return found
