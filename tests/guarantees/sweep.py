"""One command after another, each killed or out of disk at another change, on what is left."""

import signal
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from tests.guarantees import commands
from tests.guarantees.commands import Ended
from tests.guarantees.comparison import find_differences, find_faults, find_unknown
from tests.guarantees.moments import Action, Event
from tests.guarantees.names import is_unsealed
from tests.guarantees.reference import Reference
from tests.guarantees.small_project import DATA, Step
from tests.guarantees.system_calls import REFUSED_WHEN_FULL

SIGNALS = (signal.SIGKILL, signal.SIGTERM, signal.SIGINT)
# A command is typed to its end after so many interruptions, and compared with the reference.
AT_ONCE = 10


@dataclass
class Outcome:
    """How a command ended that was interrupted, and what is wrong with what it left."""

    step: str
    event: Event
    action: str
    reached: bool
    status: int
    faults: list[str] = field(default_factory=list)


def list_events(reference: Reference, step: Step, full: bool) -> list[Event]:
    """List all changes of a command, each at the middle one of its times."""
    events = reference.made[step.name].events
    return [
        Event(event.name, event.what, (times + 1) // 2)
        for event, times in events.items()
        # A folder may be there already: then nothing is refused.
        if not full or event.what in set(REFUSED_WHEN_FULL) - {"folder"}
    ]


def sample_events(events: list[Event], start: int = 0, every: int = 1) -> list[Event]:
    """Take one change of every file, another kind for each; or of every so manieth file."""
    by_file: dict[str, list[Event]] = {}
    for event in events:
        by_file.setdefault(event.name, []).append(event)
    files = list(by_file.values())[start::every]
    return [changes[number % len(changes)] for number, changes in enumerate(files)]


def interrupt(
    reference: Reference,
    step: Step,
    folder: Path,
    events: Iterable[Event],
    full: bool = False,
) -> Iterator[Outcome]:
    """Interrupt a command at each of these changes; after every ten let it end and compare."""
    project = folder / "project"
    reference.restore(step, project)
    since: list[Outcome] = []
    for number, event in enumerate(events):
        action = None if full else SIGNALS[number % len(SIGNALS)]
        outcome = _interrupt_once(reference, step, project, event, action)
        if not outcome.reached and since:  # what is left came after this change
            yield _finish(reference, step, project, since, outcome.status)
            since = []
            outcome = _interrupt_once(reference, step, project, event, action)
        yield outcome
        since.append(outcome)
        if len(since) == AT_ONCE or not outcome.reached:
            ended = None if outcome.reached else outcome.status
            yield _finish(reference, step, project, since, ended)
            since = []
    if since:
        yield _finish(reference, step, project, since)


def _interrupt_once(
    reference: Reference, step: Step, project: Path, event: Event, number: int | None
) -> Outcome:
    watch = Action(project, at=event, signal=number)
    ended = commands.run(project, step.command, watch)
    name = signal.Signals(number).name if number else "full disk"
    outcome = Outcome(step.name, event, name, watch.done, ended.status)
    outcome.faults += look_at(reference, step, project)
    if watch.done:
        outcome.faults += _look_at_end(ended, number)
    return outcome


def look_at(
    reference: Reference, step: Step, project: Path, known: list[dict] | None = None
) -> list[str]:
    """Name what is partial, or neither as before the command nor as after it."""
    data, known = project / DATA, known or reference.known(step)
    return [*find_faults(data), *find_unknown(data, known), *_find_cut_checkpoints(data, known[-1])]


def _find_cut_checkpoints(data: Path, after: dict) -> Iterator[str]:
    whole = {Path(name).name for name in after if "/checkpoint-" in name}
    for checkpoint in data.glob("06_models/*/checkpoints/*/checkpoint-*"):
        if is_unsealed(checkpoint):
            continue
        missing = whole - {path.name for path in checkpoint.iterdir()}
        if missing:
            yield f"{checkpoint}: lacks {', '.join(sorted(missing))}"


def _look_at_end(ended: Ended, number: int | None) -> Iterator[str]:
    if number == signal.SIGKILL:
        if ended.status != -number:
            yield f"ended with {ended.status} after SIGKILL"
    elif number is None and not ended.ended_in_words:
        yield f"ended with {ended.status} and no sentence: {ended.output[-600:]}"
    elif ended.status == 0:
        yield "ended with 0 after a signal"


def _finish(
    reference: Reference,
    step: Step,
    project: Path,
    since: list[Outcome],
    status: int | None = None,
) -> Outcome:
    """Type the command until it ends, unless it has; compare with the reference, and start anew."""
    last = since[-1]
    outcome = Outcome(step.name, last.event, f"typed again after {len(since)}", True, 0)
    if status:
        outcome.faults.append(f"ended with {status} before the next change came")
    if status is None:
        ended = commands.run(project, step.command)
        outcome.status = ended.status
        if ended.status:
            outcome.faults.append(f"ended with {ended.status}: {ended.output[-600:]}")
    # What was saved before an interruption is a version of its own.
    made = reference.made[step.name].content
    outcome.faults += find_differences(project / DATA, made, newest=True)
    reference.restore(step, project)
    return outcome


def show(outcomes: Iterable[Outcome]) -> list[str]:
    """Say what is wrong, a line each."""
    return [
        f"{one.step}, {one.action} at `{one.event.what}` {one.event.name}: {fault}"
        for one in outcomes
        for fault in one.faults
    ]
