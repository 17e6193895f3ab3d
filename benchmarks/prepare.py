"""How fast and in how much memory `prepare` cleans a large file.

Makes a file of seeded rows, cleans it through the real datasets, and prints a row for
docs/benchmarks.md.

    python benchmarks/prepare.py --rows 250000 500000 1000000
"""

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path


def clean_file(raw: Path, folder: Path) -> None:
    """Clean one file as `kedro run --pipeline=prepare --env=colab_paid` would."""
    from kedro.config import OmegaConfigLoader

    from tuneline.datasets import RawJSONLinesDataset, StreamedCSVDataset
    from tuneline.parameters import UseCase
    from tuneline.pipelines.prepare.nodes import clean_rows
    from tuneline.settings import CONFIG_LOADER_ARGS

    loader = OmegaConfigLoader("conf", env="colab_paid", **CONFIG_LOADER_ARGS)
    use_case = UseCase.model_validate(loader["parameters"]["product_descriptions"])
    outputs = clean_rows(RawJSONLinesDataset(filepath=str(raw)).load(), use_case.data)
    for name, stream in zip(("clean", "rejected"), outputs, strict=True):
        StreamedCSVDataset(filepath=str(folder / f"{name}.csv")).save(stream)


def measure(rows: int, folder: Path) -> str:
    """Make a file, clean it in a process of its own, time `zcat` beside it."""
    from samples.product_descriptions import write_gz

    raw = folder / f"{rows}.json.gz"
    write_gz(raw, rows, seed=3407)
    start = time.perf_counter()
    subprocess.run(["zcat", raw], stdout=subprocess.DEVNULL, check=True)  # noqa: S603, S607
    gunzip = time.perf_counter() - start
    start = time.perf_counter()
    command = [sys.executable, __file__, "--clean", raw]
    subprocess.run(command, stdout=subprocess.DEVNULL, check=True)  # noqa: S603
    seconds = time.perf_counter() - start
    # The largest child so far: rows are measured from few to many, so it is this one.
    megabytes = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    return (
        f"| {rows:,} | {raw.stat().st_size / 1e6:,.0f} MB | {seconds:.1f} | {rows / seconds:,.0f} "
        f"| {gunzip:.1f} | {seconds / gunzip:.1f} | {megabytes:,.0f} |"
    )


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, nargs="+", default=[250_000])
    parser.add_argument("--clean", type=Path, help="clean this file; used by the script itself")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        if arguments.clean:
            clean_file(arguments.clean, Path(folder))
            return
        for rows in sorted(arguments.rows):
            sys.stdout.write(measure(rows, Path(folder)) + "\n")


if __name__ == "__main__":
    main()
