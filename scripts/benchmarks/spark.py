"""Seconds and memory that Spark takes to prepare examples of a large file, next to the plain path.

Each way in a process of its own, one after the other, start-up counted; the memory is the largest
resident set of each Java and of each Python process, looked at twice a second. The hashes of the
clean rows, the rejected rows, the splits and the leaks tell whether two ways give the same.

    PYTHONPATH=. python scripts/benchmarks/spark.py --raw 2250000.json.gz --ways plain spark
    PYTHONPATH=. python scripts/benchmarks/spark.py --raw folder --ways cluster
"""

import argparse
import hashlib
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from threading import Event, Thread

import psutil

TABLES = ("clean", "rejected", "rows", "leaks", "copies")
LOCAL = {"spark.master": "local[2]", "spark.driver.memory": "1g"}
# Two workers, each with one core and 1 GB of Java.
CLUSTER = {
    "spark.master": "local-cluster[2,1,1024]",
    "spark.driver.memory": "1g",
    "spark.executor.memory": "1g",
}


def prepare(raw: Path, folder: Path, way: str) -> None:
    """Clean, split and check for leaks, as `kedro run --pipeline=prepare` does."""
    import polars as pl
    from kedro.config import OmegaConfigLoader

    from tuneline.datasets import (
        LazyCSVDataset,
        RawJSONDataset,
        SparkCSVDataset,
        SparkJSONLinesDataset,
    )
    from tuneline.parameters import UseCase
    from tuneline.pipelines.prepare.nodes import check_leaks, clean_rows, split_rows
    from tuneline.settings import CONFIG_LOADER_ARGS

    loader = OmegaConfigLoader("conf", env="colab_paid", **CONFIG_LOADER_ARGS)
    use_case = UseCase.model_validate(loader["parameters"]["product_descriptions"])
    data = use_case.data
    settings = CLUSTER if way == "cluster" else LOCAL
    source = RawJSONDataset(filepath=str(raw))
    tables = [LazyCSVDataset(filepath=str(folder / name)) for name in ("clean.csv", "rejected.csv")]
    if way != "plain":
        source = SparkJSONLinesDataset(filepath=str(raw), spark=settings)
        tables = [
            SparkCSVDataset(filepath=str(folder / name), spark=settings)
            for name in ("clean", "rejected")
        ]
    start = time.perf_counter()
    *written, report = clean_rows(source.load(), data, folder / "cleaning")
    for table, path in zip(tables, written, strict=True):
        table.save(path)
    cleaned = time.perf_counter()
    rows = split_rows(tables[0].load(), data, report)
    split = time.perf_counter()
    left, leaks, copies, check = check_leaks(rows, data, use_case.prompt, use_case.evaluation)
    done = {"cleaning": cleaned - start, "splitting": split - cleaned}
    done["leak_check"] = time.perf_counter() - split
    for name, table in (("rows", left), ("leaks", leaks), ("copies", copies)):
        (folder / f"{name}.csv").write_text(pl.DataFrame(table).write_csv())
    counts = {name: report[name] for name in ("rows", "clean", "rejected")}
    counts |= {"examples": left.height, "found": check["found"], "copies": check["copies"]}
    (folder / "done.json").write_text(json.dumps(done | counts))


def measure(raw: Path, folder: Path, way: str) -> dict[str, object]:
    """Run one way in a process of its own, and look at the memory of all that it starts."""
    folder.mkdir()
    command = [sys.executable, __file__, "--raw", str(raw), "--ways", way, "--into", str(folder)]
    start = time.perf_counter()
    places = {
        "SPARK_WORKER_DIR": str(folder / "workers"),
        "SPARK_LOCAL_DIRS": str(folder / "spark"),
    }
    process = subprocess.Popen(command, env=os.environ | places)  # noqa: S603
    peaks: dict[tuple[int, str], int] = {}
    ended = Event()
    watcher = Thread(target=_watch, args=(process.pid, peaks, ended))
    watcher.start()
    code = process.wait()
    seconds = time.perf_counter() - start
    ended.set()
    watcher.join()
    done = json.loads((folder / "done.json").read_text()) if code == 0 else {"failed": code}
    memory = {
        name: [round(size / 1e6) for (_, one), size in sorted(peaks.items()) if one == name]
        for name in ("java", "python")
    }
    hashes = {f"{name}_hash": hash_rows(folder, name) for name in TABLES}
    return {"way": way, "seconds": round(seconds, 1), **done, "memory_mb": memory, **hashes}


def _watch(root: int, peaks: dict[tuple[int, str], int], ended: Event) -> None:
    while not ended.wait(0.5):
        try:
            processes = [psutil.Process(root), *psutil.Process(root).children(recursive=True)]
        except psutil.NoSuchProcess:
            return
        for one in processes:
            try:
                key = (one.pid, "java" if "java" in one.name() else "python")
                peaks[key] = max(peaks.get(key, 0), one.memory_info().rss)
            except psutil.NoSuchProcess:
                continue


def hash_rows(folder: Path, name: str) -> str:
    """Hash a table, whether it is one file or several with a header each."""
    digest = hashlib.sha256()
    whole = folder / name
    parts = sorted(whole.glob("part-*.csv")) or [
        whole if whole.is_file() else folder / f"{name}.csv"
    ]
    for number, path in enumerate(path for path in parts if path.is_file()):
        with path.open("rb") as file:
            if number:
                file.readline()
            while block := file.read(1 << 24):
                digest.update(block)
    return digest.hexdigest()[:12]


def main() -> None:
    """Measure the ways, one after the other."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--raw", type=Path, required=True)
    parser.add_argument("--ways", nargs="+", choices=["plain", "spark", "cluster"], required=True)
    parser.add_argument("--into", type=Path)
    parser.add_argument("--scratch", type=Path)
    options = parser.parse_args()
    if options.into:
        prepare(options.raw, options.into, options.ways[0])
        return
    with tempfile.TemporaryDirectory(dir=options.scratch) as folder:
        for way in options.ways:
            print(json.dumps(measure(options.raw, Path(folder) / way, way)))  # noqa: T201


if __name__ == "__main__":
    main()
