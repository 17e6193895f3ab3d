"""The commands `run`, `settings`, `new-use-case`, `chat`, `status`, `storage`; their problems."""

import logging
import re
import sys
from collections.abc import Callable
from copy import copy
from functools import partial
from pathlib import Path
from typing import Any

import click
from kedro.framework.cli.project import run as kedro_run
from kedro.framework.cli.utils import env_option
from kedro.framework.project import pipelines
from yaml import YAMLError

from tuneline.errors import Problem, TunelineError, suggest
from tuneline.hooks import FORCE
from tuneline.use_cases import MAIN_USE_CASE, check_use_case, find_project
from tuneline.user_errors import UserErrorCommand
from tuneline.utils.terminal import show

log = logging.getLogger(__name__)

# Where a question begins in --params. It goes on to the end, whatever signs are in it.
QUESTION = re.compile(r"(?:^|,)\s*question=")
# What OmegaConf would take for a reference to another parameter.
REFERENCE = re.compile(r"(\\*)\$\{")


class RunCommand(UserErrorCommand):
    """The `run` command, which knows the names of all pipelines before it starts."""

    def check(self, ctx: click.Context) -> None:
        """Refuse names of pipelines that there are not, too."""
        super().check(ctx)
        _check_pipeline_names(ctx)


def take_question(
    split: Callable[..., Any], ctx: click.Context, param: click.Parameter, value: Any
) -> Any:
    """Read `--params`; everything after `question=` is the question, with its commas.

    What is before it goes Kedro's own way, `split`.
    """
    found = QUESTION.search(value) if isinstance(value, str) else None
    if found is None:
        try:
            return split(ctx, param, value)
        except YAMLError as error:
            raise click.BadParameter(
                f"{show(value)}: a value is no YAML; it could be read in no way; put it in quotes "
                "within quotes, or state it in conf/local",
                ctx,
                param,
            ) from error
    question = REFERENCE.sub(r"\1\1\\${", value[found.end() :])
    return {**split(ctx, param, value[: found.start()]), "question": question}


def _list_run_options() -> list[click.Parameter]:
    options = [copy(option) for option in kedro_run.params]
    for option in options:
        if option.name == "params" and option.callback:
            option.callback = partial(take_question, option.callback)
    return [*options, FORCE_OPTION]


def _note_force(ctx: click.Context, _param: click.Parameter, value: bool) -> None:
    """Keep it where hooks find it: Kedro's own run knows no such option."""
    ctx.meta[FORCE] = value


FORCE_OPTION = click.Option(
    ["--force"],
    is_flag=True,
    expose_value=False,
    callback=_note_force,
    help="Run a stage although it is up to date.",
)


@click.group(name="tuneline")
def cli() -> None:
    """Hold Tuneline's commands, which replace or complete Kedro's."""


cli.add_command(
    RunCommand(
        name="run",
        callback=kedro_run.callback,
        params=_list_run_options(),
        help="Run a pipeline; without --pipeline, the main use case from raw text to report.",
        context_settings=kedro_run.context_settings,
    )
)


@cli.command(name="new-use-case", cls=UserErrorCommand)
@click.argument("name")
@click.argument("path", type=click.Path(path_type=Path))
@click.option("--prompt-column", help="The column of what is asked; guessed if it is left out.")
@click.option("--answer-column", help="The column of what is answered.")
@click.option("--template", help="The prompt over the columns, such as 'Describe {title}'.")
@click.option("--system", help="The system message: who the model is.")
@click.option("--sheet", help="The sheet of a workbook.")
@click.option(
    "--write-questions",
    is_flag=True,
    help="Have questions and answers written about a folder of documents.",
)
@click.option("--yes", is_flag=True, help="Write without a question, as without a terminal.")
def new_use_case(name: str, path: Path, yes: bool, **options: Any) -> None:
    """Make the use case NAME of PATH: CSV, XLSX, ODS, JSON, Parquet, or a folder of documents.

    On a terminal it shows rows as the model will see them, and writes after a yes.
    """
    from tuneline.new_use_case.create import check_name, write_use_case
    from tuneline.new_use_case.dialogue import settle_draft
    from tuneline.new_use_case.draft import Options

    project = find_project()
    check_name(name, project, pipelines)
    draft = settle_draft(name, path.expanduser(), Options(**options), project, asks=not yes)
    if draft is None:
        _print_line("Nothing was written.")
        return
    for written in write_use_case(draft, project):
        log.info("wrote %s", written)
    _print_line(f"Next: kedro run --pipeline={name}")
    _print_line(f"What else can be set: conf/base/{name}/parameters.yml, the lines marked with <-.")


