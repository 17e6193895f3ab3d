import subprocess
import sys
import threading
import time

import polars as pl
import pytest

from tuneline.streaming import divide, map_ahead, run_ahead


def make_pairs(count: int):
    for number in range(count):
        yield pl.DataFrame({"even": [2 * number]}), pl.DataFrame({"odd": [2 * number + 1]})


def test_both_streams_hold_every_table_in_order():
    evens, odds = divide(make_pairs(3))
    assert [table["even"][0] for table in evens] == [0, 2, 4]
    assert [table["odd"][0] for table in odds] == [1, 3, 5]


def test_the_source_is_read_only_as_the_first_stream_is_walked():
    read = []

    def watched():
        for pair in make_pairs(3):
            read.append(pair)
            yield pair

    first, _ = divide(watched())
    next(iter(first))
    assert len(read) == 1


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


FILL_THE_SPOOL = """
import resource, sys
import polars as pl
from tuneline.streaming import divide
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
table = pl.DataFrame({"text": [str(number) * 200 for number in range(9000)]})
try:
    list(divide(iter([(table, table)]))[0])
except Exception as error:
    sys.exit(str(error))
"""


def test_a_full_disk_under_the_waiting_tables_is_named():
    command = [sys.executable, "-c", FILL_THE_SPOOL]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert "the disk takes no more" in done.stderr
    assert "TMPDIR" in done.stderr


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
