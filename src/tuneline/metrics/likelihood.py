"""How well a model predicts the reference."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from tuneline.examples import Example
from tuneline.metrics.outputs import Outputs, fraction
from tuneline.models.rendering import render_all
from tuneline.parameters import Hardware
from tuneline.statistics.paired_comparison import Metric, SampleScores
from tuneline.utils.progress import Progress

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
    """Measure how every reference was predicted, token by token.

    Args:
        outputs: the answers, with what was measured on their references.

    Returns:
        Means over all tokens of the references; not a number where a row's was none.
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
    """Measure the loss of every reference, on the completion only, as in training.

    Args:
        model: the model, in evaluation mode.
        tokenizer: its tokenizer.
        examples: prompts and references.
        hardware: the batch; training's, because logits of long texts are as large here.

    Returns:
        Losses in the order of the examples.
    """
    rendered = render_all(tokenizer, examples)
    order = sorted(range(len(rendered)), key=lambda index: -len(rendered[index].ids))
    size = hardware.per_device_train_batch_size
    losses: dict[int, ReferenceLoss] = {}
    with Progress("Measuring the loss", "references", len(order)) as progress:
        for start in range(0, len(order), size):
            batch = order[start : start + size]
            found = _measure(model, tokenizer.pad_token_id, [rendered[index] for index in batch])
            losses |= dict(zip(batch, found, strict=True))
            progress.update(len(batch))
    return [losses[index] for index in range(len(rendered))]


def _measure(model: Any, pad: int, batch: list[Any]) -> list[ReferenceLoss]:
    import torch
    from torch.nn.utils.rnn import pad_sequence

    ids, labels, mask = (
        pad_sequence([torch.tensor(row) for row in rows], batch_first=True, padding_value=value)
        for rows, value in (
            ([one.ids for one in batch], pad),
            ([one.labels for one in batch], -100),
            ([[1] * len(one.ids) for one in batch], 0),
        )
    )
    with torch.inference_mode():
        output = model(input_ids=ids.to(model.device), attention_mask=mask.to(model.device))
    targets = labels[:, 1:]
    there = targets != -100
    # Of the prompt and the padding nothing is asked: a vocabulary of numbers a token is left out.
    logits = output.logits[:, :-1][there.to(output.logits.device)].float().cpu()
    logs = logits.log_softmax(dim=-1)
    found = torch.zeros(3, *targets.shape)
    found[0, there] = -logs.gather(1, targets[there][:, None])[:, 0]
    found[1, there] = torch.special.entr(logs.exp()).sum(dim=-1)
    found[2, there] = (logits.argmax(dim=-1) == targets[there]).float()
    nats, entropy, correct = found.sum(dim=2)
    return [
        ReferenceLoss(nats=float(n), entropy=float(e), correct=int(c), tokens=int(t))
        for n, e, c, t in zip(nats, entropy, correct, there.sum(dim=1), strict=True)
    ]
