"""A fall that goes on at the end of a curve of losses: a power law, and how certain it is."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tuneline.parameters import Recipe
from tuneline.pipelines.train.curve import DIRECTION, SAME_LOSS, Curve, Finding

# Falls, each of several in a row, that no noise explains where its size cannot be told, as shares
# of the loss.
EACH = 0.05
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
        steps: more steps until another epoch lowers it by less than `SAME_LOSS`, the median.
        least: of the steps, the lower end of the 90 % interval.
        most: the upper end; None if it is beyond nine times the run's own steps.
    """

    gain: float
    steps: int
    least: int
    most: int | None


def forecast_losses(curve: Curve) -> Forecast | None:
    """Fit a power law to the losses and follow it beyond the end.

    L(s) = a + b / s^c, the law `pow3` of learning curves, with a posterior over its parameters as
    in Domhan, Springenberg and Hutter (IJCAI 2015), who extrapolate training curves so; that losses
    follow a power of the steps: Kaplan et al. (2020, arXiv 2001.08361, section 5). For each
    exponent a and b follow from least squares, so that the posterior is drawn from exactly:
    exponents by their marginal likelihood (a flat prior on a, b and the logarithm of the noise),
    then the noise, then a and b. Draws with a < 0 are dropped.

    A learning rate that falls to 0 flattens the end of a curve (Hägele et al. 2024, arXiv
    2405.18392), so that a longer run gains later than this one: the steps are rather too few.

    None unless it is certain (95 %) that another epoch lowers the loss by more than `SAME_LOSS`,
    and for fewer than five measurements.
    """
    if len(curve.steps) < LEAST:
        return None
    end = float(curve.steps[-1])
    a, b, c = _draw(curve.steps / end, curve.losses)
    if not len(a):
        return None
    epoch = curve.steps_per_epoch / end
    now = _measure_gains(a, b, c, np.ones(1), epoch)[:, 0]
    if np.mean(now > SAME_LOSS) < CERTAIN:
        return None
    at = np.geomspace(1, HORIZON, POINTS)
    is_over = _measure_gains(a, b, c, at, epoch) < SAME_LOSS
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


def find_fall(curve: Curve, noise: float | None, recipe: Recipe) -> Iterator[Finding]:
    """Find a fall that goes on at the end."""
    if noise is None:
        yield from _find_steep_fall(curve, recipe)
        return
    ahead = forecast_losses(curve)
    if ahead is None:
        return
    yield Finding(
        "not converged",
        "Not converged: by a power law through its "
        f"{len(curve.losses)} measurements the validation loss falls by {ahead.gain:.1%} in "
        f"another epoch, and by less than {SAME_LOSS:.0%} an epoch only after "
        f"{_format_steps(ahead)}",
        "Train for more epochs",
        *_ask_for_more(curve, ahead.steps, recipe),
    )


def _format_steps(ahead: Forecast) -> str:
    least, steps, most = (
        None if one is None else format(int(float(f"{one:.2g}")), ",")
        for one in (ahead.least, ahead.steps, ahead.most)
    )
    if most is None:
        return f"{least} more steps or more"
    return f"about {steps} more steps ({least} to {most})"


def _find_steep_fall(curve: Curve, recipe: Recipe) -> Iterator[Finding]:
    falls = 1 - curve.losses[1:] / curve.losses[:-1]
    if len(curve.losses) < DIRECTION or falls.min() < EACH:
        return
    yield Finding(
        "still falling",
        f"The validation loss fell at each of {len(curve.losses)} measurements, last by "
        f"{falls[-1]:.0%} ({curve.losses[-2]:.3f} → {curve.losses[-1]:.3f}); how many more steps "
        "would help, so few do not say",
        "Train for more epochs",
        *_ask_for_more(curve, curve.steps_per_epoch, recipe),
    )


def _ask_for_more(curve: Curve, steps: float, recipe: Recipe) -> tuple[str, Any]:
    more = math.ceil((curve.steps[-1] + steps) / curve.steps_per_epoch)
    return "recipe.num_train_epochs", max(more, math.floor(recipe.num_train_epochs) + 1)
