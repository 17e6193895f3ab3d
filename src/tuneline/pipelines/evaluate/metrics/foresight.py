"""How well a model foresees the reference."""

import numpy as np

from tuneline.pipelines.evaluate.metrics.metric import Fractions, Metric, Written, fraction

METRICS = (
    Metric(
        "loss",
        "Loss",
        "lower",
        "How surprised the model is by the reference, in nats per token.",
        places=3,
    ),
    Metric(
        "perplexity",
        "Perplexity",
        "lower",
        "The same as a number of choices: between how many tokens the model wavers.",
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
        places=3,
    ),
)


def measure(written: Written) -> Fractions:
    """Measure how every reference was foreseen, token by token.

    Args:
        written: the answers, with what was measured on their references.

    Returns:
        Means over all tokens of the references. A sum that is not a number (JSON has null for it)
        stays none: it must not count as 0.
    """
    tokens = written.column("reference_tokens")
    loss, correct, entropy = (_sum(written, name) for name in ("loss", "correct", "entropy"))
    return {
        "loss": fraction(loss, tokens),
        "perplexity": fraction(loss, tokens),
        "token_accuracy": fraction(100 * correct, tokens),
        "entropy": fraction(entropy, tokens),
    }


def _sum(written: Written, name: str) -> np.ndarray:
    """Give a column of this model's sums over its references; 0 where a row has no reference."""
    values = [row[f"{written.who}_{name}"] for row in written.rows]
    sums = np.array([np.nan if value is None else value for value in values], dtype=float)
    return np.where(written.column("reference_tokens") > 0, sums, 0.0)
