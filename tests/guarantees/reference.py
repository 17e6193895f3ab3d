"""What every command makes without an interruption, and every moment on the way to it."""

import pickle
import shutil
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import make_once
from tests.guarantees import commands
from tests.guarantees.comparison import find_faults, read_all
from tests.guarantees.moments import Event, EveryMoment
from tests.guarantees.small_project import DATA, MAIN, STEPS, SYNTHESIZED, Step, make_project

KEPT = "reference.pickle"


@dataclass
class Made:
    """What one command makes.

    Attributes:
        events: its changes, and how often each comes.
        partial: what was partial at some moment.
        content: everything that is compared, once it has ended.
        seconds: how long it took.
    """

    events: Counter[Event]
    partial: list[str]
    content: dict[str, list[Any]]
    seconds: float


@dataclass
class Reference:
    """Uninterrupted runs of every command.

    Attributes:
        folder: where they lie.
        made: by step.
        again: the same commands over what the first have made.
    """

    folder: Path
    made: dict[str, Made] = field(default_factory=dict)
    again: dict[str, Made] = field(default_factory=dict)

    def known(self, step: Step) -> list[dict[str, list[Any]]]:
        """Give what there is before a command and after it."""
        names = [one.name for one in STEPS if one.use_case == step.use_case]
        earlier = names[: names.index(step.name)]
        return [self.made[name].content for name in (*earlier[-1:], step.name)]

    def restore(self, step: Step, project: Path, after: bool = False) -> None:
        """Put a project into the state before, or after, a command."""
        if not project.exists():
            shutil.copytree(self.folder / step.use_case / "project", project, symlinks=True)
        shutil.rmtree(project / DATA, ignore_errors=True)
        kept = self.folder / "kept" / f"{'after' if after else 'before'} {step.name}"
        shutil.copytree(kept, project / DATA)


def get_reference(tmp_path_factory: pytest.TempPathFactory) -> Reference:
    """Make the uninterrupted runs once for all processes that test."""

    def make(folder: Path) -> None:
        (folder / KEPT).write_bytes(pickle.dumps(make_reference(folder)))

    folder = make_once(tmp_path_factory, "uninterrupted", make)
    return pickle.loads((folder / KEPT).read_bytes())


def make_reference(folder: Path) -> Reference:
    """Run every command, and then once more over what it has made."""
    reference = Reference(folder)
    for use_case in (MAIN, SYNTHESIZED):
        project = make_project(_make(folder / use_case) / "project", use_case)
        (project / DATA).mkdir(parents=True)
        for step in STEPS:
            if step.use_case == use_case:
                _keep(reference, project, f"before {step.name}")
                reference.made[step.name] = _run(project, step.command)
                _keep(reference, project, f"after {step.name}")
    for step in STEPS:
        # A stage that is up to date would end at once.
        again = f"{step.command} --force"
        reference.again[step.name] = _run(folder / step.use_case / "project", again)
    return reference


def _run(project: Path, command: str) -> Made:
    watch = EveryMoment(project)
    ended = commands.run(project, command, watch)
    assert ended.status == 0, ended.output
    assert not list(find_faults(project / DATA))
    partial = sorted(set(watch.find_partial()))
    return Made(watch.events, partial, read_all(project / DATA), ended.seconds)


def _make(folder: Path) -> Path:
    folder.mkdir(parents=True)
    return folder


def _keep(reference: Reference, project: Path, name: str) -> None:
    shutil.copytree(project / DATA, reference.folder / "kept" / name)
