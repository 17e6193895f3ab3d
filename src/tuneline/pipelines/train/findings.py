"""What a curve of validation losses says: overfitted, not converged, too few steps, or nothing.

Each finding names its numbers and the key to change. What so few or so noisy numbers cannot carry
is not said: `tests/pipelines/train/test_curve.py` counts false statements on planted curves.
"""

import math
from collections.abc import Iterator
from itertools import chain
from typing import Any

import numpy as np

from tuneline.parameters import Recipe
from tuneline.pipelines.train.curve import DIRECTION, SAME_LOSS, Curve, Finding, measure_noise
from tuneline.pipelines.train.forecast import find_fall
from tuneline.reporting.pages import count

# Below some hundred steps an adapter hardly learns anything (docs/log.md, the learning rate).
FEW_STEPS = 100
# Rises that no noise explains where its size cannot be told, as shares of the loss: of one
# measurement, and of the mean of two.
ONE, TWO = 0.20, 0.12
# The same in standard deviations of the noise, where it can be told. The lowest of ten losses lies
# 1.5 of them below their mean.
ONE_OF_NOISE, TWO_OF_NOISE = 7.0, 5.5
# Of an evaluation that is noise, the next one is better in half of the cases.
PATIENCE = 3


def read_curve(curve: Curve, recipe: Recipe) -> Finding:
    """Say what a curve says.

    Returns:
        The first of: nothing learned, got worse, overfitted, not converged, stopped early, few
        steps, settled; or what so few measurements do not say.
    """
    noise = measure_noise(curve.losses)
    return next(
        chain(
            _find_unmoved(curve, noise, recipe),
            _find_worse(curve, recipe),
            _find_rise(curve, noise, recipe),
            find_fall(curve, noise, recipe),
            _find_early_stop(curve, noise, recipe),
            _find_few_steps(curve, recipe),
            _find_too_few_measurements(curve),
            _describe_end(curve),
        )
    )


def _find_unmoved(curve: Curve, noise: float | None, recipe: Recipe) -> Iterator[Finding]:
    change = curve.lowest / curve.base - 1
    if abs(change) > max(SAME_LOSS, 2 * (noise or 0)):
        return
    steps = int(curve.steps[-1])
    found = (
        f"In {count(steps, 'step')} the validation loss has hardly moved ({curve.base:.3f} → "
        f"{curve.lowest:.3f})"
    )
    if steps < FEW_STEPS:
        yield Finding(
            "too few steps",
            f"{found}, and below {FEW_STEPS} an adapter hardly learns",
            "Train for more epochs, or on more rows",
            *_ask_for_steps(curve, recipe),
        )
    else:
        yield Finding(
            "nothing learned",
            found,
            "Try a learning rate three times as high; if the loss then rises, a third of it",
            "recipe.learning_rate",
            _scale(recipe.learning_rate, 3),
        )


def _find_worse(curve: Curve, recipe: Recipe) -> Iterator[Finding]:
    if curve.lowest <= curve.base:
        return
    yield Finding(
        "got worse",
        f"The validation loss was never below the base model's ({curve.base:.3f}; lowest "
        f"{curve.lowest:.3f}, at {curve.epoch(curve.best)})",
        "Try a third of the learning rate",
        "recipe.learning_rate",
        _scale(recipe.learning_rate, 1 / 3),
    )


def _find_rise(curve: Curve, noise: float | None, recipe: Recipe) -> Iterator[Finding]:
    """Find a rise after the lowest loss that noise does not explain."""
    after = curve.losses[curve.best + 1 :]
    if len(curve.losses) < DIRECTION or not len(after):
        return
    level = float(after[-2:].mean())
    alone = len(after) == 1
    needed, in_noise = (ONE, ONE_OF_NOISE) if alone else (TWO, TWO_OF_NOISE)
    if noise is not None:
        needed = max(2 * SAME_LOSS, in_noise * noise)
    if level / curve.lowest - 1 <= needed:
        return
    rose = (
        f"since {curve.epoch(curve.best)} the validation loss has risen "
        f"({curve.lowest:.3f} → {curve.losses[-1]:.3f})"
    )
    before, later = _compare_training(curve)
    if later < (1 - SAME_LOSS) * before:
        yield Finding(
            "overfitted",
            f"Overfitted: {rose} and the training loss fallen ({before:.3f} → {later:.3f})",
            "Fewer epochs give the same adapter in less time, more rows a better one",
            *_end_sooner(curve, recipe),
        )
    else:
        yield Finding(
            "rising",
            rose[0].upper() + rose[1:],
            "Try a third of the learning rate",
            "recipe.learning_rate",
            _scale(recipe.learning_rate, 1 / 3),
        )


