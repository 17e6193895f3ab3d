"""How fast and in how much memory `prepare` cleans a large file, next to `zcat` and pandas.

Makes a file of seeded rows that compresses as badly as a real one (see large_file.py; some eight
minutes for 2,250,000 rows), then times, each in a process of its own, one after the other:
`zcat > /dev/null`; `kedro run` of the node that cleans, with all rules, de-duplication and the file
of rejected rows, its start counted; and the notebook way, one pandas frame. Prints rows for
docs/benchmarks.md.

    PYTHONPATH=. python scripts/benchmarks/prepare.py --rows 225000 2250000 --pandas 225000
"""

import argparse
import html
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

# All rows, as they are: the laptop's environment keeps short ones only.
ENV = "colab_paid"


def clean_in_tuneline(raw: Path, folder: Path) -> list[str]:
    """Prepare a folder for the data of a run, and give the command that cleans a file there."""
    conf, place = folder / "conf", folder / "data/01_raw/product_descriptions/trn.json.gz"
    shutil.copytree("conf", conf)
    (conf / ENV / "globals.yml").write_text(f"data: {folder / 'data'}\n")
    place.parent.mkdir(parents=True)
    place.symlink_to(raw.resolve())
    kedro = [sys.executable, "-m", "kedro", "run", f"--conf-source={conf}", f"--env={ENV}"]
    return [*kedro, "--pipeline=product_descriptions.prepare", "--nodes=clean.clean_rows"]


def clean_in_pandas(raw: Path, folder: Path) -> None:
    """Clean one file as a notebook does: all of it in one frame; broken lines are lost."""
    import gzip

    import pandas as pd

    rows = []
    with gzip.open(raw, "rt", encoding="utf-8") as file:
        for line in file:
            try:
                rows.append(json.loads(line))
            except json.JSONDecodeError:
                continue
    table = pd.DataFrame([row for row in rows if isinstance(row, dict)])
    table = table[["uid", "title", "content"]].dropna()
    for name in ("title", "content"):
        text = (
            table[name].astype(str).apply(html.unescape).str.replace(r"<[^<>]+>", " ", regex=True)
        )
        text = text.str.replace(r"This text refers to [^.]*\.", " ", regex=True)
        table[name] = text.str.normalize("NFC").str.replace(r"\s+", " ", regex=True).str.strip()
    table = table[(table.title != "") & (table.content.str.split().str.len() >= 4)]
    table = table[(table.content.str.len() <= 6000) & (table.title.str.len() <= 300)]
    table = table[table.title.str.lower() != table.content.str.lower()]
    table = table.loc[~table.title.str.lower().duplicated()]
    table.to_csv(folder / "clean.csv", index=False)


def run_alone(command: list[str]) -> tuple[float, float]:
    """Run a command; answer with its seconds and its peak memory in MB."""
    start = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)  # noqa: S603
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"{command} failed")
    return time.perf_counter() - start, usage.ru_maxrss * 1024 / 1e6


def measure(raw: Path, rows: int, ways: list[str]) -> list[str]:
    """Time `zcat` and the given ways on one file."""
    gunzip, _ = run_alone(["zcat", str(raw)])
    size = raw.stat().st_size / 1e6
    lines = [f"| {rows:,} | {size:,.0f} MB | `zcat > /dev/null` | {gunzip:.1f} | 1.00 | |"]
    for way in ways:
        with tempfile.TemporaryDirectory() as folder:
            in_pandas = [sys.executable, __file__, "--raw", str(raw)]
            ours = way == "tuneline"
            seconds, megabytes = run_alone(
                clean_in_tuneline(raw, Path(folder)) if ours else in_pandas
            )
        lines.append(
            f"| {rows:,} | {size:,.0f} MB | {way} | {seconds:.1f} | {seconds / gunzip:.2f} "
            f"| {megabytes:,.0f} |"
        )
    return lines


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, nargs="+", default=[225_000])
    parser.add_argument("--pandas", type=int, nargs="*", default=[], help="with pandas next to it")
    parser.add_argument("--folder", type=Path, help="where generated files are kept")
    parser.add_argument("--raw", type=Path, help="used by the script itself: cleaned in pandas")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        if arguments.raw:
            clean_in_pandas(arguments.raw, Path(temporary))
            return
        folder = arguments.folder or Path(temporary)
        for rows in arguments.rows:
            raw = find_or_make(folder, rows)
            ways = ["tuneline", *(["pandas"] if rows in arguments.pandas else [])]
            sys.stdout.write("\n".join(measure(raw, rows, ways)) + "\n")


def find_or_make(folder: Path, rows: int) -> Path:
    """Give the file of that many rows."""
    from scripts.benchmarks.large_file import write_large_gz

    raw = folder / f"{rows}.json.gz"
    if not raw.exists():
        write_large_gz(raw, rows)
    return raw


if __name__ == "__main__":
    main()
