"""How well a model foresees the reference."""

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
        Means over all tokens of the references.
    """
    tokens = written.column("reference_tokens")
    return {
        "loss": fraction(written.own("loss"), tokens),
        "perplexity": fraction(written.own("loss"), tokens),
        "token_accuracy": fraction(100 * written.own("correct"), tokens),
        "entropy": fraction(written.own("entropy"), tokens),
    }
