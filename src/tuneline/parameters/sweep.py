"""A sweep: which values a few short trainings try, and in which order the space is walked."""

import math
import random
from dataclasses import dataclass
from itertools import product
from typing import Any

from pydantic import Field, field_validator, model_validator

from tuneline.parameters.base import Block
from tuneline.parameters.recipe import Recipe

# Of the recipe's own values: the best learning rate of LoRA is rarely further away, and twice the
# epochs tell a training that was too short.
LEARNING_RATES, EPOCHS = (1 / 3, 1, 3), (1, 2)
# Of the trials that are left, one in so many goes on after a rung (Jamieson and Talwalkar 2016,
# arXiv 1502.07943; Li et al. 2020, arXiv 1810.05934, with 3 or 4).
REDUCTION = 3
# Shares of a schedule: 1/9 is the shortest that is compared.
MOST_RUNGS = 3
FEWEST_TRIALS = 2


class Sweep(Block):
    """What a sweep tries."""

    space: dict[str, list[Any]] = Field(
        default={},
        description="values by recipe key, such as `lora.r: [8, 32]`; empty: a third of the "
        "recipe's learning rate, itself and three times it, and its epochs once and twice",
    )
    trials: int = Field(
        default=5,
        description="trainings at most, at least 2; the first one is the recipe as it is. Values "
        "are tried each by itself first, then together; of more than fit the seed draws some",
    )

    @field_validator("trials")
    @classmethod
    def _compares(cls, trials: int) -> int:
        if trials < FEWEST_TRIALS:
            raise ValueError(
                f"{trials} trial{' compares' if trials == 1 else 's compare'} nothing with the "
                "recipe as it is; no value could win; state 2 or more"
            )
        return trials

    @model_validator(mode="after")
    def _holds_values(self) -> "Sweep":
        empty = next((key for key, values in self.space.items() if not values), None)
        if empty:
            raise ValueError(
                f"`space` names `{empty}` without a value; nothing could be tried; list values, or "
                "leave the key out"
            )
        return self


@dataclass(frozen=True)
class Trial:
    """One training of a sweep.

    Attributes:
        name: `as it is`, or what it changes, such as `learning_rate 0.0006`.
        values: by recipe key; none for the recipe as it is.
        recipe: with these values.
    """

    name: str
    values: dict[str, Any]
    recipe: Recipe


def list_trials(recipe: Recipe, sweep: Sweep) -> list[Trial]:
    """List the trainings of a sweep, the recipe as it is first.

    There are at most `sweep.trials`; the recipe's seed draws them.
    """
    space = sweep.space or {
        "learning_rate": [recipe.learning_rate * share for share in LEARNING_RATES],
        "num_train_epochs": [recipe.num_train_epochs * share for share in EPOCHS],
    }
    # With the recipe's own value, too, so that each other one is tried by itself.
    space = {key: [find_value(recipe, key), *map(_tidy, values)] for key, values in space.items()}
    draw = random.Random(recipe.seed)  # noqa: S311 - no secret
    changes: list[dict[str, Any]] = []
    for values in product(*space.values()):
        stated = zip(space, values, strict=True)
        changed = {key: value for key, value in stated if value != find_value(recipe, key)}
        if changed not in changes:
            changes.append(changed)
    places = [(len(changed), draw.random(), changed) for changed in changes if changed]
    order = sorted(places, key=lambda place: place[:2])[: sweep.trials - 1]
    chosen = [changed for changed in changes if any(changed is one for *_, one in order)]
    return [_make_trial(recipe, changed) for changed in ({}, *chosen)]


def find_value(recipe: Recipe, key: str) -> Any:
    """Find what a recipe states under a dotted key; None if nothing."""
    found: Any = recipe.model_dump()
    for part in key.split("."):
        found = found.get(part) if isinstance(found, dict) else None
    return found


def apply_values(recipe: Recipe, values: dict[str, Any]) -> Recipe:
    """Change some values of a recipe, by dotted key.

    Raises:
        pydantic.ValidationError: if the recipe does not take one of them.
    """
    settings: dict[str, Any] = recipe.model_dump()
    for key, value in values.items():
        *path, last = key.split(".")
        block = settings
        for part in path:
            block[part] = {**(block.get(part) or {})}
            block = block[part]
        block[last] = value
    return Recipe.model_validate(settings)


def list_rungs(trials: int) -> list[float]:
    """List the shares of its schedule after which a trial is compared with the others, up to 1."""
    depth = min(MOST_RUNGS - 1, int(math.log(trials) / math.log(REDUCTION) + 1e-9))
    return [REDUCTION**-number for number in range(depth, 0, -1)] + [1.0]


def count_kept(alive: int) -> int:
    """Count how many of the trials that are left go on after a rung."""
    return max(1, math.ceil(alive / REDUCTION))


def _make_trial(recipe: Recipe, values: dict[str, Any]) -> Trial:
    shown = (f"{key} {_show(value)}" for key, value in values.items())
    return Trial(", ".join(shown) or "as it is", values, apply_values(recipe, values))


def _show(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:g}"
    return "null" if value is None else str(value)


def _tidy(value: Any) -> Any:
    """Write a third of 2e-3 as 0.000667, as one would."""
    return float(f"{value:.3g}") if isinstance(value, float) else value
