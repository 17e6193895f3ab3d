"""What is measured, and how one row counts."""

import re
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np


@dataclass(frozen=True)
class Metric:
    """One metric: the sum of its numerators over the sum of its denominators.

    Attributes:
        name: key in `scores.json`.
        label: as the report names it.
        better: which way is better; `neither` for what only describes.
        meaning: one sentence for people who do not know it.
        percent: whether it lies on a scale from 0 to 100.
        quality: whether it counts for the verdict.
        exponent: whether the mean is shown as a power of e (perplexity).
    """

    name: str
    label: str
    better: Literal["higher", "lower", "neither"]
    meaning: str
    percent: bool = False
    quality: bool = False
    exponent: bool = False


METRICS = (
    Metric(
        "loss",
        "Loss",
        "lower",
        "How surprised the model is by the reference, in nats per token.",
        quality=True,
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
        quality=True,
    ),
    Metric(
        "chrf",
        "chrF",
        "higher",
        "How many short runs of letters the answer shares with the reference (sacrebleu).",
        percent=True,
        quality=True,
    ),
    Metric(
        "rouge_l",
        "ROUGE-L",
        "higher",
        "How long a sequence of words the answer shares with the reference (rouge-score).",
        percent=True,
        quality=True,
    ),
    Metric(
        "stop_rate",
        "Ends by itself",
        "higher",
        "Share of answers that end before the length limit.",
        percent=True,
    ),
    Metric(
        "length_ratio",
        "Length",
        "neither",
        "Tokens of the answers for one token of the references.",
    ),
    Metric(
        "seconds",
        "Seconds per answer",
        "neither",
        "Depends on the answers' length; compare tokens per second.",
    ),
    Metric(
        "tokens_per_second",
        "Tokens per second",
        "neither",
        "Speed of generation; the adapter costs some when it is not merged.",
    ),
)


class _Words:
    """Tokenizer for rouge-score, whose own drops every letter that is not ASCII."""

    def tokenize(self, text: str) -> list[str]:
        return re.findall(r"\w+", text.lower())


def measure_rows(answers: list[dict[str, Any]], who: str) -> dict[str, np.ndarray]:
    """Measure every answer of one model.

    Args:
        answers: one row an example.
        who: `base` or `tuned`.

    Returns:
        By metric, an array of shape (rows, 2): numerator and denominator of each row.
    """
    tokens = np.array([row["reference_tokens"] for row in answers], dtype=float)
    ones = np.ones(len(answers))
    of = {
        name: np.array([row[f"{who}_{name}"] for row in answers], dtype=float)
        for name in ("loss", "correct", "tokens", "seconds", "stopped")
    }
    pairs = [(row[f"{who}_answer"], row["reference"]) for row in answers]
    return {
        name: np.stack(fraction, axis=1)
        for name, fraction in {
            "loss": (of["loss"], tokens),
            "perplexity": (of["loss"], tokens),
            "token_accuracy": (100 * of["correct"], tokens),
            "chrf": (_chrf(pairs), ones),
            "rouge_l": (_rouge_l(pairs), ones),
            "stop_rate": (100 * of["stopped"], ones),
            "length_ratio": (of["tokens"], tokens),
            "seconds": (of["seconds"], ones),
            "tokens_per_second": (of["tokens"], of["seconds"]),
        }.items()
    }


def _chrf(pairs: list[tuple[str, str]]) -> np.ndarray:
    from sacrebleu import sentence_chrf

    return np.array([sentence_chrf(answer, [reference]).score for answer, reference in pairs])


def _rouge_l(pairs: list[tuple[str, str]]) -> np.ndarray:
    from rouge_score.rouge_scorer import RougeScorer

    scorer = RougeScorer(["rougeL"], tokenizer=_Words())
    return np.array(
        [100 * scorer.score(reference, answer)["rougeL"].fmeasure for answer, reference in pairs]
    )
