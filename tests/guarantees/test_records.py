"""What says that a stage is up to date: there once it has ended, and true after any kill.

That it is true shows in test_kills.py and test_full_disk.py: there a command that has been stopped
is typed again without `--force`, and must end as if it had not been.
"""

import pytest

from tests.guarantees.reference import Reference
from tests.guarantees.small_project import MAIN
from tuneline.checks.stage_inputs import STAGES
from tuneline.checks.up_to_date import FOLDER

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_that_has_ended_for_the_first_time_leaves_its_record(
    reference: Reference, stage: str
):
    after = reference.folder / "kept" / f"after {stage}"
    assert (after / FOLDER / f"{MAIN}.{stage}.json").is_file()
