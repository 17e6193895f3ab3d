"""The `kedro run` command, with problems shown as sentences instead of tracebacks."""

import logging

import click
from kedro.config import MissingConfigException
from kedro.framework.cli.project import run as kedro_run
from kedro.framework.project import pipelines
from kedro.io import DatasetError
from kedro.validation import ParameterValidationError

from tuneline.errors import Problem, TunelineError, suggest

log = logging.getLogger(__name__)

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
            _check_pipeline_names(ctx)
            return super().invoke(ctx)
        except MENDABLE as error:
            log.debug("The run failed.", exc_info=error)
            raise click.ClickException(str(error).strip()) from error


@click.group(name="tuneline")
def cli() -> None:
    """Hold Tuneline's commands, which replace or complete Kedro's."""


cli.add_command(
    SentenceCommand(
        name="run",
        callback=kedro_run.callback,
        params=kedro_run.params,
        help="Run a pipeline; without --pipeline, the main use case from raw text to report.",
        context_settings=kedro_run.context_settings,
    )
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
