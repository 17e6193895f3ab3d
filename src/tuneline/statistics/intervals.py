"""Intervals of a ratio of sums, and of the difference between two, by groups of prompts.

Where every prompt is right or wrong they are score intervals of proportions; otherwise Student's t
over the groups, corrected for skewness.
"""

from dataclasses import dataclass

import numpy as np

from tuneline.statistics.power import enough_groups, find_quantile
from tuneline.statistics.proportions import (
    find_effective_size,
    find_tango_interval,
    find_wilson_interval,
    is_proportion,
)
from tuneline.statistics.sums import cross_error, linearize, reduce_sums, sum_by

# Numbers closer than this are the same: sums of floats differ in their last digits.
SAME = 1e-9


@dataclass(frozen=True)
class Estimate:
    """An interval, its standard error, and the groups of the grouping that has the fewest."""

    low: float
    high: float
    error: float
    groups: int


def estimate_level(
    rows: np.ndarray,
    groupings: list[np.ndarray],
    confidence: float,
    exponent: bool,
    scale: float | None,
) -> Estimate | None:
    """Estimate one model's ratio of sums.

    `rows`: numerator and denominator, shape (rows, 2), all finite; `groupings`: group numbers, one
    array each; `exponent`: the mean is shown as a power of e; `scale`: the largest value, None
    where there is no limit. None where the groups are too few for an interval.
    """
    fewest = min(_count(rows, numbers) for numbers in groupings)
    if not enough_groups(fewest, confidence):
        return None
    level = float(reduce_sums(rows.sum(axis=0), exponent))
    if scale and is_proportion(rows, scale):
        right = rows[:, 0] / scale
        size = find_effective_size(right, (0, 1), groupings, confidence)
        return _scale(
            find_wilson_interval(float(right.mean()), size, confidence), scale, fewest, confidence
        )
    influences = linearize(rows, exponent)
    error = cross_error(influences, groupings)
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
    Miller 2011. Arguments and None are as with `estimate_level`; `scale` is the largest difference.
    """
    fewest = min(_count(one, numbers) for one in (base, tuned) for numbers in groupings)
    if not enough_groups(fewest, confidence):
        return None
    both = (base, tuned)
    if scale and all(is_proportion(one, scale) for one in both):
        change = (tuned[:, 0] - base[:, 0]) / scale
        size = find_effective_size(change, (-1, 1), groupings, confidence)
        won, lost = (float((side * change > 0).mean()) for side in (1, -1))
        return _scale(find_tango_interval(won, lost, size, confidence), scale, fewest, confidence)
    influences = linearize(tuned, exponent) - linearize(base, exponent)
    error = cross_error(influences, groupings)
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


def _spread_out(whole: float, influences: np.ndarray, numbers: np.ndarray) -> np.ndarray:
    """Give each group a value of its own whose mean is the whole: shape (groups,)."""
    sums = sum_by(influences, numbers)
    return np.asarray(whole + len(sums) * sums)


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
