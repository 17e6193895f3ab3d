"""Proportions: intervals of what is right or wrong on each prompt, also of prompts in groups.

Both are score intervals: they have a width also where no prompt is right, or every one. Of prompts
in groups they take the effective sample size in place of their number.
"""

import numpy as np

from tuneline.statistics.power import find_quantile
from tuneline.statistics.sums import cross_error, find_variance, sum_by

# What the score statistic of Tango is not evaluated beyond: at 1 it is 0 / 0.
EDGE = 1 - 1e-12


def is_proportion(rows: np.ndarray, scale: float) -> bool:
    """Tell whether every row is right or wrong, and nothing in between.

    `rows` has the shape (rows, 2); a right one has the numerator `scale` and the denominator 1.
    """
    return bool((rows[:, 1] == 1).all() and np.isin(rows[:, 0], (0, scale)).all())


def find_effective_size(
    values: np.ndarray, ends: tuple[float, float], groupings: list[np.ndarray], confidence: float
) -> float:
    """Find the number of independent prompts that would say as much as these in their groups.

    n / design effect · (t(n - 1) / t(groups - 1))², at most n: Korn and Graubard 1998 (Survey
    Methodology 24, Confidence intervals for proportions with small expected number of positive
    counts estimated from survey data). The design effect is the variance of the mean by groups over
    that of as many independent prompts. Two groups of half the usual size are added to estimate it,
    one at either end of the scale: few right prompts hide that they are right together. `values`
    has the shape (rows,); `ends` are the least and the largest number that there can be.
    """
    size = len(values)
    groups = min(len(np.unique(numbers)) for numbers in groupings)
    if groups == size:
        return float(size)
    usual = max(1, round(size / groups / 2))
    more = np.concatenate([values, np.repeat(ends, usual)])
    numbers = [np.concatenate([one, one.max() + 1 + np.repeat((0, 1), usual)]) for one in groupings]
    influences = (more - more.mean()) / len(more)
    by_groups = max(
        cross_error(influences, numbers) ** 2,
        *(find_variance(sum_by(influences, one)) for one in numbers),
    )
    effect = by_groups / (float(more.var(ddof=1)) / len(more))
    upper = 1 - (1 - confidence) / 2
    share = find_quantile(upper, size) / find_quantile(upper, groups)
    return float(min(size, max(1.0, size / effect * share**2)))


def find_wilson_interval(share: float, size: float, confidence: float) -> tuple[float, float]:
    """Find the interval of a proportion (Wilson 1927), as a share of 1."""
    from scipy.special import ndtri

    quantile = float(ndtri(1 - (1 - confidence) / 2))
    middle = (share + quantile**2 / (2 * size)) / (1 + quantile**2 / size)
    half = quantile * (share * (1 - share) / size + (quantile / (2 * size)) ** 2) ** 0.5
    half /= 1 + quantile**2 / size
    return max(0.0, middle - half), min(1.0, middle + half)


def find_tango_interval(
    won: float, lost: float, size: float, confidence: float
) -> tuple[float, float]:
    """Find the interval of the difference between two paired proportions, as a share of 1.

    The differences that the score test does not reject (Tango 1998, Statistics in Medicine 17,
    Equivalence test and confidence interval for the difference in proportions for the paired-sample
    design): at 0 it is McNemar's test. `won` and `lost` are shares of the pairs that only the
    tuned, or only the base model has right.
    """
    from scipy.optimize import brentq
    from scipy.special import ndtri

    quantile = float(ndtri(1 - (1 - confidence) / 2))
    ends = []
    for side in (1, -1):
        # The lower end is the negative of the upper end with the models exchanged.
        ahead, back = (won, lost) if side == 1 else (lost, won)

        def excess(difference: float, ahead: float = ahead, back: float = back) -> float:
            return _score(difference, ahead, back, size) + quantile

        start = min(max(ahead - back, -EDGE), EDGE)
        end = 1.0 if excess(EDGE) >= 0 else brentq(excess, start, EDGE)
        ends.append(side * float(end))
    return ends[1], ends[0]


def _score(difference: float, won: float, lost: float, size: float) -> float:
    """Compute the score statistic of a difference; the lost share is at its likeliest for it."""
    linear = -won - lost + (2 - won + lost) * difference
    constant = -lost * difference * (1 - difference)
    likely = (max(0.0, linear**2 - 8 * constant) ** 0.5 - linear) / 4
    variance = (2 * likely + difference * (1 - difference)) / size
    return (won - lost - difference) / float(max(variance, 1e-300) ** 0.5)
