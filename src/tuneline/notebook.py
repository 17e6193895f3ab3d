"""The notebook as a screen: what its forms state, its commands, and what they have made.

Commands run in processes of their own, so that a GPU's memory is free again after each of them, and
a cell may be run again at any time.
"""

import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pandas as pd
import yaml
from IPython.display import display
from kedro.framework.session import KedroSession
from kedro.framework.startup import bootstrap_project

from tuneline.errors import Problem, TunelineError
from tuneline.new_use_case.preview import show_preview
from tuneline.pipelines.train.nodes import plot_losses
from tuneline.reporting.summary import Page, show
from tuneline.use_cases import list_use_cases

AS_CONFIGURED = "as configured"
MARK = "# Written by the forms of notebooks/colab.ipynb, and written anew by them.\n"
BETWEEN_QUESTIONS = "|"
CHARACTERS = 300  # of a table's cell
# What is shown after a stage.
RESULTS = {
    "prepare": ("rejected", "train", "leaks"),
    "plan": ("plan_page",),
    "train": ("epochs",),
    "evaluate": ("report",),
}
# Lines of the log that a loss is read from while a training runs.
LOSSES = {
    "loss": re.compile(r"Training: ([\d,]+) steps,.* loss ([\d.]+)"),
    "eval_loss": re.compile(r"step (\d+)/\d+  validation loss ([\d.]+)"),
}


class CommandFailedError(Exception):
    """A command failed; it has said why."""

    def _render_traceback_(self) -> list[str]:
        """Give IPython one line instead of a traceback."""
        return [str(self)]


class Screen:
    """A use case on a machine, as the forms state it.

    A new use case has a new name and a `file`; `base_model` is a hub id or a path, with anything
    after a blank, or `AS_CONFIGURED`; `questions` are divided by `|`; `hold_out` is 0 as
    configured.
    """

    def __init__(
        self,
        machine: str,
        use_case: str,
        file: str = "",
        base_model: str = AS_CONFIGURED,
        questions: str = "",
        hold_out: int = 0,
    ) -> None:
        self.machine, self.use_case, self.file = machine, use_case.strip(), file.strip()
        self.base_model, self.questions, self.hold_out = base_model, questions, hold_out

    def preview(self) -> Page | None:
        """Show five rows of the file as the model will see them, before anything is written."""
        if not self.file:
            click.echo(f"No file: the rows of {self.use_case} that are there.")
            return None
        return Page(show_preview(self.file))

    def apply(self) -> None:
        """Make the use case of the file, unless it is there, and state what the forms state.

        Raises:
            TunelineError: if a file with settings is in the way that the forms have not written.
            CommandFailedError: if the file cannot become a use case.
        """
        if self.file and self.use_case in list_use_cases():
            click.echo(f"{self.use_case} is there already; another file needs another name.")
        elif self.file:
            self._run("new-use-case", self.use_case, self.file, said=" wrote ")
        path = Path("conf/local", self.use_case, "parameters.yml")
        if path.exists() and not path.read_text(encoding="utf-8").startswith(MARK):
            raise TunelineError(
                Problem(
                    where=str(path),
                    wrong="somebody has written it, not the forms",
                    matters="what it states would be lost",
                    remedy="state it in conf/base, or move it away",
                )
            )
        stated = self._state()
        if stated:
            path.parent.mkdir(parents=True, exist_ok=True)
            text = yaml.safe_dump({self.use_case: stated}, allow_unicode=True, sort_keys=False)
            path.write_text(MARK + text, encoding="utf-8")
            click.echo(f"{path}:\n{text}")
        else:
            path.unlink(missing_ok=True)
            click.echo("All settings as configured.")

    def run(self, stage: str, *options: str) -> None:
        """Run a stage, and show what it has made.

        Raises:
            CommandFailedError: if it fails; its last lines say why.
        """
        curve = LossCurve() if stage == "train" else None
        name = f"--pipeline={self.use_case}.{stage}"
        self._run("run", name, f"--env={self.machine}", *options, curve=curve)
        for noun in RESULTS.get(stage, ()):
            self.show(noun)
        if curve is not None:
            curve.draw(self._load_catalog().load(f"{self.use_case}.training_log"))

    def ask(self, question: str) -> None:
        """Ask base and tuned model a question.

        Raises:
            CommandFailedError: if the command fails.
        """
        self.run("ask", f"--params=question={question}")

    def show(self, noun: str, rows: int = 8) -> None:
        """Display a dataset of the use case, such as `clean`; a line says so if it is not there."""
        catalog = self._load_catalog()
        if noun == "rejected":
            _display(_count_reasons(catalog, f"{self.use_case}.rejected"))
        found = show(catalog, f"{self.use_case}.{noun}", rows)
        if found is not None and not (isinstance(found, pd.DataFrame) and found.empty):
            _display(found)

    def _load_catalog(self) -> Any:
        bootstrap_project(Path.cwd())  # a use case may have come since
        session: Any = KedroSession.create(Path.cwd(), env=self.machine)
        return session.load_context().catalog

    def _state(self) -> dict[str, Any]:
        """Turn the forms into settings, and leave out what is as configured."""
        questions = [one.strip() for one in self.questions.split(BETWEEN_QUESTIONS)]
        model = self.base_model.split()[0] if self.base_model.strip() else ""
        stated: dict[str, Any] = {}
        if self.hold_out:
            stated["data"] = {"split": {"test": self.hold_out}}
        if model and self.base_model != AS_CONFIGURED:
            stated["recipe"] = {"base_model": model}
        if any(questions):
            stated["evaluation"] = {"questions": [one for one in questions if one]}
        return stated

    def _run(self, *words: str, curve: "LossCurve | None" = None, said: str = "") -> None:
        """Run a command; of what it prints, leave out lines without `said`, unless it fails."""
        click.echo(f"$ kedro {shlex.join(words)}")
        left_out: list[str] = []
        try:
            for line in _follow([sys.executable, "-m", "kedro", *words]):
                if said in line:
                    click.echo(line, nl=False)
                else:
                    left_out.append(line)
                if curve is not None:
                    curve.read(line)
        except CommandFailedError:
            click.echo("".join(left_out), nl=False)
            raise


