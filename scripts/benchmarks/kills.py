"""Every command of the chain, killed and out of disk at every change of a file: how each ended.

The tests in tests/guarantees take a sample; this takes all of it, which needs an hour or two.

    PYTHONPATH=. python scripts/benchmarks/kills.py
    PYTHONPATH=. python scripts/benchmarks/kills.py --steps plan publish --disk
"""

import argparse
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tests.guarantees.reference import Reference, make_reference
from tests.guarantees.small_project import STEPS
from tests.guarantees.sweep import Outcome, interrupt, list_events


def sweep(reference: Reference, folder: Path, steps: list[str], ways: list[bool]) -> Iterator[str]:
    """Interrupt every command at every change; a row of the table for each."""
    for step in (one for one in STEPS if one.name in steps):
        for partial in reference.made[step.name].partial + reference.again[step.name].partial:
            yield f"| {step.name} | any kill | {partial} | | PARTIAL |"
        for full in ways:
            place = folder / f"{step.name} {full}"
            place.mkdir()
            events = list_events(reference, step, full)
            yield from map(show, interrupt(reference, step, place, events, full))


def show(outcome: Outcome) -> str:
    """Write a row of the table."""
    where = f"`{outcome.event.what}` {outcome.event.name}"
    missed = [] if outcome.reached else ["not reached"]
    faults = "; ".join(missed + [" ".join(one.split())[:300] for one in outcome.faults]) or "whole"
    return f"| {outcome.step} | {outcome.action} | {where} | {outcome.status} | {faults} |"


def main() -> None:
    """Read the command line."""
    names = [step.name for step in STEPS]
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", nargs="+", default=names, choices=names)
    parser.add_argument("--disk", action="store_true", help="full disks only")
    parser.add_argument("--signals", action="store_true", help="signals only")
    arguments = parser.parse_args()
    ways = [full for full in (False, True) if full or not arguments.disk]
    ways = [full for full in ways if not full or not arguments.signals]
    sys.stdout.write("| step | action | change | status | what it left |\n|---|---|---|---|---|\n")
    with tempfile.TemporaryDirectory() as folder:
        reference = make_reference(Path(folder) / "uninterrupted")
        for row in sweep(reference, Path(folder), arguments.steps, ways):
            sys.stdout.write(f"{row}\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
