"""The losses of a training, their noise, and what a finding on them is."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

# Validation losses closer than this share are the same: the difference of two seeds is larger.
SAME_LOSS = 0.01
# Of fewer measurements after the start no direction can be read, and of fewer no noise.
DIRECTION, NOISE = 3, 5

Losses = NDArray[np.float64]


@dataclass(frozen=True)
class Curve:
    """The losses of a training.

    Attributes:
        base: validation loss of the base model, in nats a token.
        steps: at which the validation loss was measured after the start; shape (n,).
        losses: what it was, in nats a token; shape (n,).
        training_steps: at which the training loss was logged; shape (m,).
        training_losses: each the mean of the steps since the one before; shape (m,).
        steps_per_epoch: optimizer steps.
        planned: steps of the whole run; a training that was stopped early has fewer.
    """

    base: float
    steps: Losses
    losses: Losses
    training_steps: Losses
    training_losses: Losses
    steps_per_epoch: float
    planned: int

    @property
    def best(self) -> int:
        """Give the place of the lowest loss."""
        return int(self.losses.argmin())

    @property
    def lowest(self) -> float:
        """Give the lowest loss."""
        return float(self.losses.min())

    def epoch(self, place: int) -> str:
        """Name the epoch of a measurement, and its step."""
        step = self.steps[place]
        return f"epoch {round(step / self.steps_per_epoch, 2):g} (step {step:,.0f})"


def measure_noise(losses: Losses) -> float | None:
    """Estimate the noise of a curve from how each loss differs from the mean of its neighbors.

    The mean square of second differences is 6 variances where the curve is straight, and more where
    it bends, so that the estimate errs upward (the difference sequences of von Neumann 1941 and of
    Gasser et al. 1986, Biometrika 73). It is a share of the loss, at least half of `SAME_LOSS`;
    None for fewer than `NOISE` losses.
    """
    if len(losses) < NOISE:
        return None
    found = math.sqrt(float(np.mean(np.diff(losses, n=2) ** 2)) / 6) / float(np.median(losses))
    return max(found, SAME_LOSS / 2)


@dataclass(frozen=True)
class Finding:
    """What a curve says: a clause that begins a sentence, what to do, and the key to change."""

    state: str
    found: str
    do: str = ""
    key: str | None = None
    value: Any = None

    def format(self) -> str:
        """Write it as a sentence or two."""
        named = f" ({self.key}{'' if self.value is None else f': {self.value}'})"
        return f"{self.found}.{f' {self.do}{named if self.key else str()}.' if self.do else ''}"
