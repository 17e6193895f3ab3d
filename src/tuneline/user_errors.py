"""Commands that end with a sentence where a user can fix what is wrong."""

import logging
import os
import sys
from pathlib import Path
from typing import Any

import click
from kedro.config import MissingConfigException
from kedro.io import DatasetError
from kedro.validation import ParameterValidationError

from tuneline.errors import Problem, TunelineError
from tuneline.use_cases import DEFAULT_ENVIRONMENT, find_project
from tuneline.utils.terminal import StopCommandError, end_children, show, stoppable

log = logging.getLogger(__name__)
# click shows what has ended a command; conf/logging.yml sends this to the file alone.
kept = logging.getLogger("tuneline.ended")
# What a user can fix. Anything else is a fault of ours and keeps its traceback.
USER_ERRORS = (DatasetError, MissingConfigException, ParameterValidationError)


class UserError(click.ClickException):
    """What has ended a command, in the encoding that the terminal is set to."""

    def show(self, file: Any = None) -> None:
        """Show it: click itself would write UTF-8 to a terminal that is set to ASCII."""
        super().show(file or sys.stderr)


class UserErrorCommand(click.Command):
    """A command whose user errors end it with a sentence and exit status 1."""

    def make_context(self, *args: Any, **kwargs: Any) -> click.Context:
        """Read what was typed, or pasted: click repeats what it does not know."""
        try:
            return super().make_context(*args, **kwargs)
        except click.UsageError as error:
            raise click.UsageError(show(error.format_message()), error.ctx) from error

    def invoke(self, ctx: click.Context) -> object:
        """Run the command.

        Raises:
            click.ClickException: for an error the user can fix; click shows its message only.
            click.exceptions.Exit: with status 130 or 143, if the command was stopped.
        """
        try:
            with stoppable():
                self.check(ctx)
                return super().invoke(ctx)
        except StopCommandError as stop:
            end_children()
            kept.error(str(stop))
            click.echo(str(stop), file=sys.stderr)
            raise click.exceptions.Exit(stop.status) from None
        except UnicodeEncodeError as error:
            raise _end(str(_format_unencodable(error))) from error
        except USER_ERRORS as error:
            if isinstance(error.__cause__, UnicodeEncodeError):
                raise _end(str(_format_unencodable(error.__cause__))) from error
            log.debug("The run failed.", exc_info=error)
            raise _end(str(error).strip()) from error
        except ValueError as error:
            if not str(error).startswith("Pipeline "):  # how Kedro refuses --nodes, --from-inputs …
                raise
            listed = "`kedro registry describe <pipeline>` lists what there is."
            raise _end(f"{str(error).strip()} {listed}") from error

    def check(self, ctx: click.Context) -> None:
        """Look at the files of `conf/` and at the arguments before the command runs."""
        from tuneline.checks.configuration_files import check_configuration

        check_encoding(Path.cwd())
        env = ctx.params.get("env") or os.environ.get("KEDRO_ENV") or DEFAULT_ENVIRONMENT
        check_configuration(find_project() / "conf", env, ctx.params.get("params") or {})


def check_encoding(folder: Path) -> None:
    """Refuse a folder whose name Python has read as bytes: many libraries cannot open it then.

    Raises:
        TunelineError: naming the folder.
    """
    try:
        str(folder).encode()
    except UnicodeEncodeError as error:
        raise TunelineError(_format_unencodable(error)) from error


def _format_unencodable(error: UnicodeEncodeError) -> Problem:
    return Problem(
        where=error.object,
        wrong="this name cannot be used in a terminal that is not set to UTF-8",
        matters="files could not be opened",
        remedy="say `export LC_ALL=C.UTF-8` (and `unset PYTHONUTF8`), then the same command",
    )


def _end(sentence: str) -> UserError:
    kept.error(sentence)
    return UserError(show(sentence))
