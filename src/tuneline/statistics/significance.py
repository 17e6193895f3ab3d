"""How sure one can be of a difference: an interval and a test, both by groups of prompts."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np

# By grouping, the number of each row's group: shape (rows,).
Groupings = dict[str, np.ndarray]

SAME_PROMPT = "prompt"
# An untrained model's loss would overflow; beyond e^50 no one reads the number.
LARGEST_EXPONENT = 50
# A difference counts as detectable if it is found in four cases of five.
POWER = 0.8
SWAPS_AT_ONCE = 1000
# Values closer than this are the same: sums of floats differ in their last digits.
SAME = 1e-9


def find_groups(answers: list[dict[str, Any]]) -> Groupings:
    """Find the groups of every grouping that the examples name.

    Args:
        answers: one row a prompt; `groups` holds the row's label in each grouping. A row without a
            label is a group of its own.

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
    """Count the groups that some of the rows fall into.

    Args:
        groupings: group numbers by grouping.
        rows: which rows: shape (rows,), true or false.

    Returns:
        How many groups, by grouping.
    """
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


def enough_groups(groups: int, confidence: float) -> bool:
    """Tell whether so many independent groups of prompts can show anything.

    If the models did not differ, all groups would favor the same one with a chance of
    2^(1 - groups).

    Args:
        groups: groups that count.
        confidence: of the interval.

    Returns:
        Whether that chance is within the error allowed.
    """
    return groups > 2 and 2.0 ** (1 - groups) <= 1 - confidence


def reduce_sums(sums: np.ndarray, exponent: bool) -> np.ndarray:
    """Reduce sums of numerators and denominators (…, 2) to (…); NaN where nothing counts."""
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = sums[..., 0] / sums[..., 1]
    return np.asarray(np.exp(np.minimum(mean, LARGEST_EXPONENT)) if exponent else mean)


def judge_difference(
    base: np.ndarray, tuned: np.ndarray, groupings: Groupings, settings: SignificanceSettings
) -> Finding:
    """Judge the difference of two ratios of sums, tuned - base.

    Each grouping gives an interval and a test. Of several groupings the widest interval counts, and
    every test has to agree. Where groupings cross, so that none alone holds all that depends on one
    another, the standard error is at least that of Cameron, Gelbach and Miller 2011.

    Args:
        base: numerator and denominator of each row that counts: shape (rows, 2), all finite.
        tuned: the same of the tuned model.
        groupings: the group number of each of these rows, by grouping.
        settings: confidence, resamples and the kind of metric.

    Returns:
        The finding.
    """
    influences = _linearize(tuned, settings.exponent) - _linearize(base, settings.exponent)
    samples = [
        (_sum_by(base, numbers), _sum_by(tuned, numbers), _sum_by(influences, numbers))
        for numbers in groupings.values()
    ]
    fewest = min(_count(before, after) for before, after, _ in samples)
    if not enough_groups(fewest, settings.confidence):
        return Finding(None, False, None, None)
    error = _cross_error(influences, list(groupings.values()))
    found = [_find_interval(*sample, error, settings) for sample in samples]
    low, high = min(one[0] for one in found), max(one[1] for one in found)
    reach = (high - low) / 2 + float(_quantile(POWER, fewest)) * max(one[2] for one in found)
    significant = not low <= 0 <= high and all(
        _find_p_value(before, after, settings) <= 1 - settings.confidence
        for before, after, _ in samples
    )
    if not significant:  # the interval says what the test says
        low, high = min(low, 0.0), max(high, 0.0)
    spread = float(max(one[2] for one in found) * fewest**0.5)
    return Finding((low, high), significant, reach, spread)


def find_smallest_difference(spread: float, groups: int, confidence: float) -> float | None:
    """Find the smallest difference that so many prompts show in four cases of five.

    The two models answer the same prompts, so that the differences within pairs count; prompts that
    belong together count as one group. (t(1 - (1 - confidence) / 2) + t(0.8)) · spread / √groups,
    with groups - 1 degrees of freedom: the minimum detectable effect of Bloom 1995 (Evaluation
    Review 19, Minimum detectable effects), for paired answers in clusters Miller 2024 (arXiv
    2411.00640, sections 4 and 5).

    Args:
        spread: standard deviation of the groups' differences, in the metric's own unit.
        groups: independent groups of prompts.
        confidence: of the interval.

    Returns:
        The difference in the same unit; None where the groups are too few to show anything.
    """
    if not enough_groups(groups, confidence):
        return None
    found = _quantile(1 - (1 - confidence) / 2, groups) + _quantile(POWER, groups)
    return float(float(found) * spread / groups**0.5)


