"""Which stages are out of date: made of other settings, examples or files than those of today."""

from collections.abc import Callable, Iterator
from typing import Any

from tuneline.errors import TunelineError
from tuneline.models.fingerprints import describe_hardware, describe_preparation, hash_prompts
from tuneline.models.run_differences import (
    Difference,
    RunInputs,
    counts_for_plan,
    counts_for_run,
    find_changed_keys,
)
from tuneline.parameters import Hardware, UseCase
from tuneline.parameters.base import AUTO, flatten
from tuneline.prompts import list_prompts
from tuneline.utils.terminal import shorten

# Characters of a value that a reason shows, and reasons that are named.
SHOWN, NAMED = 24, 3


def find_outdated(
    stage: str, found: dict[str, Any], settings: UseCase, hardware: Hardware
) -> Iterator[str]:
    """Find out in what a stage is out of date; nothing, if it is not."""
    if stage not in found["made"]:
        return
    yield from _list_newer(stage, found, settings)
    record = found["records"].get(stage)
    if record is None:
        return
    if stage == "prepare":
        yield from _compare_preparation(record, settings)
    elif stage == "plan":
        yield from _compare_run(record, found, settings, hardware, counts_for_plan)
    elif stage == "train":
        yield from _compare_run(record, found, settings, hardware, counts_for_run)
        if not found["adapter"]:
            yield "its adapter is gone"
    elif stage == "evaluate":
        yield from _compare_evaluation(record, found, settings)


def _list_newer(stage: str, found: dict[str, Any], settings: UseCase) -> Iterator[str]:
    """Say what a stage reads that is newer than what it has written."""
    inputs = {
        "synthesize": {"the raw data are": "raw"},
        "prepare": {
            "the raw data are": "synthesized" if settings.synthesize else "raw",
            **({"the feedback is": "feedback"} if settings.data.feedback else {}),
        },
    }
    for words, kind in inputs.get(stage, {}).items():
        if (found[kind] or 0) > found["made"][stage]:
            yield f"{words} newer"


def _compare_preparation(record: dict[str, Any], settings: UseCase) -> Iterator[str]:
    if "inputs" not in record:
        return
    blocks = describe_preparation(
        settings.data, settings.prompt, settings.evaluation, settings.recipe.start_from
    )
    yield from _name_changes(_list_changes(record["inputs"], blocks))


def _compare_run(
    record: dict[str, Any],
    found: dict[str, Any],
    settings: UseCase,
    hardware: Hardware,
    counts: Callable[[str], bool],
) -> Iterator[str]:
    """Compare what a plan or a training was made of with what is there today."""
    if "inputs" not in record:
        return
    recipe, recorded = settings.recipe, record["inputs"]["recipe"]["settings"]
    replays = "replay" in record["inputs"].get("examples", {})
    if replays != (settings.data.replay > 0):
        yield f"data.replay is {settings.data.replay:g} today"
    now: RunInputs = {
        "examples": {split: {"sha256": sha} for split, sha in found["examples"].items()},
        # What is left to the plan is what the plan has chosen.
        "recipe": {"settings": recipe.fill({**flatten(recorded), **recorded})},
        "hardware": describe_hardware(hardware),
    }
    changes = [one for one in find_changed_keys(record["inputs"], now, counts) if one.now != AUTO]
    base = record["inputs"]["base"]["name"]
    if counts is counts_for_run and base != recipe.base_model:
        changes.append(Difference("recipe.base_model", base, recipe.base_model))
    start = record["inputs"].get("recipe", {}).get("settings", {}).get("start_from")
    if start != recipe.start_from:  # which folder it is in is no part of a run, but which adapter
        changes.append(Difference("recipe.start_from", start, recipe.start_from))
    name = next((one for one in changes if one.name == "hardware.name"), None)
    if name:  # then every other key of it differs by right
        yield f"it was made for {name.recorded}, this is {name.now}"
        changes = [one for one in changes if not one.name.startswith("hardware.")]
    yield from _name_changes(changes)


def _compare_evaluation(
    scores: dict[str, Any], found: dict[str, Any], settings: UseCase
) -> Iterator[str]:
    run, training = scores["run"], found["records"].get("train", {})
    if training and run["adapter"] != training["adapter"]:
        yield "it judged another adapter"
    generation = settings.evaluation.generation
    yield from _name_changes(_list_changes(run["generation"], generation, "evaluation.generation."))
    try:
        rows = list_prompts(found["test"], settings.prompt, settings.evaluation)
    except TunelineError:
        return  # the stage before it is damaged, or has held nothing out
    if run["prompts"] != hash_prompts(rows):
        yield "the test prompts are others"


def _list_changes(
    recorded: dict[str, Any], today: dict[str, Any], above: str = ""
) -> list[Difference]:
    then, now = flatten(recorded, above), flatten(today, above)
    keys = sorted(key for key in then.keys() | now.keys() if then.get(key) != now.get(key))
    return [Difference(key, then.get(key), now.get(key)) for key in keys]


def _name_changes(changes: list[Difference]) -> Iterator[str]:
    """Say what has changed; of fingerprints, only that they have."""
    for one in changes[:NAMED]:
        if one.name.endswith("examples"):
            yield f"the {one.name} are others"
        else:
            yield f"{one.name} was {_show(one.recorded)} and is {_show(one.now)}"
    if len(changes) > NAMED:
        yield f"{len(changes) - NAMED} more settings differ"


def _show(value: Any) -> str:
    return shorten("not stated" if value is None else value, SHOWN)
