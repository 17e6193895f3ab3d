"""Sums of numerators and denominators by group, the ratios they give, and how these vary."""

from itertools import combinations

import numpy as np

# An untrained model's loss would overflow; beyond e^50 no one reads the number.
LARGEST_EXPONENT = 50


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


def linearize(rows: np.ndarray, exponent: bool) -> np.ndarray:
    """Say how much each row moves the ratio (delta method): shape (rows,), the sum is 0."""
    numerator, denominator = rows.sum(axis=0)
    mean = numerator / denominator
    slope = 1.0
    if exponent:
        slope = float(np.exp(mean)) if mean < LARGEST_EXPONENT else 0.0
    return np.asarray(slope * (rows[:, 0] - mean * rows[:, 1]) / denominator)


def find_variance(sums: np.ndarray) -> float:
    """Find the variance of a ratio from the sums of its influences by group: shape (groups,)."""
    return float(len(sums) / max(1, len(sums) - 1) * (sums**2).sum())


def cross_error(influences: np.ndarray, groupings: list[np.ndarray]) -> float:
    """Find the standard error of several groupings that cross, by inclusion and exclusion."""
    if len(groupings) == 1:
        return 0.0
    variance = 0.0
    for size in range(1, len(groupings) + 1):
        for chosen in combinations(groupings, size):
            _, numbers = np.unique(np.stack(chosen), axis=1, return_inverse=True)
            variance += (-1) ** (size + 1) * find_variance(sum_by(influences, numbers.ravel()))
    return float(max(0.0, variance) ** 0.5)
