"""Whether an answer has the sections that it must."""

from collections.abc import Iterator

import regex

from tuneline.headings import is_heading
from tuneline.pipelines.evaluate.metrics.metric import Fractions, Metric, Written, average

# A heading with its text in the same line: `Price: 5 EUR`, `Price - 5 EUR`, `**Price** 5 EUR`.
TITLE = regex.compile(r"(.+?)(?:[:\uff1a]|\s[-\u2013\u2014]\s)")
MARKED = regex.compile(
    r"\W*(?:(\*\*|__)(?P<bold>.+?)\1|<(?:b|strong|h[1-6])\b[^>]*>(?P<tag>.+?)</)"
)

METRICS = (
    Metric(
        "sections",
        "Sections",
        "higher",
        "Share of the required sections that the answer has, in their order.",
        percent=True,
        counts=True,
    ),
)


def measure(written: Written) -> Fractions:
    """Measure which required headings are in an answer.

    A heading counts where it is a line of its own, however it is numbered or marked (see
    `is_heading`), or where its text follows it in the line behind a colon, a dash or its markup.
    In order means: the longest sequence of headings that follow each other as required.

    Args:
        written: the answers; `evaluation.sections` names the headings.

    Returns:
        Means over the answers; nothing where no sections are required.
    """
    sections = written.evaluation.sections
    if not sections:
        return {}
    return {"sections": average([_find(text, sections) for text in written.answers])}


def _find(answer: str, sections: list[str]) -> float:
    # best[k]: most headings of the first k that were found in order so far.
    best = [0] * (len(sections) + 1)
    for line in answer.splitlines():
        titles = list(_list_titles(line))
        for number, section in reversed(list(enumerate(sections))):
            if any(is_heading(title, section) for title in titles):
                best[number + 1] = max(best[number + 1], max(best[: number + 1]) + 1)
    return 100 * max(best) / len(sections)


def _list_titles(line: str) -> Iterator[str]:
    yield line
    if title := TITLE.match(line):
        yield title[1]
    if marked := MARKED.match(line):
        yield marked["bold"] or marked["tag"]