@cli.command(cls=UserErrorCommand)
@click.argument("use_case", default=MAIN_USE_CASE)
@env_option
def chat(use_case: str, env: str | None) -> None:
    """Open a chat page on this machine: base and tuned model of USE_CASE side by side."""
    from tuneline.chat.page_server import open_chat

    open_chat(use_case, env, Path.cwd())


@cli.command(name="settings", cls=UserErrorCommand)
@click.argument("use_case", default=MAIN_USE_CASE)
@env_option
def settings(use_case: str, env: str | None) -> None:
    """Show every setting of USE_CASE on a machine, and the file that states it."""
    from kedro.framework.session import KedroSession

    from tuneline.checks.merged_settings import list_settings

    check_use_case(use_case)
    with KedroSession.create(find_project(), env=env) as session:
        context: Any = session.load_context()  # type: ignore[attr-defined]
    choices = context.catalog.load(f"{use_case}.earlier_choices")
    rows = list_settings(context.config_loader, use_case, choices)
    widths = [max(len(row.key) for row in rows), max(len(row.value) for row in rows)]
    for row in rows:
        _print_line(f"{row.key:<{widths[0]}}  {row.value:<{widths[1]}}  {row.source}")


@cli.command(name="status", cls=UserErrorCommand)
@env_option
def status(env: str | None) -> None:
    """Show how far every use case is, what is out of date, and what to type next."""
    from tuneline.status.command import show_status

    show_status(find_project(), env, _print_line)


@cli.command(name="storage", cls=UserErrorCommand)
@env_option
@click.option("--clean", is_flag=True, help="Show what storage.clean lets go.")
@click.option("--yes", is_flag=True, help="With --clean: remove it.")
def storage(env: str | None, clean: bool, yes: bool) -> None:
    """Show what fills the disks; clean the hub's cache and the project's own data."""
    if yes and not clean:
        raise click.UsageError("--yes goes with --clean.")
    from tuneline.storage.command import ProjectStorage

    project = ProjectStorage(Path.cwd(), env, _print_line)
    if clean:
        project.clean(yes)
    else:
        project.show()


def _print_line(line: str) -> None:
    click.echo(show(line, line_break="\\n"), file=sys.stdout)


def _check_pipeline_names(ctx: click.Context) -> None:
    asked = [name for name in [*(ctx.params["pipelines"] or []), ctx.params["pipeline"]] if name]
    unknown = [_name_unknown(name) for name in asked if name not in pipelines]
    if unknown or _have_same_names(asked):
        raise TunelineError(*(unknown or [_name_several(asked)]))


def _have_same_names(asked: list[str]) -> bool:
    nodes = {node for name in asked for node in pipelines[name].nodes}
    return len({node.name for node in nodes}) < len(nodes)


def _name_unknown(name: str) -> Problem:
    return Problem(
        where="--pipeline",
        value=name,
        wrong="there is no such pipeline",
        matters="nothing was run",
        remedy=f"{suggest(name, pipelines)} (`kedro registry list` lists them all)",
    )


def _name_several(asked: list[str]) -> Problem:
    return Problem(
        where="--pipelines",
        value=", ".join(asked),
        wrong="these are stages of several use cases",
        matters="nodes of one name would be run together",
        remedy="run one use case after the other, or `--pipeline=all`",
    )
