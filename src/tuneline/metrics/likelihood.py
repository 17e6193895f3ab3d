"""How well a model predicts the reference."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from tuneline.examples import Example
from tuneline.metrics.outputs import Outputs, fraction
from tuneline.models.prefixes import Prefix
from tuneline.models.rendering import render_all
from tuneline.parameters import Hardware
from tuneline.statistics.paired_comparison import Metric, SampleScores
from tuneline.utils.progress import Progress

IGNORED = -100  # as PyTorch's cross entropy has it
# Scores that are worked on at once: what a CPU's cache holds, and what fills another device.
NUMBERS_ON_CPU, NUMBERS_ELSEWHERE = 2**17, 2**26
METRICS = (
    Metric(
        "loss",
        "Loss",
        "lower",
        "Negative log-likelihood of the reference, in nats per token: how badly it is predicted.",
        decimals=3,
    ),
    Metric(
        "perplexity",
        "Perplexity",
        "lower",
        "The same as a number of choices: among how many tokens the model in effect guesses.",
        exponent=True,
    ),
    Metric(
        "token_accuracy",
        "Token accuracy",
        "higher",
        "Share of the reference's tokens that the model held for the most likely.",
        percent=True,
    ),
    Metric(
        "entropy",
        "Entropy",
        "neither",
        "How unsure the model is at each token of the reference, in nats; says nothing of right "
        "or wrong.",
        decimals=3,
    ),
)


def measure(outputs: Outputs) -> SampleScores:
    """Measure how every reference was predicted, by the mean over all tokens of the references.

    It is not a number where a row's was none.
    """
    tokens = outputs.column("reference_tokens")
    loss, correct, entropy = (
        np.where(tokens > 0, outputs.measured(name), 0) for name in ("loss", "correct", "entropy")
    )
    return {
        "loss": fraction(loss, tokens),
        "perplexity": fraction(loss, tokens),
        "token_accuracy": fraction(100 * correct, tokens),
        "entropy": fraction(entropy, tokens),
    }


@dataclass(frozen=True)
class ReferenceLoss:
    """How a model predicts one reference, given its prompt.

    Attributes:
        nats: summed negative log-likelihood of the reference's tokens.
        entropy: summed entropy, in nats, of what the model expected at each of its tokens.
        correct: tokens that the model held for the most likely.
        tokens: tokens of the reference, the end token included.
    """

    nats: float
    entropy: float
    correct: int
    tokens: int


def measure_references(
    model: Any, tokenizer: Any, examples: list[Example], hardware: Hardware
) -> list[ReferenceLoss]:
    """Measure the loss of each reference on the completion only, as in training, in their order."""
    rendered = render_all(tokenizer, examples)
    if not rendered:
        return []
    shortest = min(one.prompt_length for one in rendered)
    prefix = Prefix(model, [one.ids for one in rendered], shortest - 1)
    losses: dict[int, ReferenceLoss] = {}
    with Progress("Measuring the loss", "references", len(rendered)) as progress:
        for batch in _make_batches(rendered, prefix.tokens, hardware.tokens_per_batch):
            chosen = [rendered[index] for index in batch]
            found = _measure(model, tokenizer.pad_token_id, chosen, prefix)
            losses |= dict(zip(batch, found, strict=True))
            progress.update(len(batch))
    return [losses[index] for index in range(len(rendered))]


def _make_batches(rendered: list[Any], shared: int, tokens: int) -> Iterator[list[int]]:
    """Cut the sequences' indices, longest first, into batches of so many tokens at most."""
    order = sorted(range(len(rendered)), key=lambda index: -len(rendered[index].ids))
    while order:
        count = max(1, tokens // (len(rendered[order[0]].ids) - shared))
        yield order[:count]
        order = order[count:]


def _measure(model: Any, pad: int, batch: list[Any], prefix: Prefix) -> list[ReferenceLoss]:
    import torch
    from accelerate.utils import send_to_device
    from torch.nn.utils.rnn import pad_sequence

    read = prefix.tokens
    ids, targets, mask = (
        pad_sequence([torch.tensor(row) for row in rows], batch_first=True, padding_value=value)
        for rows, value in (
            ([one.ids[read:] for one in batch], pad),
            ([[*one.labels[read + 1 :], IGNORED] for one in batch], IGNORED),
            ([[1] * len(one.ids) for one in batch], 0),
        )
    )
    inputs: dict[str, Any] = {"input_ids": ids, "attention_mask": mask}
    if read:
        inputs["position_ids"] = torch.arange(read, mask.shape[1])[None]
    inputs = send_to_device(inputs, model.device)
    if read:
        inputs |= {"past_key_values": prefix.begin(len(batch)), "use_cache": True}
    there = targets != IGNORED
    found = torch.zeros(3, *targets.shape)
    with torch.inference_mode(), _keep_states(model, there):
        logits = model(**inputs).logits[0]
        found[:, there] = _score_tokens(logits, targets[there].to(logits.device))
    nats, entropy, correct = found.sum(dim=2)
    return [
        ReferenceLoss(nats=float(n), entropy=float(e), correct=int(c), tokens=int(t))
        for n, e, c, t in zip(nats, entropy, correct, there.sum(dim=1), strict=True)
    ]


def _keep_states(model: Any, there: Any) -> Any:
    """Let a model's head see only some states, as one sequence.

    Of prompts and padding nothing is asked: a vocabulary of numbers a token is left out.

    Args:
        model: the model.
        there: of shape (rows, tokens).

    Returns:
        A context; all states are seen again once it ends.
    """
    return model.get_output_embeddings().register_forward_pre_hook(
        lambda _, given: (given[0][there.to(given[0].device)][None],)
    )


def _score_tokens(logits: Any, targets: Any) -> Any:
    """Give each token's nats, entropy and whether it is the most likely, of shape (3, tokens).

    Args:
        logits: of shape (tokens, vocabulary); overwritten.
        targets: (tokens,).
    """
    import torch

    from tuneline.models.decoding import find_best

    at_once = NUMBERS_ON_CPU if logits.device.type == "cpu" else NUMBERS_ELSEWHERE
    size = max(1, at_once // logits.shape[-1])
    found = []
    for some, right in zip(logits.split(size), targets.split(size), strict=True):
        scores = some.float()
        best = find_best(scores)
        scores -= _pick(scores, best)[:, None]
        # One pass of exponentials: their sum follows from the share of the likeliest token.
        shares = scores.softmax(dim=-1)
        log_sum = -_pick(shares, best).log()
        nats = log_sum - _pick(scores, right)
        # 0 for what is held impossible, as the limit of p log p
        finite = scores.clamp_(min=torch.finfo(scores.dtype).min)
        entropy = log_sum - torch.linalg.vecdot(shares, finite)
        is_best = (best == right).float()
        found.append(torch.stack([nats, entropy, is_best]).cpu())
    return torch.cat(found, dim=1)


def _pick(scores: Any, tokens: Any) -> Any:
    return scores.gather(1, tokens[:, None])[:, 0]
