"""How sure one can be of a difference: an interval and a test, both by groups of prompts."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from tuneline.statistics.intervals import estimate_change
from tuneline.statistics.power import POWER, find_quantile
from tuneline.statistics.sums import reduce_sums, sum_by

# By grouping, the number of each row's group: shape (rows,).
Groupings = dict[str, np.ndarray]

SAME_PROMPT = "prompt"
SWAPS_AT_ONCE = 1000
# Values closer than this are the same: sums of floats differ in their last digits.
SAME = 1e-9


def find_groups(answers: list[dict[str, Any]]) -> Groupings:
    """Find the groups of every grouping that the examples name.

    Returns:
        Group numbers by grouping. Rows whose prompts are word for word the same are in one group
        whatever their labels: a model answers them alike. Without any label there is one grouping,
        of the same prompts.
    """
    names = sorted({name for row in answers for name in row.get("groups") or {}})
    prompts = [_name_prompt(row) for row in answers]
    if not names:
        return {SAME_PROMPT: _join(prompts, [None] * len(answers))}
    return {
        name: _join(prompts, [(row.get("groups") or {}).get(name) for row in answers])
        for name in names
    }


def count_groups(groupings: Groupings, rows: np.ndarray) -> dict[str, int]:
    """Count the groups, by grouping, that some of the rows (a boolean array) fall into."""
    return {name: len(np.unique(numbers[rows])) for name, numbers in groupings.items()}


def _name_prompt(row: dict[str, Any]) -> str:
    said = [*(f"{message['role']}: {message['content']}" for message in row["context"])]
    return "\n".join(" ".join(text.split()) for text in (*said, row["prompt"]))


def _join(prompts: list[str], labels: list[str | None]) -> np.ndarray:
    """Number the connected components of rows that share a prompt or a label."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    nodes: dict[tuple[str, str | None], int] = {}
    edges = [
        (row, len(prompts) + nodes.setdefault(key, len(nodes)))
        for row, (prompt, label) in enumerate(zip(prompts, labels, strict=True))
        for key in (("prompt", prompt), ("label", label))
        if key[1] is not None
    ]
    size = len(prompts) + len(nodes)
    starts, ends = np.array(edges, dtype=int).reshape(-1, 2).T
    graph = coo_array((np.ones(len(starts)), (starts, ends)), shape=(size, size))
    _, numbers = connected_components(graph, directed=False)
    return np.unique(numbers[: len(prompts)], return_inverse=True)[1]


@dataclass(frozen=True)
class SignificanceSettings:
    """What two models are compared with.

    Attributes:
        confidence: of the interval.
        resamples: random swaps of the permutation test.
        seed: of those swaps.
        exponent: whether means are shown as a power of e.
        scale: the largest difference that there can be; None where there is no limit.
    """

    confidence: float
    resamples: int
    seed: int
    exponent: bool = False
    scale: float | None = None


@dataclass(frozen=True)
class Finding:
    """What the prompts say about a difference.

    Attributes:
        interval: its ends; None where the groups are too few to show anything.
        significant: whether 0 is outside the interval and the permutation test agrees.
        detectable: the difference that so many prompts find in four cases of five; None as above.
        spread: standard deviation of the groups' own differences; None as above.
    """

    interval: tuple[float, float] | None
    significant: bool
    detectable: float | None
    spread: float | None


def judge_difference(
    base: np.ndarray, tuned: np.ndarray, groupings: Groupings, settings: SignificanceSettings
) -> Finding:
    """Judge the difference of two ratios of sums, tuned - base.

    The interval is that of `estimate_change`. Besides, a permutation test of every grouping has to
    agree: where it does not, the interval is drawn out to 0. Rows are as those of
    `estimate_change`.
    """
    numbers = list(groupings.values())
    found = estimate_change(
        base, tuned, numbers, settings.confidence, settings.exponent, settings.scale
    )
    if found is None:
        return Finding(None, False, None, None)
    low, high = found.low, found.high
    significant = not low <= 0 <= high and all(
        _find_p_value(sum_by(base, one), sum_by(tuned, one), settings) <= 1 - settings.confidence
        for one in numbers
    )
    if not significant:  # the interval says what the test says
        low, high = min(low, 0.0), max(high, 0.0)
    reach = (found.high - found.low) / 2 + find_quantile(POWER, found.groups) * found.error
    return Finding((low, high), significant, reach, found.error * found.groups**0.5)


def _find_p_value(base: np.ndarray, tuned: np.ndarray, settings: SignificanceSettings) -> float:
    """Exchange the models in some of the groups: how often is the difference as large as it is?

    All ways to exchange them where they are no more than the resamples, otherwise random ones.
    """
    seen = abs(float(_differ(base.sum(axis=0), tuned.sum(axis=0), settings)))
    change = tuned - base
    as_large = count = 0
    for swaps in _draw_swaps(len(base), settings):
        moved = swaps @ change
        found = _differ(base.sum(axis=0) + moved, tuned.sum(axis=0) - moved, settings)
        # Where nothing would count any more it is no number: as if it were as large.
        as_large += int((~(np.abs(found) < seen - SAME * max(1.0, seen))).sum())
        count += len(swaps)
    exact = 2 ** (len(base) - 1) <= settings.resamples
    return as_large / count if exact else (1 + as_large) / (1 + count)


def _differ(base: np.ndarray, tuned: np.ndarray, settings: SignificanceSettings) -> np.ndarray:
    return np.asarray(reduce_sums(tuned, settings.exponent) - reduce_sums(base, settings.exponent))


def _draw_swaps(groups: int, settings: SignificanceSettings) -> Iterator[np.ndarray]:
    """Draw which groups are exchanged, 1 or 0: arrays of shape (swaps, groups)."""
    if 2 ** (groups - 1) <= settings.resamples:
        # The last group stays: to exchange all the others says the same with another sign.
        yield (np.arange(2 ** (groups - 1))[:, None] >> np.arange(groups) & 1).astype(float)
        return
    random = np.random.default_rng(settings.seed)
    for start in range(0, settings.resamples, SWAPS_AT_ONCE):
        size = (min(SWAPS_AT_ONCE, settings.resamples - start), groups)
        yield random.integers(0, 2, size=size, dtype=np.int8).astype(float)
