"""The leak check in words and figures."""

from collections import Counter
from collections.abc import Iterator
from typing import Any

import pandas as pd
import polars as pl

from tuneline.examples import Example
from tuneline.parameters import Data, Leaks

CLEAN = (
    "No row is in two splits word for word or with a few words changed, moved or added, and none "
    "asks a fixed question. Paraphrases and translations are not looked for."
)
SHOWN_CHARACTERS = 160
ROW = ["split", "id", "line", "prompt", "completion"]
COLUMNS = ["similarity", "kind", "compared", *ROW, *(f"duplicate_{name}" for name in ROW), "done"]


def list_leaks(
    found: pl.DataFrame, splits: dict[str, list[Example]], questions: list[str], leaks: Leaks
) -> pd.DataFrame:
    """List every leaking row next to its duplicate.

    Args:
        found: the leaks, as `LeakFinder` gives them.
        splits: the examples of each split before the check.
        questions: the fixed questions.
        leaks: the policy.

    Returns:
        One row a pair: `similarity`, `kind`, `compared`, then `split`, `id`, `line`, `prompt`,
        `completion` of the row that had to go, the same of its duplicate as `duplicate_…`, and
        `done`. Texts are shortened.
    """
    rows: list[tuple[str, Example | str]] = [
        (split, one) for split, several in splits.items() for one in several
    ]
    rows += [("question", question) for question in questions]
    asks = set(found.filter(duplicate_split="question")["row"])
    listed = []
    for leak in found.iter_rows(named=True):
        # The split of the duplicate is that of the moment: it may have been moved itself.
        duplicate = _show(leak["duplicate_split"], rows[leak["duplicate"]][1])
        moved = leaks.policy == "move" and leak["row"] not in asks
        listed.append(
            {key: leak[key] for key in ("similarity", "kind", "compared")}
            | _show(*rows[leak["row"]])
            | {f"duplicate_{key}": value for key, value in duplicate.items()}
            | {"done": "moved to train" if moved else "dropped"}
        )
    return pd.DataFrame(listed, columns=COLUMNS).astype(
        {"line": "Int64", "duplicate_line": "Int64"}
    )


def count_shared_prompts(kept: pl.DataFrame) -> dict[str, int]:
    """Count the held-out rows whose prompt a training row has, too, with another completion.

    Args:
        kept: what `tabulate` makes of the examples that are left. A prompt is empty where its
            template takes nothing from the row; then all are the same by right.

    Returns:
        Rows by held-out split.
    """
    asked = kept.filter(pl.col("prompt") != "")
    trained = asked.filter(split="train")["prompt"].implode()
    shared = asked.filter(pl.col("prompt").is_in(trained))
    return {split: shared.filter(split=split).height for split in ("validation", "test")}


def describe_check(
    found: pl.DataFrame,
    kept: pl.DataFrame,
    changes: dict[str, int],
    splits: dict[str, list[Example]],
    data: Data,
) -> dict[str, Any]:
    """Sum the leak check up.

    Args:
        found: the leaks.
        kept: the rows that are left.
        changes: rows `moved` and `dropped`.
        splits: the examples of each split after the check.
        data: the thresholds and the policy.

    Returns:
        `policy`, `threshold`, `completion_threshold`, `min_words`, `found` by kind, `moved` and
        `dropped` rows, `remaining` leaks, `shared_prompts`, `sizes` of the splits, `categories`
        (rows of each in each split) and `summary`.
    """
    report: dict[str, Any] = {
        **data.leaks.model_dump(),
        "found": {kind: found.filter(kind=kind).height for kind in ("exact", "near")},
        **changes,
        "remaining": 0,  # `separate` gives nothing back before it has proved this
        "shared_prompts": count_shared_prompts(kept),
        "sizes": {split: len(several) for split, several in splits.items()},
        "categories": _count_categories(splits) if data.category else {},
    }
    return report | {
        "summary": " ".join(
            [_format_leaks(report), *_format_prompts(report), *_format_categories(report)]
        )
    }


def _count_categories(splits: dict[str, list[Example]]) -> dict[str, dict[str, int]]:
    counts = {split: Counter(one["meta"]["category"] for one in splits[split]) for split in splits}
    names = sorted(set().union(*counts.values()))
    return {name: {split: counts[split][name] for split in splits} for name in names}


def _format_leaks(report: dict[str, Any]) -> str:
    found = report["found"]
    pairs = sum(found.values())
    if not pairs:
        return CLEAN
    return (
        f"{pairs:,} leaking {'pair' if pairs == 1 else 'pairs'}: {found['exact']:,} word for word, "
        f"{found['near']:,} nearly so; rows dropped: {report['dropped']:,}, moved into training: "
        f"{report['moved']:,}. No leak is left."
    )


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
            yield (
                f"Category `{name}` ({rows:,} {'row' if rows == 1 else 'rows'}) is not in "
                f"{' and '.join(missing)}."
            )


def _show(split: str, example: Example | str) -> dict[str, Any]:
    if isinstance(example, str):
        return {"split": split, "prompt": _shorten(example)}
    return {
        "split": split,
        "id": example["id"],
        "line": example["meta"]["line"],
        "prompt": _shorten(example["prompt"][-1]["content"]),
        "completion": _shorten(example["completion"][-1]["content"]),
    }


def _shorten(text: str) -> str:
    return text if len(text) <= SHOWN_CHARACTERS else text[: SHOWN_CHARACTERS - 1] + "…"