def _linearize(rows: np.ndarray, exponent: bool) -> np.ndarray:
    """Say how much each row moves the ratio (delta method): shape (rows,), the sum is 0."""
    numerator, denominator = rows.sum(axis=0)
    mean = numerator / denominator
    slope = 1.0
    if exponent:
        slope = float(np.exp(mean)) if mean < LARGEST_EXPONENT else 0.0
    return np.asarray(slope * (rows[:, 0] - mean * rows[:, 1]) / denominator)


def _sum_by(values: np.ndarray, numbers: np.ndarray) -> np.ndarray:
    """Sum rows by their group: (rows, …) to (groups, …)."""
    _, order = np.unique(numbers, return_inverse=True)
    sums = np.zeros((order.max() + 1, *values.shape[1:]))
    np.add.at(sums, order, values)
    return sums


def _count(base: np.ndarray, tuned: np.ndarray) -> int:
    """Count the groups that count for the model that has fewer of them."""
    return int(min((one[:, 1] != 0).sum() for one in (base, tuned)))


def _cross_error(influences: np.ndarray, groupings: list[np.ndarray]) -> float:
    """Find the standard error of several groupings that cross, by inclusion and exclusion."""
    if len(groupings) == 1:
        return 0.0
    variance = 0.0
    for size in range(1, len(groupings) + 1):
        for chosen in combinations(groupings, size):
            _, numbers = np.unique(np.stack(chosen), axis=1, return_inverse=True)
            sums = _sum_by(influences, numbers.ravel())
            share = len(sums) / max(1, len(sums) - 1)
            variance += (-1) ** (size + 1) * share * float((sums**2).sum())
    return float(max(0.0, variance) ** 0.5)


def _find_interval(
    base: np.ndarray,
    tuned: np.ndarray,
    influences: np.ndarray,
    error: float,
    settings: SignificanceSettings,
) -> tuple[float, float, float]:
    """Find the interval of the mean of the groups' own differences, and its standard error.

    Hall's transformation of Student's t (1992, On the removal of skewness by transformation), with
    the skewness of the groups and, because few groups hide it, its standard error either way.
    """
    before, after = (reduce_sums(one, settings.exponent) for one in (base, tuned))
    whole = [reduce_sums(one.sum(axis=0), settings.exponent) for one in (base, tuned)]
    own = whole[1] - whole[0] + len(influences) * influences
    counted = _count(base, tuned)
    skewness, doubt = _measure_skewness(own)
    if _is_sparse(after - before):
        step = settings.scale or float(np.abs(own).max())
        if step == 0:
            return 0.0, 0.0, 0.0
        own, skewness, doubt = np.append(own, [step, -step]), 0.0, 0.0
        counted += 2
    groups, mean = len(own), float(own.mean())
    error = max(float(own.std(ddof=1)) / groups**0.5, error)
    quantile = float(_quantile(1 - (1 - settings.confidence) / 2, counted))
    ends = [
        mean - error * _undo_skewness(side * quantile, (skewness + way * doubt) / groups**0.5)
        for side in (1, -1)
        for way in (1, -1)
    ]
    most = np.inf if settings.scale is None else settings.scale
    return max(min(ends), -most), min(max(ends), most), error


def _is_sparse(differences: np.ndarray) -> bool:
    """Tell whether most groups differ alike: then few of them carry all that is seen of the spread.

    Two groups are added to such, one that wins and one that loses (Bonett and Price 2012 of shares
    in pairs), so that 0 of 20, or 20 of 20, does not pass for certain.
    """
    _, counts = np.unique(np.round(differences, 9), return_counts=True)
    return bool(2 * counts.max() > len(differences))


def _measure_skewness(values: np.ndarray) -> tuple[float, float]:
    """Measure the skewness of a sample (G1, Joanes and Gill 1998), and its standard error."""
    n, spread = len(values), float(values.std())
    if spread == 0:
        return 0.0, 0.0
    raw = float(((values - values.mean()) ** 3).mean()) / spread**3
    error = (6 * n * (n - 1) / ((n - 2) * (n + 1) * (n + 3))) ** 0.5
    return raw * (n * (n - 1)) ** 0.5 / (n - 2), error


def _undo_skewness(quantile: float, skewness: float) -> float:
    """Find the t of a skewed mean that belongs to a quantile (the inverse of Hall's cubic)."""
    if abs(skewness) < SAME:
        return quantile
    return float(3 / skewness * (np.cbrt(1 + skewness * (quantile - skewness / 6)) - 1))


def _quantile(probability: float, groups: int) -> np.ndarray:
    from scipy.special import stdtrit

    return np.asarray(stdtrit(groups - 1, probability))


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
