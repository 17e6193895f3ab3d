"""The command `kedro status`: how far every use case is, and what to type next."""

from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from shutil import get_terminal_size
from textwrap import wrap
from typing import Any

from kedro.framework.session import KedroSession

from tuneline.parameters import Hardware, UseCase
from tuneline.pipelines.overview.state import Stage, State, find_state, name_options
from tuneline.reporting.stage_records import read_stages
from tuneline.use_cases import CROSS_FIT, DEFAULT_ENVIRONMENT, MAIN_USE_CASE, list_use_cases

LABEL_WIDTH = 13
INDENT = "  "


def show_status(project: Path, env: str | None, print_line: Callable[[str], Any]) -> None:
    """Show the state of every use case on a machine."""
    with KedroSession.create(project, env=env) as session:
        context: Any = session.load_context()  # type: ignore[attr-defined]
        loader = context.config_loader
        parameters, data = loader["parameters"], project / loader["globals"]["data"]
    options = name_options(loader.env or DEFAULT_ENVIRONMENT)
    hardware = Hardware.model_validate(parameters["hardware"])
    width = get_terminal_size().columns
    for use_case in list_use_cases():
        settings = UseCase.model_validate(parameters[use_case])
        state = find_state(use_case, read_stages(data, use_case), settings, hardware, options)
        for line in describe_state(state, datetime.now(), width):
            print_line(line)


def describe_state(state: State, now: datetime, width: int) -> Iterator[str]:
    """Describe a use case for a terminal; a time of today is written without its date.

    Yields:
        Lines: its name with the verdict; the stages that were run, when and where; what is out of
        date, damaged or running; the next command, which is never broken. One line where nothing
        was run.
    """
    if not any(_has_news(stage) for stage in state.stages):
        yield f"{state.name}: {_name_verdict(state)}; next: {state.command}"
        return
    yield f"{state.name}: {_name_verdict(state)}"
    through = [stage for stage in state.stages if stage.made is not None]
    if through:
        yield from _write("through", _join_stages(through, now), width)
    for stage in state.stages:
        for label, reasons in (("out of date", stage.outdated), ("damaged", stage.damaged)):
            if reasons:
                yield from _write(label, f"{stage.name}: {'; '.join(reasons)}", width)
    running = [stage for stage in state.stages if stage.running]
    if running:
        names = ", ".join(stage.name for stage in running)
        yield from _write("running", f"{names} ({running[0].running})", width)
    if state.command:
        yield f"{INDENT}{'next':<{LABEL_WIDTH}}{state.command}"


def _has_news(stage: Stage) -> bool:
    return bool(stage.made or stage.outdated or stage.damaged or stage.running)


def _name_verdict(state: State) -> str:
    if state.verdict:
        return str(state.verdict["label"])
    if any(stage.made for stage in state.stages):
        return "not evaluated yet"
    return "running" if state.is_running else "not run yet"


def _join_stages(stages: list[Stage], now: datetime) -> str:
    """List the stages with their times; those of one machine together."""
    words: list[str] = []
    for place, stage in enumerate(stages):
        following = stages[place + 1].machine if place + 1 < len(stages) else None
        last = stage.machine and stage.machine != following
        machine = f" on {stage.machine}" if last else ""
        words.append(f"{stage.name} {format_time(stage.made or 0, now)}{machine}")
    return ", ".join(words)


def format_time(made: float, now: datetime) -> str:
    """Write when something was made: the time of today, else the day."""
    when = datetime.fromtimestamp(made)
    if when.date() == now.date():
        return f"{when:%H:%M}"
    return f"{when:%Y-%m-%d}"


def _write(label: str, text: str, width: int) -> list[str]:
    return wrap(
        text,
        max(40, width),
        initial_indent=f"{INDENT}{label:<{LABEL_WIDTH}}",
        subsequent_indent=" " * (len(INDENT) + LABEL_WIDTH),
        break_on_hyphens=False,
        break_long_words=False,  # a path stays one that can be copied
    )


def list_commands(use_case: str, steps: list[dict[str, Any]], env: str) -> list[str]:
    """List the two commands to try next.

    One asks both models; the other is for a file of one's own, or, where the use case is one
    already, for the first advised change that can be typed, or else for the merge.
    """
    machine = "" if env == DEFAULT_ENVIRONMENT else f" --env={env}"
    is_main = use_case == MAIN_USE_CASE
    prefix = "" if is_main else f"{use_case}."
    question = "Blue teapot, 1 liter" if is_main else "…"
    ask = f'kedro run --pipeline={prefix}ask{machine} --params=question="{question}"'
    if is_main:
        return [ask, "kedro new-use-case my_texts my_texts.csv"]
    # A number of folds counts in conf/base alone.
    typed = (step for step in steps if step["value"] is not None and step["key"] != CROSS_FIT)
    changed = next(typed, None)
    if changed is None:
        return [ask, f"kedro run --pipeline={prefix}merge{machine}"]
    change = f"--params={prefix}{changed['key']}={changed['value']}"
    return [ask, f"kedro run --pipeline={use_case}{machine} {change}"]
