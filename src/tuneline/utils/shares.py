"""Shares of a number, as whole numbers."""

from collections.abc import Mapping


def apportion(
    total: int, weights: Mapping[str, float], *, at_least_one: bool = False
) -> dict[str, int]:
    """Divide a whole number in proportion to weights.

    The largest remainders win what is left over (Hamilton's method); of equal ones, the last name.

    Args:
        total: what is divided.
        weights: in proportion to which.
        at_least_one: whether nobody goes without, as long as there is enough for all; if there is
            not, the greatest weights get one each.

    Returns:
        Whole numbers that add up to the total.
    """
    least = int(at_least_one)
    if total < least * len(weights):
        first = sorted(weights, key=lambda name: (-weights[name], name))[:total]
        return {name: int(name in first) for name in weights}
    whole = sum(weights.values())
    exact = {name: total * weight / whole for name, weight in weights.items()}
    given = {name: max(int(exact[name]), least) for name in weights}
    while sum(given.values()) < total:
        given[max(weights, key=lambda name: (exact[name] - given[name], name))] += 1
    while sum(given.values()) > total:
        generous = [name for name in weights if given[name] > least]
        given[max(generous, key=lambda name: (given[name] - exact[name], name))] -= 1
    return given
