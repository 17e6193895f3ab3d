import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from tuneline.checks.machines import EMULATED
from tuneline.models.memory import measure_peak, reset_peak


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux lets a process forget its peak")
def test_what_was_held_before_the_start_does_not_count():
    held = np.ones(60_000_000)
    before = measure_peak("cpu")
    del held
    reset_peak("cpu")
    assert measure_peak("cpu") < before - 0.4


@pytest.fixture
def busy_cores() -> Iterator[None]:
    """Keep every core at work for other programs."""
    command = [sys.executable, "-c", "while True: pass"]
    others = [subprocess.Popen(command) for _ in range(2 * (os.cpu_count() or 1))]
    yield
    for one in others:
        one.kill()
        one.wait()


@pytest.mark.slow
@pytest.mark.usefixtures("busy_cores")
@pytest.mark.parametrize("emulated", [False, True])
def test_what_bfloat16_costs_does_not_depend_on_other_programs(emulated: bool):
    flags = Path("/proc/cpuinfo").read_text("utf-8") if sys.platform == "linux" else ""
    if not emulated and "avx512_bf16" not in flags:
        pytest.skip("this processor does not compute in bfloat16")
    # Without the processor's own instructions oneDNN converts to float32 and back.
    limits = {"ONEDNN_MAX_CPU_ISA": "AVX2", "ATEN_CPU_CAPABILITY": "avx2"} if emulated else {}
    limits |= {"OMP_NUM_THREADS": str(os.cpu_count())}
    program = """
from tuneline.models.memory import measure_bfloat16
print(*[measure_bfloat16() for _ in range(10)])
"""
    said = subprocess.check_output([sys.executable, "-c", program], env=os.environ | limits)
    ratios = [float(one) for one in said.split()]
    assert {one > EMULATED for one in ratios} == {emulated}
    assert max(ratios) < 2 * min(ratios)
