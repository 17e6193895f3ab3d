"""Why a training does not start."""

from typing import Any

from tuneline.errors import Problem, TunelineError
from tuneline.examples import Example
from tuneline.parameters import Hardware, Recipe
from tuneline.plan_inputs import describe_inputs


def check_plan(
    plan: dict[str, Any], train: list[Example], recipe: Recipe, hardware: Hardware
) -> None:
    """Refuse a run that does not fit, or whose plan was made for another run.

    Args:
        plan: the plan.
        train: examples to learn from.
        recipe: what is trained and how.
        hardware: the machine.

    Raises:
        TunelineError: naming what differs, or the plan's own words.
    """
    planned, now = plan["made_for"], describe_inputs(train, recipe, hardware)
    stale = [
        _stale(name, planned.get(name), now.get(name))
        for name in sorted(planned.keys() | now.keys())
        if planned.get(name) != now.get(name)
    ]
    if stale:
        raise TunelineError(*stale)
    if plan["verdict"]["shown"] == "does not fit":
        raise TunelineError(
            Problem(
                where="plan",
                wrong=f"the run does not fit: {plan['verdict']['words'].rstrip('.')}",
                matters="it would fail after a long wait",
                remedy="change one of these and run `kedro run --pipeline=plan` again",
            )
        )


def _stale(name: str, planned: Any, actual: Any) -> Problem:
    return Problem(
        where=f"plan: {name}",
        value=planned,
        wrong=f"this run has {actual}",
        matters="the plan was made for another run and says nothing about this one",
        remedy="run `kedro run --pipeline=plan` again, with the same --env and --params",
    )
