import logging

import pytest

from tuneline import streaming as progress
from tuneline.streaming import RowProgress


def test_rows_rate_and_time_left_are_said(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
):
    times = iter([0.0, 1.0, 10.0, 20.0])
    monkeypatch.setattr(progress.time, "monotonic", lambda: next(times))
    caplog.set_level(logging.INFO)
    rows = RowProgress("Cleaning")
    rows.advance(1000, 0.05)
    rows.advance(1000, 0.1)
    rows.finish()
    assert caplog.messages == [
        "Cleaning: 2,000 rows, 200 rows/s, 10% of the file, 1:30 min left.",
        "Cleaning: 2,000 rows, 100 rows/s, all of them.",
    ]
