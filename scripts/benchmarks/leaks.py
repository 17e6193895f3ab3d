"""How fast and in how much memory rows are sampled, divided, checked for leaks and filled in.

Makes a cleaned file of seeded rows with the lengths of AmazonTitles-1.3MM (titles of 17 to 125
characters, contents of 47 to 1,728 in nine of ten rows, words as frequent as Zipf's law has them),
draws 100,000 rows from it in a process of its own, copies held-out rows into training with three
words changed, checks for leaks, makes examples, writes them, makes the data page, and prints a row
for docs/benchmarks.md.

    PYTHONPATH=. python scripts/benchmarks/leaks.py --rows 2250000
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from random import Random

import numpy as np
import polars as pl

SEED = 3407
ROWS_AT_ONCE = 50_000
VOCABULARY = 200_000
PLANTED = 200


def write_clean(path: Path, rows: int) -> None:
    """Write a cleaned file, a part at a time."""
    random = np.random.default_rng(SEED)
    vocabulary = make_words(random)
    with path.open("wb") as file:
        for start in range(0, rows, ROWS_AT_ONCE):
            count = min(ROWS_AT_ONCE, rows - start)
            lines = pl.int_range(start + 1, start + count + 1, eager=True)
            table = pl.DataFrame(
                {
                    "line": lines,
                    "uid": lines.cast(pl.String).str.zfill(10),
                    "title": make_texts(random, vocabulary, count, median=8, sigma=0.6),
                    "content": make_texts(random, vocabulary, count, median=47, sigma=1.1),
                }
            )
            table.write_csv(file, include_header=start == 0)


def make_words(random: np.random.Generator) -> pl.Series:
    """Make words of two to ten letters."""
    letters = random.integers(97, 123, (VOCABULARY, 10), dtype=np.uint8)
    lengths = random.integers(2, 11, VOCABULARY)
    words = [row[:length].tobytes().decode() for row, length in zip(letters, lengths, strict=True)]
    return pl.Series(words)


def make_texts(
    random: np.random.Generator, vocabulary: pl.Series, count: int, median: int, sigma: float
) -> pl.Series:
    """Make texts of log-normal lengths in words, words by Zipf's law."""
    lengths = np.clip(random.lognormal(np.log(median), sigma, count), 2, 1000).astype(int)
    ranks = np.exp(random.random(lengths.sum()) * np.log(VOCABULARY)).astype(int) - 1
    row = np.repeat(np.arange(count), lengths)
    words = pl.DataFrame({"row": row, "word": vocabulary.gather(ranks)})
    return words.group_by("row", maintain_order=True).agg("word")["word"].list.join(" ")


def prepare_examples(clean: Path, folder: Path) -> dict[str, float]:
    """Sample, divide, plant, check, fill and write, as `--env=colab_paid` would."""
    from kedro.config import OmegaConfigLoader

    from tuneline.datasets import JSONLinesDataset, LazyCSVDataset
    from tuneline.parameters import UseCase
    from tuneline.pipelines.prepare.data_page import check_data
    from tuneline.pipelines.prepare.nodes import build_examples, check_leaks, split_rows
    from tuneline.settings import CONFIG_LOADER_ARGS

    loader = OmegaConfigLoader("conf", env="colab_paid", **CONFIG_LOADER_ARGS)
    use_case = UseCase.model_validate(loader["parameters"]["product_descriptions"])
    start = time.perf_counter()
    rows = split_rows(LazyCSVDataset(filepath=str(clean)).load(), use_case.data)
    divided = time.perf_counter()
    rows, planted = plant(rows)
    begin = time.perf_counter()
    blocks = use_case.data, use_case.prompt, use_case.evaluation
    left, *found, report = check_leaks(rows, *blocks)
    del rows
    checked = time.perf_counter()
    splits = build_examples(left, use_case.data, use_case.prompt)
    for name, split in zip(("train", "validation", "test"), splits, strict=True):
        JSONLinesDataset(filepath=str(folder / f"{name}.jsonl")).save(split)
    written = time.perf_counter()
    cleaning = {"clean": 0, "reasons": {}, "rules": {"mask_personal_data": {"rows": 0}}}
    check_data(left, *splits, *found, report, cleaning, *blocks)
    return {
        "divide": divided - start,
        "check": checked - begin,
        "write": written - checked,
        "page": time.perf_counter() - written,
        "planted": planted,
        "found": sum(report["found"].values()),
    }


def plant(rows: pl.DataFrame) -> tuple[pl.DataFrame, int]:
    """Copy held-out rows of 30 words or more into training, with three words changed."""
    random = Random(SEED)  # noqa: S311
    test = rows.filter(split="test").select("title", words=pl.col("content").str.split(" "))
    long = test.filter(pl.col("words").list.len() >= 30).head(PLANTED)
    contents = []
    for words in long["words"].to_list():
        for position in random.sample(range(len(words)), 3):
            words[position] = "changed"
        contents.append(" ".join(words))
    places = [7 * place for place in range(long.height)]  # rows of training come first
    title = rows["title"].scatter(places, long["title"])
    content = rows["content"].scatter(places, contents)
    return rows.with_columns(title, content), long.height


def measure(rows: int, folder: Path) -> str:
    """Make a cleaned file and prepare examples of it in a process of its own."""
    clean = folder / f"{rows}.csv"
    write_clean(clean, rows)
    start = time.perf_counter()
    command = [sys.executable, __file__, "--clean", clean]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True)  # noqa: S603
    seconds = time.perf_counter() - start
    megabytes = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024 / 1e6
    steps = json.loads(done.stdout.splitlines()[-1])
    return (
        f"| {rows:,} | {clean.stat().st_size / 1e9:.2f} GB | {steps['divide']:.1f} "
        f"| {steps['check']:.1f} | {steps['write']:.1f} | {steps['page']:.1f} | {seconds:.1f} "
        f"| {megabytes:,.0f} | {steps['found']} of {steps['planted']} |"
    )


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, nargs="+", default=[250_000])
    parser.add_argument("--clean", type=Path, help="use this file; used by the script itself")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        if arguments.clean:
            sys.stdout.write(json.dumps(prepare_examples(arguments.clean, Path(folder))) + "\n")
            return
        for rows in sorted(arguments.rows):
            sys.stdout.write(measure(rows, Path(folder)) + "\n")


if __name__ == "__main__":
    main()
