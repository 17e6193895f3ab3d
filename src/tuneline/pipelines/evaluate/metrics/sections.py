"""Whether an answer holds the sections that it must."""

from tuneline.pipelines.evaluate.metrics.metric import Fractions, Metric, Written, average

METRICS = (
    Metric(
        "sections",
        "Sections",
        "higher",
        "Share of the required sections that the answer holds, in their order.",
        percent=True,
        counts=True,
    ),
)


def measure(written: Written) -> Fractions:
    """Measure which required headings stand in an answer.

    A heading counts where a line begins with it, whatever stands before its first letter or digit
    (`## 1. `) and whatever its letter case. In order means: the longest sequence of headings that
    follow each other as required.

    Args:
        written: the answers; `evaluation.sections` names the headings.

    Returns:
        Means over the answers; nothing where no sections are required.
    """
    sections = [_normalise(section) for section in written.evaluation.sections]
    if not sections:
        return {}
    return {"sections": average([_find(text, sections) for text in written.answers])}


def _find(answer: str, sections: list[str]) -> float:
    lines = [_normalise(line) for line in answer.splitlines()]
    # best[k]: most headings of the first k that were found in order so far.
    best = [0] * (len(sections) + 1)
    for line in lines:
        for number, section in reversed(list(enumerate(sections))):
            if line.startswith(section):
                best[number + 1] = max(best[number + 1], max(best[: number + 1]) + 1)
    return 100 * max(best) / len(sections)


def _normalise(line: str) -> str:
    return line.lstrip("#*->_ \t0123456789.)(").casefold().strip()
