import subprocess
import sys
import threading
import time

import pytest

from tuneline.streaming import map_ahead, run_ahead


def test_values_keep_their_order_when_they_are_made_ahead():
    assert list(run_ahead(iter(range(50)))) == list(range(50))
    assert list(map_ahead(str, range(50))) == [str(number) for number in range(50)]


def fail_at(place: int):
    for number in range(10):
        if number == place:
            raise ValueError("the third")
        yield number


@pytest.mark.parametrize("walk", [run_ahead, lambda values: map_ahead(str, values)])
def test_a_failure_in_another_thread_is_raised_after_the_values_before_it(walk):
    values = walk(fail_at(3))
    assert [int(next(values)) for _ in range(1)] == [0]
    with pytest.raises(ValueError, match="the third"):
        list(values)


def test_no_thread_outlives_a_walk_that_is_broken_off():
    before = threading.active_count()
    values = run_ahead(iter(range(1000)))
    next(values)
    values.close()
    patience = time.monotonic() + 300
    while threading.active_count() > before and time.monotonic() < patience:
        time.sleep(0.05)
    assert threading.active_count() == before


FORGETFUL = """
import gc, threading
from tuneline.streaming import map_ahead, run_ahead

gc.disable()
for walk in (run_ahead, lambda values: map_ahead(str, values)):
    forgotten = [walk(iter(range(20)))]
    forgotten.append(forgotten)
    next(forgotten[0])
del forgotten

# The collector may run at any moment: here while the interpreter starts a thread.
lock_held = threading._maintain_shutdown_locks
threading._maintain_shutdown_locks = lambda: (gc.collect(), lock_held())
threading.Thread(target=list).start()
print("through")
"""


def test_a_stream_that_the_collector_closes_never_stops_the_program():
    command = [sys.executable, "-c", FORGETFUL]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=True)
    assert done.stdout == "through\n"
