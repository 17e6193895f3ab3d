"""Intervals of a ratio of sums, and of the difference between two, by groups of prompts.

Where every prompt is right or wrong they are score intervals of proportions; otherwise Student's t
over the groups, corrected for skewness.
"""

from dataclasses import dataclass
from itertools import combinations

import numpy as np

from tuneline.statistics.power import enough_groups, find_quantile
from tuneline.statistics.proportions import (
    find_effective_size,
    find_tango_interval,
    find_wilson_interval,
    is_proportion,
)

# An untrained model's loss would overflow; beyond e^50 no one reads the number.
LARGEST_EXPONENT = 50
# Numbers closer than this are the same: sums of floats differ in their last digits.
SAME = 1e-9


@dataclass(frozen=True)
class Estimate:
    """An interval, and what it rests on.

    Attributes:
        low: its lower end.
        high: its upper end.
        error: standard error.
        groups: that count, in the grouping that has the fewest.
    """

    low: float
    high: float
    error: float
    groups: int


def reduce_sums(sums: np.ndarray, exponent: bool) -> np.ndarray:
    """Reduce sums of numerators and denominators (…, 2) to (…); NaN where nothing counts."""
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = sums[..., 0] / sums[..., 1]
    return np.asarray(np.exp(np.minimum(mean, LARGEST_EXPONENT)) if exponent else mean)


def sum_by(values: np.ndarray, numbers: np.ndarray) -> np.ndarray:
    """Sum rows by their group: (rows, …) to (groups, …)."""
    _, order = np.unique(numbers, return_inverse=True)
    sums = np.zeros((order.max() + 1, *values.shape[1:]))
    np.add.at(sums, order, values)
    return sums


def estimate_level(
    rows: np.ndarray,
    groupings: list[np.ndarray],
    confidence: float,
    exponent: bool,
    scale: float | None,
) -> Estimate | None:
    """Estimate one model's ratio of sums.

    Args:
        rows: numerator and denominator of each row that counts: shape (rows, 2), all finite.
        groupings: the group number of each of these rows, one array a grouping.
        confidence: of the interval.
        exponent: whether the mean is shown as a power of e.
        scale: the largest value that there can be; None where there is no limit.

    Returns:
        The estimate; None where the groups are too few for an interval.
    """
    fewest = min(_count(rows, numbers) for numbers in groupings)
    if not enough_groups(fewest, confidence):
        return None
    level = float(reduce_sums(rows.sum(axis=0), exponent))
    influences = _linearize(rows, exponent)
    error = _cross_error(influences, groupings)
    if is_proportion(rows, scale):
        size = _find_size(rows, influences, groupings, error, fewest, confidence)
        ends = find_wilson_interval(level / (scale or 1), size, confidence)
        return _scale(ends, scale or 1, fewest, confidence)
    found = []
    for numbers in groupings:
        own = _spread_out(level, influences, numbers)
        # The two groups that are added to such as are all alike: one has nothing, one everything.
        ends = (0.0, scale) if scale else (level - np.abs(own).max(), level + np.abs(own).max())
        found.append(_find_interval(own, _count(rows, numbers), own, ends, error, confidence))
    return _take_widest(found, fewest, (0.0, scale) if scale else (-np.inf, np.inf))


def estimate_change(
    base: np.ndarray,
    tuned: np.ndarray,
    groupings: list[np.ndarray],
    confidence: float,
    exponent: bool,
    scale: float | None,
) -> Estimate | None:
    """Estimate the difference of two ratios of sums, tuned - base.

    Of several groupings the widest interval counts. Where groupings cross, so that none alone holds
    all that depends on one another, the standard error is at least that of Cameron, Gelbach and
    Miller 2011.

    Args:
        base: as the rows of `estimate_level`.
        tuned: the same of the tuned model.
        groupings: the group number of each of these rows, one array a grouping.
        confidence: of the interval.
        exponent: whether means are shown as a power of e.
        scale: the largest difference that there can be; None where there is no limit.

    Returns:
        The estimate; None where the groups are too few for an interval.
    """
    fewest = min(_count(one, numbers) for one in (base, tuned) for numbers in groupings)
    if not enough_groups(fewest, confidence):
        return None
    influences = _linearize(tuned, exponent) - _linearize(base, exponent)
    error = _cross_error(influences, groupings)
    both = (base, tuned)
    if all(is_proportion(one, scale) for one in both) and (base[:, 1] == tuned[:, 1]).all():
        change = (tuned - base)[base[:, 1] == 1, 0]
        size = _find_size(base, influences, groupings, error, fewest, confidence)
        ends = find_tango_interval(
            float((change > 0).mean()), float((change < 0).mean()), size, confidence
        )
        return _scale(ends, scale or 1, fewest, confidence)
    whole = [float(reduce_sums(one.sum(axis=0), exponent)) for one in both]
    found = []
    for numbers in groupings:
        own = _spread_out(whole[1] - whole[0], influences, numbers)
        before, after = (reduce_sums(sum_by(one, numbers), exponent) for one in both)
        most = scale or float(np.abs(own).max())
        counted = min(_count(one, numbers) for one in both)
        found.append(_find_interval(own, counted, after - before, (-most, most), error, confidence))
    return _take_widest(found, fewest, (-scale, scale) if scale else (-np.inf, np.inf))


