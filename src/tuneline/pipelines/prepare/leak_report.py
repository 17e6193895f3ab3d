"""The leak check in words and figures."""

from collections import Counter
from collections.abc import Iterator
from typing import Any

import pandas as pd
import polars as pl

from tuneline.examples import KNOWN_TURNS, fill_templates
from tuneline.parameters import Data, Prompt
from tuneline.pipelines.prepare.splitting import SPLITS
from tuneline.reporting.pages import count
from tuneline.utils.terminal import shorten

CLEAN = (
    "No row is in two splits word for word or with a few words changed, moved or added, and none "
    "asks a fixed question. Paraphrases and translations are not looked for."
)
SHOWN_CHARACTERS = 160
ROW = ["split", "id", "line", "prompt", "completion"]
COLUMNS = ["similarity", "kind", "compared", *ROW, *(f"duplicate_{name}" for name in ROW), "done"]


def list_leaks(
    found: pl.DataFrame, rows: pl.DataFrame, questions: list[str], data: Data, prompt: Prompt
) -> pd.DataFrame:
    """List every leaking row next to its duplicate.

    The fixed questions follow the rows, which are all there were before the check.

    Returns:
        One row a pair: `similarity`, `kind`, `compared`, then `split`, `id`, `line`, `prompt`,
        `completion` of the row that had to go, the same of its duplicate as `duplicate_…`, and
        `done`. Texts are shortened.
    """

    def show(row: int) -> dict[str, Any]:
        if row < rows.height:
            return _show(rows.row(row, named=True), data, prompt)
        return {"prompt": shorten(questions[row - rows.height], SHOWN_CHARACTERS)}

    asks = set(found.filter(duplicate_split="question")["row"])
    listed = []
    for leak in found.iter_rows(named=True):
        # The current split of the duplicate: it may have been moved itself.
        duplicate = show(leak["duplicate"]) | {"split": leak["duplicate_split"]}
        moved = data.leaks.policy == "move" and leak["row"] not in asks
        listed.append(
            {key: leak[key] for key in ("similarity", "kind", "compared")}
            | show(leak["row"])
            | {f"duplicate_{key}": value for key, value in duplicate.items()}
            | {"done": "moved to train" if moved else "dropped"}
        )
    table = pd.DataFrame(listed, columns=COLUMNS)
    return table.astype({"line": "Int64", "duplicate_line": "Int64"})


def list_copies(copies: pl.DataFrame, rows: pl.DataFrame, data: Data) -> pl.DataFrame:
    """List the copies within training."""
    mine, others = rows[copies["row"]], rows[copies["duplicate"]]
    return copies.select("kind", "similarity").with_columns(
        line=mine["line"],
        id=mine[data.id].cast(pl.String),
        duplicate_line=others["line"],
        duplicate_id=others[data.id].cast(pl.String),
    )


def _show(row: dict[str, Any], data: Data, prompt: Prompt) -> dict[str, Any]:
    example = fill_templates(row, data, prompt)
    return {
        "split": row["split"],
        "id": example["id"],
        "line": row["line"],
        "prompt": shorten(example["prompt"][-1]["content"], SHOWN_CHARACTERS),
        "completion": shorten(example["completion"][-1]["content"], SHOWN_CHARACTERS),
    }


def count_shared_prompts(kept: pl.DataFrame) -> dict[str, int]:
    """Count the held-out rows whose prompt a training row has, too, with another completion.

    A prompt is empty where its template takes nothing from the row; then all are the same by right.
    """
    asked = kept.filter(pl.col("prompt") != "")
    trained = asked.filter(split="train")["prompt"].implode()
    shared = asked.filter(pl.col("prompt").is_in(trained))
    return {split: shared.filter(split=split).height for split in ("validation", "test")}


def describe_check(
    found: pl.DataFrame,
    copies: pl.DataFrame,
    forms: pl.DataFrame,
    kept: pl.DataFrame,
    rows: pl.DataFrame,
    data: Data,
    shared: dict[str, int] | None = None,
) -> dict[str, Any]:
    """Sum the leak check up.

    `shared` is as `count_shared_prompts` gives it, where `kept` does not say it.

    Returns:
        `policy`, `threshold`, `completion_threshold`, `min_words`, `found` by kind, `moved` and
        `dropped` rows, `copies` within training, `remaining` leaks, `known_turns` by held-out
        split, `shared_prompts`, `sizes` of the splits, `categories` (rows of each in each split)
        and `summary`.
    """
    before = kept.join(forms.select("row", before="split"), on="row")
    copied = copies.height if data.leaks.drop_copies else 0
    report: dict[str, Any] = {
        **data.leaks.model_dump(),
        "found": {kind: found.filter(kind=kind).height for kind in ("exact", "near")},
        "moved": before.filter(pl.col("before") != pl.col("split")).height,
        "dropped": forms.height - kept.height - copied,
        "copies": copies.height,
        "remaining": 0,  # `separate` gives nothing back before it has proved this
        "known_turns": _count_known_turns(rows),
        "shared_prompts": shared or count_shared_prompts(kept),
        "sizes": {split: rows.filter(split=split).height for split in SPLITS},
        "categories": _count_categories(rows, data.category) if data.category else {},
    }
    said = [_format_leaks(report), *_format_turns(report), *_format_prompts(report)]
    return report | {"summary": " ".join([*said, *_format_categories(report)])}


def _count_categories(rows: pl.DataFrame, column: str) -> dict[str, dict[str, int]]:
    names = rows[column].fill_null("")
    counts = Counter(zip(names, rows["split"], strict=True))
    return {name: {split: counts[name, split] for split in SPLITS} for name in sorted(set(names))}


def _format_leaks(report: dict[str, Any]) -> str:
    found = report["found"]
    pairs = sum(found.values())
    if not pairs:
        return CLEAN
    return (
        f"{count(pairs, 'leaking pair')}: {found['exact']:,} word for word, "
        f"{found['near']:,} nearly so; rows dropped: {report['dropped']:,}, moved into training: "
        f"{report['moved']:,}. No leak is left."
    )


def _count_known_turns(rows: pl.DataFrame) -> dict[str, int]:
    if KNOWN_TURNS not in rows.columns:
        return {}
    held_out = ("validation", "test")
    return {one: int(rows.filter(split=one)[KNOWN_TURNS].sum()) for one in held_out}


def _format_turns(report: dict[str, Any]) -> Iterator[str]:
    known = {split: count for split, count in report["known_turns"].items() if count}
    if known:
        counts = " and ".join(f"{count:,} {split}" for split, count in known.items())
        yield f"{counts} turns begin their conversations as others do, and are not asked."


def _format_prompts(report: dict[str, Any]) -> Iterator[str]:
    shared = {split: count for split, count in report["shared_prompts"].items() if count}
    if shared:
        counts = " and ".join(f"{count:,} {split}" for split, count in shared.items())
        yield (
            f"{counts} rows have the prompt of a training row with another answer: if the answers "
            "say the same, set `data.split.group` to the prompt's column."
        )


def _format_categories(report: dict[str, Any]) -> Iterator[str]:
    for name, counts in report["categories"].items():
        missing = [split for split, count in counts.items() if not count]
        if missing:
            rows = sum(counts.values())
            yield (f"Category `{name}` ({count(rows, 'row')}) is not in {' and '.join(missing)}.")
