"""The figures of a machine: a file that is whole after each case, and a table of it."""

import json
import statistics
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from scripts.benchmarks.cases import Case
from scripts.benchmarks.models import NAMES
from tuneline.utils.files import replace_whole

# Floating-point operations of a training, for a token and a parameter (arXiv 2001.08361).
OPERATIONS = 6
ANSWERS = {
    "tuned": "answering, tuned model, {} at once",
    "base": "answering, base model, {} at once",
    "one_by_one": "answering, tuned model, one by one",
}


class Figures:
    """The JSON file: written whole after each case.

    Args:
        path: the file.
        options: what was asked for.
    """

    def __init__(self, path: Path, options: dict[str, Any]) -> None:
        self.path = path
        self.values: dict[str, Any] = {
            "started": datetime.now(UTC).isoformat(timespec="seconds"),
            "options": options,
            "machine": {},
            "cases": [],
        }

    def describe(self, machine: dict[str, Any]) -> None:
        """Say on which machine everything is measured, and write."""
        self.values["machine"] = machine
        self._save()

    def add(self, case: Case, found: dict[str, Any]) -> None:
        """Add what was found, and write."""
        self.values["cases"].append({**asdict(case), **found})
        self._save()

    def _save(self) -> None:
        self.values["speeds"] = list_speeds(self.values)
        with replace_whole(self.path) as file:
            file.write(json.dumps(self.values, indent=1, default=str).encode() + b"\n")


def list_speeds(values: dict[str, Any]) -> dict[str, Any]:
    """List Tuneline's training speeds as YAML could state them.

    Args:
        values: as in the file.

    Returns:
        By machine, base model and number format: `tokens_per_second`, the median of the rounds, and
        the `teraflops` that they make.
    """
    rounds: dict[str, dict[str, list[dict[str, Any]]]] = {}
    for case in values["cases"]:
        if case["way"] == "tuneline" and case["status"] != "failed" and "tokens_per_second" in case:
            formats = rounds.setdefault(NAMES.get(case["model"], case["model"]), {})
            formats.setdefault(case["dtype"], []).append(case)
    return {
        values["machine"].get("name", "unknown"): {
            model: {dtype: _describe_speed(cases) for dtype, cases in formats.items()}
            for model, formats in rounds.items()
        }
    }


def _describe_speed(cases: list[dict[str, Any]]) -> dict[str, float]:
    rate = statistics.median(case["tokens_per_second"] for case in cases)
    teraflops = OPERATIONS * cases[-1]["parameters"] * rate / 1e12
    return {"tokens_per_second": rate, "teraflops": float(f"{teraflops:.3g}")}


def make_table(values: dict[str, Any]) -> str:
    """Make a table of the medians.

    Args:
        values: as in the file.

    Returns:
        Markdown: speed, its ratio to the team's training or to answers one by one, and memory.
    """
    lines = [
        _name_machine(values["machine"]),
        "",
        "| model | settings | way | tokens/s | times | peak, GB | predicted, GB | loss |",
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    grouped: dict[tuple[str, str], dict[str, list[dict[str, Any]]]] = {}
    for case in values["cases"]:
        ways = grouped.setdefault((case["model"], f"{case['env']}, {case['dtype']}"), {})
        for way, found in _list_ways(case):
            ways.setdefault(way, []).append(found)
    for (model, settings), ways in grouped.items():
        for way, rounds in ways.items():
            compared = ways.get(ANSWERS["one_by_one"] if way.startswith("answering") else "team")
            lines.append(f"| {model} | {settings} | {way} | {_format(rounds, compared)} |")
    return "\n".join(lines)


def _name_machine(machine: dict[str, Any]) -> str:
    parts = [machine.get("name", "a machine that could not be described")]
    for key in ("driver", "torch"):
        if machine.get(key):
            parts.append(f"{key} {machine[key]}")
    return ", ".join(parts)


def _list_ways(case: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """List the ways of a case with what was found: answers are given in several."""
    if case["way"] != "answers":
        return [(case["way"], case)]
    found = [
        (way.format(case[key]["prompts"]), case[key]) for key, way in ANSWERS.items() if key in case
    ]
    return found if case["status"] == "done" else [*found, ("answering", case)]


def _format(rounds: list[dict[str, Any]], compared: list[dict[str, Any]] | None) -> str:
    rate, other = _find_median(rounds), _find_median(compared or [])
    last = rounds[-1]
    cells = [
        f"{rate:,.0f}" if rate else last.get("error") or last.get("status", ""),
        f"{rate / other:.2f}" if rate and other else "",
        *(f"{last[key]:.2f}" if key in last else "" for key in ("peak_gb", "predicted_gb")),
        f"{last['validation_loss']:.4f}" if "validation_loss" in last else "",
    ]
    if rate and last.get("status", "done") != "done":
        cells[0] += f" ({last.get('error') or last['status']})"
    return " | ".join(cell.replace("|", "/") for cell in cells)


def _find_median(rounds: list[dict[str, Any]]) -> float | None:
    rates = [found["tokens_per_second"] for found in rounds if "tokens_per_second" in found]
    return statistics.median(rates) if rates else None
