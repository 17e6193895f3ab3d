"""How far a use case is, what of it is out of date and why, and what to do next.

Every stage has recorded what it was made of. That is compared with the settings, the examples and
the adapter of today; the base model's weights are not read.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from tuneline.errors import TunelineError
from tuneline.models.fingerprints import (
    Difference,
    RunInputs,
    counts_for_plan,
    counts_for_run,
    describe_hardware,
    describe_preparation,
    find_changed_keys,
    hash_prompts,
)
from tuneline.parameters import Hardware, UseCase
from tuneline.parameters.base import AUTO, flatten
from tuneline.prompts import list_prompts
from tuneline.use_cases import DEFAULT_ENVIRONMENT, MAIN_USE_CASE, OPTIONAL_STAGES
from tuneline.utils.terminal import shorten

# The way from raw data to report; the others are shown where they were run.
CHAIN = ("synthesize", "prepare", "plan", "train", "evaluate", "rubric")
STAGES = (*CHAIN, "sweep", "merge", "publish")
# Characters of a value that a reason shows, and reasons that are named.
SHOWN, NAMED = 24, 3
QUESTION = '--params=question="Your question"'


@dataclass(frozen=True)
class Stage:
    """A stage of a use case.

    Attributes:
        name: as `--pipeline` takes it.
        made: when its last file was written, in seconds since 1970; None if it was not run.
        machine: that ran it, where it is recorded.
        outdated: why it is out of date.
        damaged: files of it that cannot be read.
        running: who runs it now.
    """

    name: str
    made: float | None
    machine: str | None
    outdated: list[str]
    damaged: list[str]
    running: str | None

    @property
    def is_through(self) -> bool:
        """Tell whether nothing has to be done about it."""
        return self.made is not None and not (self.outdated or self.damaged or self.running)


@dataclass(frozen=True)
class State:
    """A use case.

    Attributes:
        name: of the use case.
        title: for people.
        stages: in their order.
        verdict: of the last evaluation: `label`, `summary`, `notes`; None before it.
        command: to type next; None while a run is at work.
        records: of the stages, as they were read.
        links: pages and tables by a word, from the folder of all data.
    """

    name: str
    title: str
    stages: list[Stage]
    verdict: dict[str, Any] | None
    command: str | None
    records: dict[str, Any]
    links: dict[str, str]

    @property
    def is_running(self) -> bool:
        """Tell whether a run is at work."""
        return any(stage.running for stage in self.stages)


def find_state(
    name: str, found: dict[str, Any], settings: UseCase, hardware: Hardware, options: str = ""
) -> State:
    """Find out how far a use case is.

    A stage is out of date if what it was made of is not what is there today. `options` are those of
    the next command, such as `--env=colab_free`.
    """
    stages = [
        Stage(
            name=stage,
            made=found["made"].get(stage),
            machine=_name_machine(stage, found["records"].get(stage, {})),
            outdated=list(_find_outdated(stage, found, settings, hardware)),
            damaged=found["damaged"].get(stage, []),
            running=found["running"].get(stage),
        )
        for stage in STAGES
        if _is_shown(stage, found, settings)
    ]
    scores = found["records"].get("evaluate", {})
    return State(
        name=name,
        title=settings.evaluation.title,
        stages=stages,
        verdict=scores.get("verdict"),
        command=_find_command(name, stages, options),
        records=found["records"],
        links=found["links"],
    )


def _is_shown(stage: str, found: dict[str, Any], settings: UseCase) -> bool:
    if stage in OPTIONAL_STAGES:
        return _states(settings, OPTIONAL_STAGES[stage])
    if stage == "publish":
        return found["records"].get(stage, {}).get("dry_run") is False
    return stage in CHAIN or stage in found["made"]


def _states(settings: UseCase, block: str) -> bool:
    value: Any = settings
    for key in block.split("."):
        value = getattr(value, key, None)
    return value is not None


def _name_machine(stage: str, record: dict[str, Any]) -> str | None:
    inputs = record.get("run" if stage == "evaluate" else "inputs", {})
    return (inputs.get("hardware") or {}).get("name")


def _find_outdated(
    stage: str, found: dict[str, Any], settings: UseCase, hardware: Hardware
) -> Iterator[str]:
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
    then, now = flatten(record["inputs"]), flatten(blocks)
    keys = sorted(key for key in then.keys() | now.keys() if then.get(key) != now.get(key))
    yield from _name_changes([Difference(key, then.get(key), now.get(key)) for key in keys])


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
    if run["generation"] != settings.evaluation.generation:
        then, now = flatten(run["generation"]), flatten(settings.evaluation.generation)
        keys = sorted(key for key in then.keys() | now.keys() if then.get(key) != now.get(key))
        yield from _name_changes(
            [
                Difference(f"evaluation.generation.{key}", then.get(key), now.get(key))
                for key in keys
            ]
        )
    try:
        rows = list_prompts(found["test"], settings.prompt, settings.evaluation)
    except TunelineError:
        return  # the stage before it is damaged, or has held nothing out
    if run["prompts"] != hash_prompts(rows):
        yield "the test prompts are others"


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


def _find_command(use_case: str, stages: list[Stage], options: str) -> str | None:
    """Find the command to type next: the first stage of the chain that is not through."""
    if any(stage.running for stage in stages):
        return None
    chain = [stage for stage in stages if stage.name in CHAIN]
    main = use_case == MAIN_USE_CASE
    if not any(stage.made for stage in chain):
        return _join("kedro run" if main else f"kedro run --pipeline={use_case}", options)
    prefix = "" if main else f"{use_case}."
    left = [stage.name for stage in chain if not stage.is_through]
    if left:
        return _join(f"kedro run --pipeline={prefix}{left[0]}", options)
    return _join(f"kedro run --pipeline={prefix}ask", options, QUESTION)


def name_options(environment: str) -> str:
    """Name the options of a command for a machine: none for the default one."""
    return "" if environment == DEFAULT_ENVIRONMENT else f"--env={environment}"


def _join(*words: str) -> str:
    return " ".join(filter(None, words))
