"""Power: how small a difference so many prompts can show, and how many would show another one."""

import math

# A difference counts as detectable if it is found in four cases of five.
POWER = 0.8
# Points of 100 for which a plan and a report say how many prompts they need.
WANTED = 2.0
# More than anybody has; a spread that asks for more is no answer.
MOST_GROUPS = 10_000_000


def enough_groups(groups: int, confidence: float) -> bool:
    """Tell whether so many independent groups of prompts can show anything.

    If the models did not differ, all groups would favor the same one with a chance of
    2^(1 - groups).
    """
    return groups > 2 and 2.0 ** (1 - groups) <= 1 - confidence


def find_smallest_difference(spread: float, groups: int, confidence: float) -> float | None:
    """Find the smallest difference that so many prompts show in four cases of five.

    The two models answer the same prompts, so that the differences within pairs count; prompts that
    belong together count as one group. (t(1 - (1 - confidence) / 2) + t(0.8)) · spread / √groups,
    with groups - 1 degrees of freedom: the minimum detectable effect of Bloom 1995 (Evaluation
    Review 19, Minimum detectable effects), for paired answers in clusters Miller 2024 (arXiv
    2411.00640, sections 4 and 5).

    `spread` is the standard deviation of the groups' differences, in the metric's own unit, as the
    result; None where the groups are too few to show anything.
    """
    if not enough_groups(groups, confidence):
        return None
    found = find_quantile(1 - (1 - confidence) / 2, groups) + find_quantile(POWER, groups)
    return found * spread / float(groups**0.5)


def count_needed(spread: float, prompts: int, groups: int, confidence: float) -> int | None:
    """Count the prompts that would show a difference, in groups as large as those at hand.

    They are the fewest whose smallest difference is at most `WANTED`; None where there are no
    prompts to know the groups by, or they would be more than anybody has.
    """
    from scipy.special import ndtri

    # Student's quantiles are larger than the normal ones: the search begins below the answer.
    quantiles = float(ndtri(1 - (1 - confidence) / 2) + ndtri(POWER))
    least = max(3.0, (quantiles * spread / WANTED) ** 2)
    if not groups or least > MOST_GROUPS:
        return None
    number = int(least)
    while (found := find_smallest_difference(spread, number, confidence)) is None or found > WANTED:
        number += 1
    return math.ceil(number * prompts / groups)


def find_quantile(probability: float, groups: int) -> float:
    """Find a quantile of Student's t with groups - 1 degrees of freedom."""
    from scipy.special import stdtrit

    return float(stdtrit(groups - 1, probability))
