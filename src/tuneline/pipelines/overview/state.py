"""How far a use case is, what of it is out of date and why, and what to do next.

Every stage has recorded what it was made of. That is compared with the settings, the examples and
the adapter of today; the base model's weights are not read.
"""

from dataclasses import dataclass
from typing import Any

from tuneline.parameters import Hardware, UseCase
from tuneline.pipelines.overview.outdated import find_outdated
from tuneline.use_cases import DEFAULT_ENVIRONMENT, MAIN_USE_CASE, OPTIONAL_STAGES

# The way from raw data to report; the others are shown where they were run.
CHAIN = ("synthesize", "prepare", "plan", "train", "evaluate", "rubric")
STAGES = (*CHAIN, "sweep", "merge", "publish")
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
            outdated=list(find_outdated(stage, found, settings, hardware)),
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
