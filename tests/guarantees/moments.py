"""What lies on the disk before every single change: what a kill at that moment would leave."""

import hashlib
import os
from collections import Counter, deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.guarantees.commands import SCRATCH
from tests.guarantees.names import CACHE, FOLDERS, find_thing, generalize, is_final, is_unsealed
from tests.guarantees.small_project import DATA
from tests.guarantees.system_calls import REFUSED_WHEN_FULL, Call

# A call is let through before it has happened, and threads write side by side.
RECENT = 4
State = Any


@dataclass(frozen=True, order=True)
class Event:
    """A change that every run makes: what is done to which file, for the how manieth time."""

    name: str
    what: str
    time: int = 1


@dataclass
class Watch:
    """Sees every change of the files under `data` and of scratch files.

    Attributes:
        project: the project's folder.
        events: how often each change was seen, in order of its first time.
    """

    project: Path
    events: Counter[Event] = field(default_factory=Counter)

    def __call__(self, call: Call) -> bool:
        """Look at a change before it happens."""
        name = self.name(call.path)
        if name is None:
            return True
        event = Event(name, call.what)
        self.events[event] += 1
        return self.see(call, Event(name, call.what, self.events[event]))

    def see(self, call: Call, event: Event) -> bool:
        """Decide about a change of what is watched."""
        return True

    def name(self, path: Path) -> str | None:
        """Name a file that is watched as every run does."""
        data = self.project / DATA
        if path.is_relative_to(data):
            return generalize(path.relative_to(data).as_posix())
        if path.is_relative_to(self.project.parent / SCRATCH):
            return generalize(path.relative_to(self.project.parent).as_posix())
        return None


@dataclass
class EveryMoment(Watch):
    """Looks before each change at what the changes before it have made of the files."""

    recent: deque[Path] = field(default_factory=lambda: deque(maxlen=RECENT))
    seen: dict[Path, list[tuple[str, State]]] = field(default_factory=dict)
    before: dict[Path, State] = field(default_factory=dict)

    def see(self, call: Call, event: Event) -> bool:
        """Look at what was touched last, then remember what is touched now."""
        moment = f"before `{event.what}` of {event.name}"
        for thing in dict.fromkeys(self.recent):
            states = self.seen[thing]
            state = read_state(self.project / DATA / thing)
            if not states or states[-1][1] != state:
                states.append((moment, state))
        if call.path.is_relative_to(self.project / DATA):
            name = call.path.relative_to(self.project / DATA)
            thing = find_thing(name)
            plain = call.what == "folder" or (self.project / DATA / thing).is_dir()
            if plain and not FOLDERS.match(thing.as_posix()):
                return True
            if is_final(name) and not CACHE.fullmatch(name.name):
                self._remember(thing)
        return True

    def _remember(self, thing: Path) -> None:
        if thing not in self.seen:
            self.seen[thing] = []
            self.before[thing] = read_state(self.project / DATA / thing)
        self.recent.append(thing)

    def find_partial(self) -> Iterator[str]:
        """Name what was neither the old nor the new one, and when, once the run has ended."""
        for thing, states in self.seen.items():
            after = read_state(self.project / DATA / thing)
            before = self.before[thing]
            odd = [one for one in states if one[1] not in (None, before, after)]
            # What was made and removed again was whole if it never changed.
            if before is None and after is None and len({one[1] for one in odd}) == 1:
                continue
            if odd:
                times = f"{len(odd)} states" if len(odd) > 1 else "one state"
                yield f"{generalize(thing.as_posix())}: neither old nor new, {times}, {odd[0][0]}"
            gone = [one for one in states if one[1] is None]
            if gone and before is not None and after is not None and isinstance(after, str):
                yield f"{generalize(thing.as_posix())}: gone {gone[0][0]}"


_known: dict[tuple[int, ...], str] = {}


def read_state(path: Path) -> State:
    """Read what a file, or a folder with all files in it, holds; `None` if it is not there."""
    try:
        if not path.is_dir():
            return _digest(path)
        if is_unsealed(path):
            return None
        files = sorted(one for one in path.rglob("*") if one.is_file())
        return tuple((one.relative_to(path).as_posix(), _digest(one)) for one in files) or None
    except FileNotFoundError:
        return None


def _digest(path: Path) -> str:
    found = path.stat()
    key = (found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns)
    if key not in _known:
        _known[key] = hashlib.sha256(path.read_bytes()).hexdigest()
    return _known[key]


@dataclass
class Action(Watch):
    """Kills the command, or fills the disk, when a change comes.

    Attributes:
        at: the change.
        signal: what the command gets; `None`: from here on the disk is full.
        done: whether the change came.
    """

    at: Event = Event("", "")
    signal: int | None = None
    done: bool = False

    def __call__(self, call: Call) -> bool:
        """Let a change happen until the time has come."""
        allowed = super().__call__(call)
        full = self.done and self.signal is None
        if full and call.what in REFUSED_WHEN_FULL and self._needs_room(call):
            return False
        return allowed

    def see(self, call: Call, event: Event) -> bool:
        """Act once."""
        if event == self.at and not self.done:
            self.done = True
            if self.signal is not None:
                os.killpg(os.getpgid(call.process), self.signal)
        return True

    def _needs_room(self, call: Call) -> bool:
        there = call.what == "folder" and call.path.exists()
        return call.path.is_relative_to(self.project.parent) and not there
