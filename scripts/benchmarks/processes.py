"""One measurement in a process of its own: what it found is kept, however it ends."""

import json
import os
import signal
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

# A measurement hands its figures to this as it gets them.
Emit = Callable[..., None]


def run_alone(
    context: Any,
    measure: Callable[..., None],
    arguments: tuple[Any, ...],
    place: Path,
    limit: float,
) -> dict[str, Any]:
    """Run a measurement in a process of its own, and kill it at its time limit.

    Args:
        context: of `multiprocessing`, for the way in which the process starts.
        measure: a function of a module's top level, which takes `arguments` and an `Emit`.
        arguments: of the measurement.
        place: a folder for what the process prints and finds.
        limit: seconds.

    Returns:
        What it handed over; `status` ("done", "failed" or "out of time"), `wall_seconds`, and for
        one that failed `error`, its last line, and the end of what it `printed`.
    """
    place.mkdir(parents=True)
    process = context.Process(target=_become, args=(measure, arguments, str(place)))
    start = time.monotonic()
    process.start()
    try:
        process.join(limit)
        status = {None: "out of time", 0: "done"}.get(process.exitcode, "failed")
    finally:  # also when this process is told to end
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.kill()
        process.join()
    found = {**_read_figures(place / "figures.jsonl"), "status": status}
    found["wall_seconds"] = round(time.monotonic() - start, 1)
    if status == "failed":
        found |= _describe_failure(place / "printed.txt", process.exitcode)
    return found


def _become(measure: Callable[..., None], arguments: tuple[Any, ...], place: str) -> None:
    os.setsid()
    printed = os.open(f"{place}/printed.txt", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    for number in (1, 2):
        os.dup2(printed, number)

    def emit(**figures: Any) -> None:
        with Path(place, "figures.jsonl").open("a") as file:
            file.write(json.dumps(figures) + "\n")

    try:
        measure(*arguments, emit)
    finally:
        sys.stdout.flush()


def _read_figures(path: Path) -> dict[str, Any]:
    figures: dict[str, Any] = {}
    if path.exists():
        for line in path.read_text("utf-8").splitlines():
            with suppress(json.JSONDecodeError):  # the last one, if the process was killed there
                figures |= json.loads(line)
    return figures


def _describe_failure(printed: Path, code: int) -> dict[str, str]:
    text = printed.read_text("utf-8", "replace") if printed.exists() else ""
    last = next((line for line in reversed(text.splitlines()) if line.strip()), "")
    if code < 0:
        last = f"ended by signal {-code}, as where the machine's memory is full"
    return {"error": last.strip()[:300], "printed": text[-3000:]}
