"""Several evaluations side by side: versions of an adapter, or recipes."""

from collections.abc import Sequence
from itertools import cycle, islice, product
from typing import Any

import pandas as pd
import plotly.graph_objects as go

from tuneline.metrics import METRICS
from tuneline.models.adapter import Adapter, hash_adapter
from tuneline.models.fingerprints import describe_hardware, hash_prompts, read_inputs
from tuneline.models.machine import name_processor
from tuneline.parameters import Evaluation, Hardware
from tuneline.reporting.pages import BASE_COLOR, TUNED_COLOR, WARNING_COLOR, style
from tuneline.statistics.paired_comparison import Metric

# What a run is compared on, next to its verdict.
COMPARED = [metric for metric in METRICS if metric.decides_verdict or metric.name == "loss"]
DIFFERENCE = "tuned \N{MINUS SIGN} base"
# Metrics keep their colors from run to run.
COLORS = (TUNED_COLOR, WARNING_COLOR, "#1a7f4b", "#7c3aed", "#0e7490")
SYMBOLS = ("circle", "square", "diamond", "triangle-up", "x")


def describe_run(
    answers: list[dict[str, Any]], adapter: Adapter, evaluation: Evaluation, hardware: Hardware
) -> dict[str, Any]:
    """Describe what was evaluated, so that its scores can be told from others and compared.

    Scores of many runs lie next to each other, so each keeps of the adapter's inputs what tells
    two trainings apart for a reader; the whole of them is in the adapter's folder.

    Args:
        answers: one row a prompt.
        adapter: the adapter.
        evaluation: the decoding.
        hardware: the machine that answered.

    Returns:
        Fingerprints of the adapter, its training examples and the prompts; base model and recipe of
        the training, decoding, and the machine.
    """
    trained = read_inputs(adapter)
    return {
        "adapter": hash_adapter(adapter),
        "base": trained["base"],
        "recipe": trained["recipe"]["settings"],
        "trained_on": trained["examples"]["train"],
        "prompts": hash_prompts(answers),
        "generation": evaluation.generation,
        "hardware": describe_hardware(hardware),
        "device": name_processor(hardware.device),
    }


def describe_remote_run(
    answers: list[dict[str, Any]], job: dict[str, Any], evaluation: Evaluation
) -> dict[str, Any]:
    """Describe what a provider's model was evaluated on.

    Args:
        answers: one row a prompt.
        job: the provider's job, which names the tuned model.
        evaluation: the decoding.

    Returns:
        The tuned model's name, the job, a fingerprint of the prompts, and the decoding.
    """
    return {
        "model": job["model"],
        "job": job["job"],
        "prompts": hash_prompts(answers),
        "generation": evaluation.generation,
    }


def compare_versions(versions: dict[str, dict[str, Any]]) -> pd.DataFrame:
    """Put the scores of all versions into one table.

    Args:
        versions: scores by version, the oldest first.

    Returns:
        One row a version, oldest first: `run` (a number), `version`, `adapter`, `verdict`,
        `prompts` and their independent `groups`, `differs` (what is not the same in all runs),
        `comparable` (whether prompts and decoding are those of the latest run), and for each metric
        `_base`, `_tuned`, and `_low` and `_high`, the ends of the interval of the difference; None
        where they are not known.
    """
    described = {name: _flatten(scores["run"]) for name, scores in versions.items()}
    latest = list(versions.values())[-1]["run"]
    rows = [
        {
            "run": number,
            "version": name,
            "adapter": scores["run"]["adapter"][:12],
            "verdict": scores["verdict"]["label"],
            "prompts": scores["prompts"],
            "groups": scores.get("groups", scores["prompts"]),
            "differs": _name_differences(described[name], list(described.values())),
            "comparable": all(
                scores["run"][key] == latest[key] for key in ("prompts", "generation")
            ),
            **_pick(scores["metrics"]),
        }
        for number, (name, scores) in enumerate(versions.items(), start=1)
    ]
    return pd.DataFrame(rows)


def _pick(metrics: dict[str, Any]) -> dict[str, float | None]:
    picked: dict[str, float | None] = {}
    for metric in COMPARED:
        if metric.name in metrics:
            found = metrics[metric.name]
            low, high = found["interval"] or (None, None)
            values = {"base": found["base"], "tuned": found["tuned"], "low": low, "high": high}
            picked |= {f"{metric.name}_{key}": value for key, value in values.items()}
    return picked


