"""What two models answer, and where their answers part."""

import math
from dataclasses import dataclass
from typing import Any

from tuneline.models.generation import generate_ids, make_batches
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
    model: Any,
    tokenizer: Any,
    prompts: list[list[int]],
    evaluation: Evaluation,
    hardware: Hardware,
) -> list[list[int]]:
    """Answer prompts with the decoding of the evaluation, but leave nothing to chance.

    Args:
        model: in evaluation mode.
        tokenizer: its tokenizer.
        prompts: token ids.
        evaluation: the decoding.
        hardware: the batch.

    Returns:
        The token ids of each answer, up to its end token, in the order of the prompts.
    """
    kept = {key: value for key, value in evaluation.generation.items() if key not in CHANCE}
    answers: dict[int, list[int]] = {}
    for batch in make_batches(prompts, hardware.per_device_eval_batch_size):
        asked = [prompts[index] for index in batch]
        found = generate_ids(asked, model, tokenizer, {**kept, "do_sample": False})
        answers.update(zip(batch, found, strict=True))
    return [answers[index] for index in range(len(prompts))]


def find_partings(
    model: Any, prompts: list[list[int]], own: list[list[int]], others: list[list[int]]
) -> list[Parting | None]:
    """Find out where each answer leaves the judged model's, and how surely that would not.

    Args:
        model: the judged model, in evaluation mode.
        prompts: token ids.
        own: its answers.
        others: those of another model.

    Returns:
        One a prompt; `None` for answers that are the same, token for token.
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
