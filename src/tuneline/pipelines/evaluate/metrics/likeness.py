"""How like its reference an answer is."""

from tuneline.pipelines.evaluate.metrics.metric import Fractions, Metric, Written, average
from tuneline.pipelines.evaluate.metrics.words import is_chinese, split_words

METRICS = (
    Metric(
        "chrf",
        "chrF",
        "higher",
        "How many short runs of letters the answer shares with the reference (sacrebleu).",
        percent=True,
        counts=True,
    ),
    Metric(
        "rouge_l",
        "ROUGE-L",
        "higher",
        "How long a sequence of words the answer shares with the reference (rouge-score).",
        percent=True,
        counts=True,
    ),
    Metric(
        "bleu",
        "BLEU",
        "higher",
        "How many runs of one to four words the answer shares with the reference (sacrebleu).",
        percent=True,
    ),
    Metric(
        "token_f1",
        "Word F1",
        "higher",
        "How many words the answer shares with the reference, in any order.",
        percent=True,
    ),
    Metric(
        "exact_match",
        "Exact match",
        "higher",
        "Share of answers that are the reference, but for letter case and the punctuation of "
        "sentences; signs and symbols count.",
        percent=True,
    ),
)


class _Words:
    """Tokenizer for rouge-score, whose own drops every letter that is not ASCII."""

    def tokenize(self, text: str) -> list[str]:
        return split_words(text)


def measure(written: Written) -> Fractions:
    """Measure every answer that has a reference.

    BLEU is the mean over the answers, with effective order, as sacrebleu's `sentence_bleu`; word F1
    is that of Rajpurkar et al. 2016, which is ROUGE-1's F-measure (Lin 2004).

    Args:
        written: the answers.

    Returns:
        Means over the answers, on a scale from 0 to 100.
    """
    from rouge_score.rouge_scorer import RougeScorer

    scorer = RougeScorer(["rouge1", "rougeL"], tokenizer=_Words())
    rows = [
        None if reference is None else _compare(answer, reference, scorer)
        for answer, reference in zip(written.answers, written.references, strict=True)
    ]
    return {
        metric.name: average([row[metric.name] if row else None for row in rows])
        for metric in METRICS
    }


def _compare(answer: str, reference: str, scorer: object) -> dict[str, float]:
    from sacrebleu import sentence_bleu, sentence_chrf

    rouge = scorer.score(reference, answer)  # type: ignore[attr-defined]
    cut = "zh" if is_chinese(reference) else "13a"
    return {
        "chrf": sentence_chrf(answer, [reference]).score,
        "rouge_l": 100 * rouge["rougeL"].fmeasure,
        "bleu": sentence_bleu(answer, [reference], tokenize=cut).score,
        "token_f1": 100 * rouge["rouge1"].fmeasure,
        "exact_match": 100.0 * (split_words(answer) == split_words(reference)),
    }
