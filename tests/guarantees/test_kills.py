"""A command that is killed leaves no partial file, and typed again ends as if it had not been."""

import random
from pathlib import Path

import pytest

from tests.guarantees import commands
from tests.guarantees.comparison import find_differences
from tests.guarantees.reference import Reference
from tests.guarantees.small_project import DATA, STEPS, WHOLE, Step
from tests.guarantees.sweep import SIGNALS, interrupt, list_events, look_at, sample_events, show

pytestmark = pytest.mark.slow

by_step = pytest.mark.parametrize("step", STEPS, ids=lambda step: step.name)
PREPARE, EVALUATE = (
    next(step for step in STEPS if step.name == name) for name in ("prepare", "evaluate")
)
MOMENTS = 30


@by_step
def test_nothing_is_partial_at_any_moment(reference: Reference, step: Step):
    """Before every single change the files are as a kill at that moment would leave them."""
    assert reference.made[step.name].partial == []
    assert reference.again[step.name].partial == []


@by_step
def test_a_command_killed_at_a_change_ends_the_same_when_typed_again(
    reference: Reference, step: Step, tmp_path: Path
):
    """One change of every sixth file; scripts/benchmarks/kills.py takes every change."""
    events = sample_events(list_events(reference, step, full=False), every=6)
    assert show(interrupt(reference, step, tmp_path, events)) == []


def test_thirty_kills_at_any_time(reference: Reference, tmp_path: Path):
    """The moments are drawn over a run's whole time; none of them may matter."""
    project, draw = tmp_path / "project", random.Random(3407)
    chain = STEPS[STEPS.index(PREPARE) : STEPS.index(EVALUATE) + 1]
    known = [reference.made[step.name].content for step in chain]
    reference.restore(PREPARE, project)
    whole = commands.run(project, WHOLE)
    reference.restore(PREPARE, project)
    for number in range(MOMENTS + 1):
        running = commands.start(project, WHOLE)
        if number < MOMENTS:
            running.running.process.join(draw.uniform(0, whole.seconds))
            running.running.send(SIGNALS[number % len(SIGNALS)])
        ended = running.wait()
        faults = look_at(reference, EVALUATE, project, known)
        if ended.status == 0:  # it had ended before the signal came
            made = reference.made["evaluate"].content
            faults += find_differences(project / DATA, made, newest=True)
            reference.restore(PREPARE, project)
        assert faults == [], f"signal {number}: {ended.output[-600:]}"
    assert ended.status == 0, ended.output
