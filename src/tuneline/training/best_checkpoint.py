"""Which checkpoint of a training is released: that with the best answers, or the lowest loss."""

import logging
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from tuneline.errors import TunelineError
from tuneline.utils.hashing import read_sealed, write_sealed

log = logging.getLogger(__name__)

CHOICE = "best_checkpoint.json"
REMEDY = "nothing to do: the checkpoint is chosen as the plan says now"


@dataclass(frozen=True)
class Choice:
    """What chooses the checkpoint: `chrf` of answers, generated so, or `loss`; and why."""

    metric: Literal["chrf", "loss"]
    reason: str
    generation: dict[str, Any] = field(default_factory=dict)


BY_LOSS = Choice("loss", "no plan said otherwise")


@dataclass(frozen=True)
class Watch:
    """How a training is measured while it runs, and how far it goes this time.

    Attributes:
        choice: what chooses the released checkpoint.
        evaluations: steps after which it is measured and saved; None: as the recipe says, and at
            the end of every epoch.
        stop_after: the step after which it rests; None: it goes to the end of its schedule.
    """

    choice: Choice = BY_LOSS
    evaluations: tuple[int, ...] | None = None
    stop_after: int | None = None


ALL_THE_WAY = Watch()


def fix_choice(run: Path, planned: dict[str, Any] | None) -> Choice:
    """Settle what chooses the checkpoint of a run before it starts; one that resumes keeps it.

    `planned` is what the plan says now.
    """
    fixed = read_fixed(run)
    if fixed is not None:
        return fixed
    choice = read_choice(planned)
    write_sealed(run / CHOICE, asdict(choice))
    return choice


def read_fixed(run: Path) -> Choice | None:
    """Read what chooses the checkpoint of a run that has started; None if it has not.

    A damaged file is named, and the choice is made again.
    """
    path = run / CHOICE
    try:
        return Choice(**read_sealed(path, REMEDY)) if path.exists() else None
    except TunelineError as error:
        log.warning("%s", error)
        return None


def read_choice(planned: dict[str, Any] | None) -> Choice:
    """Read the choice out of a plan's `best_checkpoint`, or out of what was measured."""
    if planned is None:
        return BY_LOSS
    return Choice(**{key: planned[key] for key in ("metric", "reason", "generation")})