def _flatten(run: dict[str, Any]) -> dict[str, Any]:
    """Name the settings a run may differ in, a block's keys each for itself."""
    flat = {
        "base": run["base"]["name"],
        "examples": run["trained_on"]["count"],
        "examples' fingerprint": run["trained_on"]["sha256"][:8],
        "answers from": (run.get("engine") or {"name": "transformers"})["name"],
    }
    for key, value in {**run["recipe"], "generation": run["generation"]}.items():
        block = value if isinstance(value, dict) else {"": value}
        flat |= {f"{key}.{inner}".rstrip("."): one for inner, one in block.items()}
    return flat


def _name_differences(run: dict[str, Any], runs: list[dict[str, Any]]) -> str:
    keys = sorted({key for one in runs for key in one})
    differing = [key for key in keys if any(one.get(key) != runs[0].get(key) for one in runs)]
    return ", ".join(f"{key} {run.get(key)}" for key in differing) or "the same settings"


def draw_scores(scores: dict[str, Any]) -> go.Figure:
    """Draw base and tuned side by side, on a scale from 0 to 100."""
    shown = [
        one
        for one in METRICS
        if one.percent and one.better == "higher" and _is_measured(scores["metrics"].get(one.name))
    ]
    figure = go.Figure()
    for who, color in (("base", BASE_COLOR), ("tuned", TUNED_COLOR)):
        values = [scores["metrics"][one.name][who] for one in shown]
        figure.add_bar(
            x=[one.label for one in shown],
            y=values,
            name=who,
            marker_color=color,
            text=[f"{value:.0f}" for value in values],
            textposition="outside",
            cliponaxis=False,
        )
    figure.update_layout(barmode="group", yaxis_range=[0, 112])
    return style(figure, "Before and after", x="", y="score, 0 to 100")


def draw_categories(scores: dict[str, Any]) -> go.Figure:
    """Draw the difference in chrF by category, with its interval; all prompts come first.

    A category with too few prompts for an interval is an open circle.
    """
    compared = [("all", scores["metrics"]), *scores["categories"].items()]
    found = [(name, one["chrf"]) for name, one in compared if _is_measured(one.get("chrf"))]
    figure = go.Figure()
    names = [name for name, _ in found]
    _add_differences(figure, names, [one for _, one in found], "chrF", TUNED_COLOR, "circle")
    few = any(one["interval"] is None for _, one in found)
    title = "Gain in chrF by category" + (" (open circle: too few prompts to tell)" if few else "")
    return style(figure, title, x="", y=DIFFERENCE)


def draw_versions(comparison: pd.DataFrame, metrics: Sequence[Metric] = METRICS) -> go.Figure:
    """Draw the differences of every comparable run, with their intervals.

    Of `metrics` those that decide the verdict are drawn, however many there are.
    """
    figure = go.Figure()
    rows = comparison[comparison["comparable"]]
    counting = [one for one in metrics if one.decides_verdict]
    looks = islice(cycle(product(SYMBOLS, COLORS)), len(counting))
    for metric, (symbol, color) in zip(counting, looks, strict=True):
        if f"{metric.name}_tuned" not in rows:
            continue
        there = rows.dropna(subset=[f"{metric.name}_base", f"{metric.name}_tuned"])
        found = [
            {
                "difference": row[f"{metric.name}_tuned"] - row[f"{metric.name}_base"],
                "interval": _read_interval(row, metric.name),
            }
            for row in there.to_dict("records")
        ]
        names = [f"run {number}" for number in there["run"]]
        _add_differences(figure, names, found, metric.label, color, symbol)
    figure.update_layout(scattermode="group")
    return style(figure, "Runs compared", x="", y=DIFFERENCE)


def _is_measured(found: dict[str, Any] | None) -> bool:
    return found is not None and found["difference"] is not None


def _read_interval(row: dict[Any, Any], metric: str) -> list[float] | None:
    ends = [row[f"{metric}_low"], row[f"{metric}_high"]]
    return None if any(pd.isna(end) for end in ends) else ends


def _add_differences(
    figure: go.Figure,
    names: list[str],
    found: list[dict[str, Any]],
    label: str,
    color: str,
    symbol: str,
) -> None:
    differences = [one["difference"] for one in found]
    lengths = [
        (None, None)
        if one["interval"] is None
        else (one["interval"][1] - one["difference"], one["difference"] - one["interval"][0])
        for one in found
    ]
    figure.add_scatter(
        x=names,
        y=differences,
        name=label,
        mode="markers",
        marker={
            "size": 10,
            "color": color,
            "symbol": [symbol if one["interval"] else f"{symbol}-open" for one in found],
        },
        error_y={
            "type": "data",
            "array": [up for up, _ in lengths],
            "arrayminus": [down for _, down in lengths],
        },
    )
    figure.add_hline(y=0, line={"color": BASE_COLOR, "width": 1})
