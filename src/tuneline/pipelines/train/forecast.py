"""How a curve of validation losses would go on: a power law, and how certain it is."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

# Of the power law; a uniform prior over them.
EXPONENTS = np.linspace(0.1, 2.5, 49)
DRAWS, SEED = 2000, 0
# The law is not followed further than so many times the steps of the run.
HORIZON, POINTS = 10.0, 300
# Share of the draws that must agree, and the ends of the interval.
CERTAIN, ENDS = 0.95, (0.05, 0.95)
# Losses are recorded, and differ, by no less than this share.
FINEST = 0.001
# A law has three parameters; what is left tells how far it is off.
LEAST = 5

Values = NDArray[np.float64]


@dataclass(frozen=True)
class Forecast:
    """What the law says of the steps after the end of a curve that still falls.

    Attributes:
        gain: by which another epoch lowers it, as a share, the median.
        steps: more steps until another epoch lowers it by less than the threshold, the median.
        least: of the steps, the lower end of the 90 % interval.
        most: the upper end; None if it is beyond nine times the run's own steps.
    """

    gain: float
    steps: int
    least: int
    most: int | None


def forecast_losses(
    steps: Values, losses: Values, steps_per_epoch: float, threshold: float
) -> Forecast | None:
    """Fit a power law to the losses and follow it beyond the end.

    L(s) = a + b / s^c, the law `pow3` of learning curves, with a posterior over its parameters as
    in Domhan, Springenberg and Hutter (IJCAI 2015), who extrapolate training curves so; that losses
    follow a power of the steps: Kaplan et al. (2020, arXiv 2001.08361, section 5). For each
    exponent a and b follow from least squares, so that the posterior is drawn from exactly:
    exponents by their marginal likelihood (a flat prior on a, b and the logarithm of the noise),
    then the noise, then a and b. Draws with a < 0 are dropped.

    A learning rate that falls to 0 flattens the end of a curve (Hägele et al. 2024, arXiv
    2405.18392), so that a longer run gains later than this one: the steps are rather too few.

    Steps are ascending, both have the shape (n,). None unless it is certain (95 %) that another
    epoch lowers the loss by more than the share `threshold`, and for fewer than five measurements.
    """
    if len(steps) < LEAST:
        return None
    end = float(steps[-1])
    a, b, c = _draw(steps / end, losses)
    if not len(a):
        return None
    epoch = steps_per_epoch / end
    now = _measure_gains(a, b, c, np.ones(1), epoch)[:, 0]
    if np.mean(now > threshold) < CERTAIN:
        return None
    at = np.geomspace(1, HORIZON, POINTS)
    is_over = _measure_gains(a, b, c, at, epoch) < threshold
    first = np.where(is_over.any(axis=1), is_over.argmax(axis=1), POINTS - 1)
    least, median, most = np.quantile(at[first] - 1, (ENDS[0], 0.5, ENDS[1])) * end
    return Forecast(
        gain=float(np.median(now)),
        steps=round(float(median)),
        least=round(float(least)),
        most=round(float(most)) if most < (HORIZON - 1) * end * 0.99 else None,
    )


def _measure_gains(a: Values, b: Values, c: Values, at: Values, epoch: float) -> Values:
    """Measure the share by which an epoch from each step on lowers the loss: (draws, steps)."""
    power, exponent = b[:, None], -c[:, None]
    now = power * at**exponent
    return np.asarray((now - power * (at + epoch) ** exponent) / (a[:, None] + now))


def _draw(at: Values, losses: Values) -> tuple[Values, Values, Values]:
    """Draw a, b and c from their posterior; shape (draws,) each."""
    random = np.random.default_rng(SEED)
    freedom = len(at) - 2
    fits = [_fit(at**-exponent, losses) for exponent in EXPONENTS]
    weights = np.array([one[3] - freedom / 2 * np.log(one[2]) for one in fits])
    weights = np.exp(weights - weights.max())
    chosen = random.choice(len(fits), DRAWS, p=weights / weights.sum())
    noise = np.sqrt(1 / random.chisquare(freedom, DRAWS))
    normal = random.standard_normal((DRAWS, 2))
    found = np.array([one[0] for one in fits])[chosen]
    roots = np.array([one[1] * np.sqrt(one[2]) for one in fits])[chosen]
    found = found + noise[:, None] * (roots @ normal[:, :, None])[:, :, 0]
    kept = found[:, 0] >= 0
    return found[kept, 0], found[kept, 1], EXPONENTS[chosen][kept]


def _fit(powers: Values, losses: Values) -> tuple[Values, Values, float, float]:
    """Fit a and b by least squares.

    Returns:
        a and b; a root of the inverse of X'X; the sum of squared residuals; half of the logarithm
        of the determinant of that inverse.
    """
    design = np.column_stack([np.ones_like(powers), powers])
    inverse = np.linalg.inv(design.T @ design)
    found = inverse @ design.T @ losses
    squares = float(((losses - design @ found) ** 2).sum())
    squares += len(losses) * (FINEST * float(np.median(losses))) ** 2
    half = float(np.linalg.slogdet(inverse)[1]) / 2
    return found, np.linalg.cholesky(inverse), squares, half
