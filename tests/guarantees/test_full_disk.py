"""A disk that is full from any write on: a sentence, no partial file, and the same end later."""

from pathlib import Path

import pytest

from tests.guarantees.reference import Reference
from tests.guarantees.small_project import STEPS, Step
from tests.guarantees.sweep import interrupt, list_events, sample_events, show

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("step", STEPS, ids=lambda step: step.name)
def test_a_disk_full_from_a_write_on_ends_the_command_with_a_sentence(
    reference: Reference, step: Step, tmp_path: Path
):
    """At a write of every sixth file; scripts/benchmarks/kills.py takes every write."""
    events = sample_events(list_events(reference, step, full=True), every=6)
    assert show(interrupt(reference, step, tmp_path, events, full=True)) == []
