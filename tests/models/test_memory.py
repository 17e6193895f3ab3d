import sys

import numpy as np
import pytest

from tuneline.models.memory import measure_peak, reset_peak


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux lets a process forget its peak")
def test_what_was_held_before_the_start_does_not_count():
    held = np.ones(60_000_000)
    before = measure_peak("cpu")
    del held
    reset_peak("cpu")
    assert measure_peak("cpu") < before - 0.4
