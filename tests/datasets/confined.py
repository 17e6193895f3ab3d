"""Reads a raw source in a process of little memory: `python -m tests.datasets.confined`."""

import json
import resource
import subprocess
import sys
from pathlib import Path
from typing import Any

MEMORY_BYTES = 1_000_000_000
SHOWN = 200


def read_confined(dataset: str, path: Path | str, *fields: str, **options: Any) -> dict[str, Any]:
    """Read all rows; fail if the memory does not suffice.

    Returns:
        `rows` (line, start of the original, problem), the `error` that refused the source, or
        neither.
    """
    asked = json.dumps([dataset, str(path), fields, options])
    command = [sys.executable, "-m", "tests.datasets.confined", asked]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout.splitlines()[-1])


def main(asked: str) -> None:
    import polars as pl

    from tuneline import datasets
    from tuneline.errors import TunelineError
    from tuneline.streaming import Fields

    dataset, path, fields, options = json.loads(asked)
    resource.setrlimit(resource.RLIMIT_DATA, (MEMORY_BYTES, MEMORY_BYTES))
    rows: list[Any] = []

    def work(table: pl.DataFrame) -> pl.DataFrame:
        return table.select("line", pl.col("original").bin.slice(0, SHOWN), "problem")

    try:
        source = getattr(datasets, dataset)(filepath=path, **options).load()
        for table in source.map(Fields(fields[0], tuple(fields[1:])), work):
            rows += [
                [line, original.decode("utf-8", "replace"), why]
                for line, original, why in table.rows()
            ]
    except TunelineError as error:
        sys.stdout.write(json.dumps({"error": str(error)}))
    else:
        sys.stdout.write(json.dumps({"rows": rows}))


if __name__ == "__main__":
    main(sys.argv[1])
