"""The commands `kedro run` and `kedro new-use-case`; problems are sentences, not tracebacks."""

import logging
import re
from pathlib import Path

import click
import yaml
from kedro.config import MissingConfigException
from kedro.framework.cli.project import run as kedro_run
from kedro.framework.project import pipelines
from kedro.io import DatasetError
from kedro.validation import ParameterValidationError

from tuneline.errors import Problem, TunelineError, suggest

log = logging.getLogger(__name__)

# How Kedro names a file that is no YAML; its line counts from 0.
KEDROS_FILE = re.compile(r"file (.+), unable to read line")

# What a user can mend. Anything else is a fault of ours and keeps its traceback.
MENDABLE = (DatasetError, MissingConfigException, ParameterValidationError)


class SentenceCommand(click.Command):
    """A command whose mendable errors end it with a sentence and exit status 1."""

    def invoke(self, ctx: click.Context) -> object:
        """Run the command.

        Raises:
            click.ClickException: for an error the user can mend; click shows its message only.
        """
        try:
            self.check(ctx)
            return super().invoke(ctx)
        except MENDABLE as error:
            log.debug("The run failed.", exc_info=error)
            raise click.ClickException(str(error).strip()) from error
        except yaml.MarkedYAMLError as error:
            raise click.ClickException(str(_word_syntax_error(error))) from error

    def check(self, ctx: click.Context) -> None:
        """Look at the arguments before the command runs; a subclass says for what."""


class RunCommand(SentenceCommand):
    """The `run` command, which knows the names of all pipelines before it starts."""

    def check(self, ctx: click.Context) -> None:
        """Refuse names of pipelines that there are not."""
        _check_pipeline_names(ctx)


@click.group(name="tuneline")
def cli() -> None:
    """Hold Tuneline's commands, which replace or complete Kedro's."""


cli.add_command(
    RunCommand(
        name="run",
        callback=kedro_run.callback,
        params=kedro_run.params,
        help="Run a pipeline; without --pipeline, the main use case from raw text to report.",
        context_settings=kedro_run.context_settings,
    )
)


@cli.command(name="new-use-case", cls=SentenceCommand)
@click.argument("name")
@click.argument("raw", type=click.Path(path_type=Path))
def new_use_case(name: str, raw: Path) -> None:
    """Write a commented starting folder for the use case NAME from the CSV file RAW."""
    from tuneline.new_use_case import create_use_case

    for path in create_use_case(name, raw, Path.cwd()):
        log.info("wrote %s", path)
    log.info(
        "Look at the lines marked with <- in conf/base/%s/parameters.yml, then: "
        "kedro run --pipeline=%s",
        name,
        name,
    )


def _word_syntax_error(error: yaml.MarkedYAMLError) -> Problem:
    """Say where YAML cannot be read. Kedro names the file and keeps what it met as the cause."""
    met = error.__cause__ if isinstance(error.__cause__, yaml.MarkedYAMLError) else error
    named = KEDROS_FILE.search(str(error))
    mark = met.problem_mark
    file = named[1] if named else mark.name if mark and mark.name != "<file>" else "a file in conf"
    return Problem(
        where=f"{file}, line {mark.line + 1}" if mark else file,
        wrong=f"it cannot be read as YAML ({met.problem})",
        matters="no command can read the settings",
        remedy="put a text that holds one of `: # ? [ ] { } ,` into double quotes, indent with "
        "spaces only, and state each key once",
    )


def _check_pipeline_names(ctx: click.Context) -> None:
    asked = [*(ctx.params["pipelines"] or []), ctx.params["pipeline"]]
    unknown = [name for name in asked if name and name not in pipelines]
    if unknown:
        raise TunelineError(
            *(
                Problem(
                    where="--pipeline",
                    value=name,
                    wrong="there is no such pipeline",
                    matters="nothing was run",
                    remedy=f"{suggest(name, pipelines)} (`kedro registry list` lists them all)",
                )
                for name in unknown
            )
        )