def _compare_training(curve: Curve) -> tuple[float, float]:
    """Average the training loss up to the lowest validation loss, and after it.

    As many logged steps of each, next to each other or, before, as many as there are.
    """
    step = curve.steps[curve.best]
    later = curve.training_losses[curve.training_steps > step]
    before = curve.training_losses[curve.training_steps <= step][-max(1, len(later)) :]
    if not len(later) or not len(before):
        return math.nan, math.nan
    return float(before.mean()), float(later.mean())


def _end_sooner(curve: Curve, recipe: Recipe) -> tuple[str, Any]:
    epochs = max(1, math.ceil(curve.steps[curve.best] / curve.steps_per_epoch))
    if epochs < recipe.num_train_epochs:
        return "recipe.num_train_epochs", epochs
    return "recipe.early_stopping_patience", recipe.early_stopping_patience or PATIENCE


def _find_early_stop(curve: Curve, noise: float | None, recipe: Recipe) -> Iterator[Finding]:
    patience, steps = recipe.early_stopping_patience, int(curve.steps[-1])
    if patience is None or steps >= curve.planned or patience >= PATIENCE:
        return
    differ = "" if noise is None else f", and they differ by {noise:.1%} from one to the next"
    yield Finding(
        "stopped early",
        f"It was stopped after step {steps:,} of {curve.planned:,}, as "
        f"{count(patience, 'evaluation')} {'was' if patience == 1 else 'were'} no better{differ}",
        "Be more patient",
        "recipe.early_stopping_patience",
        PATIENCE,
    )


def _find_few_steps(curve: Curve, recipe: Recipe) -> Iterator[Finding]:
    steps = int(curve.steps[-1])
    if steps < FEW_STEPS:
        yield Finding(
            "few steps",
            f"The training had {count(steps, 'step')}; with {FEW_STEPS} or more an adapter usually "
            "learns more",
            "Train for more epochs, or on more rows",
            *_ask_for_steps(curve, recipe),
        )


def _find_too_few_measurements(curve: Curve) -> Iterator[Finding]:
    measured = len(curve.losses)
    if measured >= DIRECTION:
        return
    times = ("once", "twice")[measured - 1]
    yield Finding(
        "not known",
        f"The validation loss was measured {times} after the start: whether it was still falling "
        "is not known",
        "Measure it ten times with `eval_strategy: steps`",
        "recipe.eval_steps",
        0.1,
    )


def _describe_end(curve: Curve) -> Iterator[Finding]:
    """Say from when on the loss stayed near its lowest, if it did."""
    near = curve.losses <= (1 + SAME_LOSS) * curve.lowest
    far = np.flatnonzero(~near)
    start = int(far[-1]) + 1 if len(far) else 0
    if len(near) - start < 2:
        most = float(np.abs(np.diff(curve.losses) / curve.losses[:-1])[-3:].max())
        yield Finding(
            "no trend",
            f"The last validation losses differ by up to {most:.0%} from one to the next, and show "
            "no trend",
        )
        return
    yield Finding(
        "settled",
        f"From {curve.epoch(start)} on the validation loss stayed within {SAME_LOSS:.0%} of its "
        "lowest",
    )


def _ask_for_steps(curve: Curve, recipe: Recipe) -> tuple[str, Any]:
    epochs = math.ceil(recipe.num_train_epochs * FEW_STEPS / max(1, curve.planned))
    return "recipe.num_train_epochs", epochs


def _scale(rate: float, factor: float) -> float:
    return float(f"{factor * rate:.2g}")