def _count(rows: np.ndarray, numbers: np.ndarray) -> int:
    """Count the groups that have a row that counts."""
    return int((sum_by(rows, numbers)[:, 1] != 0).sum())


def _linearize(rows: np.ndarray, exponent: bool) -> np.ndarray:
    """Say how much each row moves the ratio (delta method): shape (rows,), the sum is 0."""
    numerator, denominator = rows.sum(axis=0)
    mean = numerator / denominator
    slope = 1.0
    if exponent:
        slope = float(np.exp(mean)) if mean < LARGEST_EXPONENT else 0.0
    return np.asarray(slope * (rows[:, 0] - mean * rows[:, 1]) / denominator)


def _spread_out(whole: float, influences: np.ndarray, numbers: np.ndarray) -> np.ndarray:
    """Give each group a value of its own whose mean is the whole: shape (groups,)."""
    sums = sum_by(influences, numbers)
    return np.asarray(whole + len(sums) * sums)


def _find_size(
    rows: np.ndarray,
    influences: np.ndarray,
    groupings: list[np.ndarray],
    error: float,
    fewest: int,
    confidence: float,
) -> float:
    """Find the effective sample size by the grouping that says least."""
    there = rows[:, 1] != 0
    variance = max(error**2, *(_find_variance(sum_by(influences, one)) for one in groupings))
    return find_effective_size(influences[there] * there.sum(), fewest, variance, confidence)


def _find_variance(sums: np.ndarray) -> float:
    return float(len(sums) / max(1, len(sums) - 1) * (sums**2).sum())


def _cross_error(influences: np.ndarray, groupings: list[np.ndarray]) -> float:
    """Find the standard error of several groupings that cross, by inclusion and exclusion."""
    if len(groupings) == 1:
        return 0.0
    variance = 0.0
    for size in range(1, len(groupings) + 1):
        for chosen in combinations(groupings, size):
            _, numbers = np.unique(np.stack(chosen), axis=1, return_inverse=True)
            variance += (-1) ** (size + 1) * _find_variance(sum_by(influences, numbers.ravel()))
    return float(max(0.0, variance) ** 0.5)


def _scale(ends: tuple[float, float], scale: float, groups: int, confidence: float) -> Estimate:
    """Bring an interval of shares to the scale; its standard error follows from its width."""
    low, high = (scale * end for end in ends)
    quantile = find_quantile(1 - (1 - confidence) / 2, groups)
    return Estimate(low, high, (high - low) / 2 / quantile, groups)


def _take_widest(found: list[Estimate], groups: int, most: tuple[float, float]) -> Estimate:
    return Estimate(
        max(min(one.low for one in found), most[0]),
        min(max(one.high for one in found), most[1]),
        max(one.error for one in found),
        groups,
    )


def _find_interval(
    own: np.ndarray,
    counted: int,
    values: np.ndarray,
    added: tuple[float, float],
    error: float,
    confidence: float,
) -> Estimate:
    """Find the interval of the mean of the groups' own values, and its standard error.

    Hall's transformation of Student's t (1992, On the removal of skewness by transformation), with
    the skewness of the groups and, because few groups hide it, its standard error either way.

    Two groups are added to those that are mostly alike, one at either end of the scale (Bonett and
    Price 2012 of shares in pairs, Agresti and Coull 1998 of one), so that a difference on 4 of 64
    does not pass for certain.
    """
    skewness, doubt = _measure_skewness(own)
    if _is_sparse(values):
        if added[0] == added[1]:
            return Estimate(added[0], added[1], 0.0, counted)
        own, skewness, doubt = np.append(own, added), 0.0, 0.0
        counted += 2
    groups, mean = len(own), float(own.mean())
    error = max(float(own.std(ddof=1)) / groups**0.5, error)
    quantile = find_quantile(1 - (1 - confidence) / 2, counted)
    ends = [
        mean - error * _undo_skewness(side * quantile, (skewness + way * doubt) / groups**0.5)
        for side in (1, -1)
        for way in (1, -1)
    ]
    return Estimate(min(ends), max(ends), error, counted)


def _is_sparse(values: np.ndarray) -> bool:
    """Tell whether most groups are alike: then few of them carry all that is seen of the spread."""
    _, counts = np.unique(np.round(values, 9), return_counts=True)
    return bool(2 * counts.max() > len(values))


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