def _display(shown: Any, **options: Any) -> Any:
    with pd.option_context("display.max_colwidth", CHARACTERS):
        return display(shown, **options)  # type: ignore[no-untyped-call]


def _follow(command: list[str]) -> Iterator[str]:
    """Yield what a command prints, line by line, and stop it if nobody listens any more."""
    with subprocess.Popen(  # noqa: S603
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
    ) as process:
        try:
            yield from process.stdout or ()
        except BaseException:  # the cell was interrupted
            process.terminate()
            raise
        if process.wait():
            raise CommandFailedError("The last message above says what to do.")


def _count_reasons(catalog: Any, name: str) -> pd.DataFrame:
    """Count rejected rows by reason, most first."""
    if not catalog.exists(name):
        return pd.DataFrame()
    counted = catalog.load(name).group_by("reason").len("rows").sort("rows", descending=True)
    found: pd.DataFrame = counted.collect().to_pandas()
    return found


class LossCurve:
    """A loss curve that moves while a training runs."""

    def __init__(self) -> None:
        self.points: list[dict[str, float]] = []
        self.shown: Any = None

    def read(self, line: str) -> None:
        """Take the loss that a line of the log states, if it does."""
        for column, pattern in LOSSES.items():
            found = pattern.search(line)
            if found is None:
                continue
            point = {"step": int(found[1].replace(",", "")), column: float(found[2])}
            if point not in self.points:
                self.points.append(point)
                log = pd.DataFrame(self.points, columns=["step", *LOSSES])
                self.draw(log.groupby("step", as_index=False).first())

    def draw(self, log: pd.DataFrame) -> None:
        """Draw the curve, in the place of the one before."""
        # A figure displays itself, without the id that a later one takes its place by.
        drawn = plot_losses(log)._repr_mimebundle_()
        if self.shown is None:
            self.shown = _display(drawn, raw=True, display_id=True)
        else:
            self.shown.update(drawn, raw=True)
