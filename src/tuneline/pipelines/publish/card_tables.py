"""The tables of the model card, from what the run recorded."""

from typing import Any

from tuneline.models.adapter import Adapter
from tuneline.parameters import Publish
from tuneline.parameters.base import flatten
from tuneline.reporting.pages import (
    count_prompts,
    format_code,
    format_interval,
    format_number,
    format_table,
)
from tuneline.utils.disks import format_bytes

Records = dict[str, dict[str, Any]]


def lay_out_tables(records: Records, adapter: Adapter) -> dict[str, Any]:
    """Lay out all tables but that of the licenses, by their names in the template."""
    scores, training = records["scores"], records["training"]
    counting = scores["verdict"]["metrics"]
    metrics = scores["metrics"]
    return {
        "verdict": _compare({name: metrics[name] for name in counting}),
        "old": _compare(scores["old"]["metrics"], "old adapter") if scores.get("old") else None,
        "description": _compare(
            {name: found for name, found in metrics.items() if name not in counting}
        ),
        "categories": _list_categories(scores),
        "agreement": records["rubric"].get("judge", {}).get("agreement", {}).get("summary", ""),
        "ratings": {
            who: _compare_ratings(found["criteria"])
            for who, found in records["rubric"].items()
            if found.get("criteria")
        },
        "files": compare_files(records["merge"].get("file_scores", {})),
        "cleaning": format_table(["reason", "rows"], _count(records["cleaning"]["reasons"])),
        "splits": format_table(["split", "examples"], _count(records["leaks"]["sizes"])),
        "recipe": format_table(
            ["setting", "value"],
            [
                (format_code(key), format_code(str(value)))
                for key, value in flatten(_pick_recipe(adapter)).items()
            ],
        ),
        "comparison": format_table(
            ["", "planned", "actual"],
            [
                (
                    f"{row['name']}{', ' if row['unit'] else ''}{row['unit']}",
                    _show(row["planned"]),
                    _show(row["actual"]),
                )
                for row in training["comparison"]
            ],
        ),
        "epochs": format_table(
            [key.replace("_", " ") for key in training["epochs"][0]],
            [[_show(value) for value in epoch.values()] for epoch in training["epochs"]],
        ),
        "decoding": format_table(
            ["setting", "value"],
            [
                (format_code(key), format_code(str(value)))
                for key, value in scores["run"]["generation"].items()
            ],
        ),
        "versions": format_table(["library", "version"], adapter.provenance["versions"].items()),
        # Those that the verdict rests on have a higher one each, so that they hold together.
        "confidence": format_number(100 * min(one["confidence"] for one in metrics.values()), 0),
    }


def list_licenses(publish: Publish, is_toy: bool) -> Any:
    """List what is stated. The base's license is that of the real base, not of a stand-in."""
    licenses = {
        "this adapter": publish.license,
        "the base model": None if is_toy else publish.base_license,
        "the training data": publish.data_license,
    }
    return format_table(
        ["of", "license"], [(of, said or "not stated") for of, said in licenses.items()]
    )


def _compare(metrics: dict[str, dict[str, Any]], before: str = "base") -> Any:
    return format_table(
        ["metric", before, "tuned", "difference", "its interval", "average", "over", "result"],
        [
            (
                found["label"] + (", %" if found["percent"] else ""),
                format_number(found["base"], found["decimals"]),
                format_number(found["tuned"], found["decimals"]),
                format_number(found["difference"], found["decimals"], True),
                format_interval(found, found["decimals"]),
                found.get("average"),
                _name_basis(found),
                found["result"],
            )
            for found in metrics.values()
        ],
    )


def _compare_ratings(criteria: dict[str, dict[str, Any]]) -> Any:
    return format_table(
        ["criterion, 0 to 10", "base", "tuned", "difference", "its interval", "result"],
        [
            (
                name,
                format_number(found["base"]),
                format_number(found["tuned"]),
                format_number(found["difference"], 1, True),
                format_interval(found, 1),
                found["result"],
            )
            for name, found in criteria.items()
        ],
    )


def compare_files(file_scores: dict[str, Any]) -> Any:
    """Lay out how alike each exported file is to the adapter, and what it scores; None for none."""
    if not file_scores.get("files"):
        return None
    metrics = file_scores["files"][0]["metrics"].values()
    return format_table(
        ["file", "size", "answers as the adapter's", *(found["label"] for found in metrics)],
        [
            (
                one["file"],
                format_bytes(one["bytes"]),
                f"{one['equal']} of {file_scores['prompts']}",
                *(
                    _show_file(found, one["equal"] == file_scores["prompts"])
                    for found in one["metrics"].values()
                ),
            )
            for one in file_scores["files"]
        ],
    )


def _show_file(found: dict[str, Any], same: bool) -> str:
    places = found["decimals"]
    if same:
        return f"{format_number(found['file'], places)}, the same"
    change = f"{format_number(found['adapter'], places)} → {format_number(found['file'], places)}"
    return f"{change} ({format_interval(found, places)})"


def _list_categories(scores: dict[str, Any]) -> Any:
    counting = scores["verdict"]["metrics"]
    labels = [scores["metrics"][name]["label"] for name in counting]
    return format_table(
        ["category", *labels],
        [
            [category, *(_show_change(found.get(name)) for name in counting)]
            for category, found in scores["categories"].items()
        ],
    )


def _show_change(found: dict[str, Any] | None) -> str:
    if found is None:
        return "not measured"
    places = found["decimals"]
    change = f"{format_number(found['base'], places)} → {format_number(found['tuned'], places)}"
    shown = "too few to tell" if found["interval"] is None else found["result"]
    return f"{change} ({shown}, {_name_basis(found)})"


def _name_basis(found: dict[str, Any]) -> str:
    return count_prompts(found["rows"], found.get("groups"))


def _pick_recipe(adapter: Adapter) -> dict[str, Any]:
    """Leave out what is not set, and base model and old adapter, which are named above."""
    settings = adapter.provenance["recipe"]["settings"]
    return {
        key: value
        for key, value in settings.items()
        if value not in (None, {}) and key not in ("base_model", "revision", "start_from")
    }


def _count(counts: dict[str, int]) -> list[tuple[str, str]]:
    return [(name, f"{count:,}") for name, count in counts.items()]


def _show(value: Any) -> str | None:
    """Write a number of the training's record; an unknown one stays unknown."""
    if value is None:
        return None
    return f"{value:,}" if isinstance(value, int) else f"{value:,.4g}"
