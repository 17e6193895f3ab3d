"""The run card: whether a run is ready, and in a few lines what it takes and what it can show."""

from collections.abc import Iterator
from dataclasses import dataclass
from textwrap import wrap
from typing import Any

from tuneline.reporting.pages import count_prompts, format_number

LABEL_WIDTH = 10


@dataclass(frozen=True)
class Line:
    """A line of the card: what it is about, what it says, and what that rests on."""

    label: str
    text: str
    note: str = ""


def list_card(plan: dict[str, Any]) -> list[Line]:
    """List the lines of the card."""
    return [
        Line("time", _format_times(plan["time"]), "; ".join(_list_bases(plan["time"]))),
        *_list_start(plan),
        *_list_folds(plan),
        Line("cost", _format_cost(plan["time"])),
        Line("memory", *_format_memory(plan["memory_gb"])),
        *_list_gpus(plan),
        Line("weights", *_format_quantization(plan["quantization"])),
        Line("disk", _format_disk(plan["disk"])),
        Line("download", _format_download(plan)),
        Line("test", *_format_evidence(plan["evidence"])),
    ]


def _list_start(plan: dict[str, Any]) -> Iterator[Line]:
    if found := plan["resolved"].get("start"):
        yield Line("start", f"{found}; the report compares base, old and new")


def _list_folds(plan: dict[str, Any]) -> Iterator[Line]:
    if found := plan.get("cross_fit"):
        yield Line(
            "folds",
            f"{found['adapters']} more adapters, {found['steps']:,} steps: each is asked the rows "
            "that it was not trained on",
        )


def _list_gpus(plan: dict[str, Any]) -> Iterator[Line]:
    if found := plan.get("sharding"):
        where = "divided among" if found["divided"] else "whole on each of"
        yield Line("model", f"{where} {found['processes']} GPUs", found["summary"])


def name_readiness(plan: dict[str, Any]) -> str:
    """Say whether the run can start."""
    return "Not ready" if plan["verdict"]["label"] == "does not fit" else "Ready"


def write_card(plan: dict[str, Any], width: int) -> Iterator[str]:
    """Write the card for a terminal; the first line says whether the run is ready."""
    yield f"Plan: {name_readiness(plan)}"
    yield from wrap(plan["verdict"]["summary"], max(20, width))
    indent = " " * LABEL_WIDTH
    for line in list_card(plan):
        start = line.label.ljust(LABEL_WIDTH)
        for text in filter(None, (line.text, line.note)):
            yield from wrap(text, max(30, width), initial_indent=start, subsequent_indent=indent)
            start = indent


def _format_times(time: dict[str, Any]) -> str:
    training, evaluation = (_format_part(time[name]) for name in ("training", "evaluation"))
    folds = f", of the folds {_format_part(time['cross_fit'])}" if "cross_fit" in time else ""
    parts = f"training {training}{folds}, evaluation {evaluation}"
    if time["seconds"] is None:
        return parts
    return f"about {format_duration(time['seconds'])}: {parts}"


def _format_part(part: dict[str, Any]) -> str:
    if part["seconds"] is None:
        return "not known"
    most = "at most " if part["at_most"] else ""
    return f"{most}{format_duration(part['seconds'])}"


def _list_bases(time: dict[str, Any]) -> Iterator[str]:
    """Name what the minutes rest on, once where both rest on the same."""
    training, evaluation = time["training"], time["evaluation"]
    rate = training["tokens_per_second"]
    speed = f", {format_number(rate, 0)} tokens/s" if rate else ""
    if evaluation["basis"] == training["basis"]:
        yield f"{training['basis']}{speed}"
        return
    yield f"training: {training['basis']}{speed}"
    yield f"evaluation: {evaluation['basis']}"


def format_duration(seconds: float) -> str:
    """Write a duration for people: 40 s, 12 min, 3 h 20 min."""
    if round(seconds) < 60:
        return f"{max(1, round(seconds))} s"
    minutes = round(seconds / 60)
    if minutes < 60:
        return f"{minutes} min"
    return f"{minutes // 60:,} h {minutes % 60} min"


def _format_cost(time: dict[str, Any]) -> str:
    if time["cost"] is not None:
        return f"{format_number(time['cost'], 2)} {time['currency']}"
    if time["seconds"] is None:
        return "not known, as the time"
    return "not known: hardware.price_per_hour is not stated"


def _format_memory(memory: dict[str, float]) -> tuple[str, str]:
    text = f"{format_number(memory['total'], 1)} of {format_number(memory['device'], 1)} GB"
    if memory["worst_case"] <= memory["device"] or memory["total"] > memory["device"]:
        return text, ""
    most = format_number(memory["worst_case"], 1)
    return text, f"up to {most} GB with much fragmentation: the measured first step decides"


def _format_quantization(found: dict[str, Any]) -> tuple[str, str]:
    """Say how the base model's weights are held, and what is recommended where it is the other."""
    stated, chosen = (found[key].replace("_", " ") for key in ("stated", "chosen"))
    advice = "" if stated == chosen else f"; recommended: {chosen} (recipe.quantization)"
    return f"{stated}{advice}", found["summary"]


def _format_disk(disk: list[dict[str, Any]]) -> str:
    needed = sum(place["needed_gb"] for place in disk)
    free = min(place["free_gb"] for place in disk)
    missing = [place["purpose"].replace("_", " ") for place in disk if not place["fits"]]
    words = f", too little for {', '.join(missing)}" if missing else ""
    return f"{format_number(needed, 1)} GB, {format_number(free, 1)} GB free{words}"


def _format_download(plan: dict[str, Any]) -> str:
    needed = next(one["needed_gb"] for one in plan["disk"] if one["purpose"] == "hub_cache")
    name = plan["inputs"]["base"]["name"]
    if not needed:
        return "nothing: the base model is on this machine"
    return f"{format_number(needed, 1)} GB: {name}"


def _format_evidence(evidence: dict[str, Any]) -> tuple[str, str]:
    basis = count_prompts(evidence["prompts"], evidence["groups"], "prompt")
    metrics = evidence["metrics"].values()
    shown = [one for one in metrics if one["detectable"] is not None]
    if not shown:
        return f"{basis}: too few to show any difference", "raise data.split.test"
    least, needed, spreads = (
        ", ".join(f"{format_number(one[key], places)} {one['label']}" for one in shown)
        for key, places in (("detectable", 1), ("needed", 0), ("spread", 0))
    )
    rests = "of the last evaluation" if evidence["measured"] else "assumed until one is measured"
    return (
        f"{basis} can show a difference of {least} points",
        f"with 80 % power; 2 points need, in prompts: {needed}. "
        f"Spread from prompt to prompt, {rests}: {spreads}",
    )
