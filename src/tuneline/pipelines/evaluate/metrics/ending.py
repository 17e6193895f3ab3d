"""How answers end, how long they are and how long they take."""

import numpy as np

from tuneline.pipelines.evaluate.metrics.metric import Fractions, Metric, Written, fraction

METRICS = (
    Metric(
        "stop_rate",
        "Ends by itself",
        "higher",
        "Share of answers that say something and end with an end token.",
        percent=True,
    ),
    Metric(
        "limit_rate",
        "Cut at the limit",
        "lower",
        "Share of answers that ran into the length limit, max_new_tokens.",
        percent=True,
    ),
    Metric(
        "length_ratio",
        "Length",
        "neither",
        "Tokens of the answers for one token of the references.",
        places=2,
    ),
    Metric(
        "seconds",
        "Seconds per answer",
        "neither",
        "Depends on the answers' length and on what else the machine does. Measured once.",
        places=2,
        timed=True,
    ),
    Metric(
        "tokens_per_second",
        "Tokens per second",
        "neither",
        "Speed of generation; the adapter costs some when it is not merged. Measured once: a "
        "machine that does other work as well slows either model.",
        places=0,
        timed=True,
    ),
)


def measure(written: Written) -> Fractions:
    """Measure how every answer ended, its length and its time.

    Args:
        written: the answers.

    Returns:
        Rates and means. An answer without text has not ended well, and cannot have been cut. The
        length only where there is a reference to hold it against, the time only where
        it is known: a provider does not tell it.
    """
    ones = np.ones(len(written.rows))
    said = np.array([bool(text.strip()) for text in written.answers], dtype=float)
    reference_tokens = written.column("reference_tokens")
    tokens, seconds, stopped = (written.own(name) for name in ("tokens", "seconds", "stopped"))
    return {
        "stop_rate": fraction(100 * stopped * said, ones),
        "limit_rate": fraction(100 * (1 - stopped) * said, said),
        "length_ratio": fraction(np.where(reference_tokens > 0, tokens, 0), reference_tokens),
        "seconds": fraction(seconds, seconds > 0),
        "tokens_per_second": fraction(tokens, seconds),
    }
