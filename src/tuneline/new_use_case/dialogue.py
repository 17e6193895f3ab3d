"""The dialogue on a terminal: rows as the model will see them, and keys to change what is asked."""

import sys
from collections.abc import Callable
from pathlib import Path

import click
from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from tuneline.errors import TunelineError
from tuneline.new_use_case.draft import Draft, Options, make_draft
from tuneline.new_use_case.preview import SHOWN_ROWS, Preview, make_preview
from tuneline.new_use_case.shown_rows import Shown
from tuneline.new_use_case.sources import find_source
from tuneline.utils.terminal import StopCommandError, shorten, show, state_rest

REST = "nothing was written"
STYLES = {"control": "dim", "prompt": "", "answer": "bold cyan"}
# Of a name and of a text in the table of columns, and of one piece of a row.
NAME_CHARACTERS, CELL_CHARACTERS, PIECE_CHARACTERS = 24, 80, 400
COLUMN_KEYS = "123456789abcdefghijklmnopqrstuvwxyz"
NO_BREAK = "\N{NO-BREAK SPACE}"
ENTER, ESCAPE = ("\r", "\n"), "\x1b"


def settle_draft(
    name: str, path: Path, options: Options, project: Path, asks: bool = True
) -> Draft | None:
    """Guess a use case, show it, and let its user change it where there is a terminal.

    None if the user wants none; without `asks`, the guess is taken.

    Raises:
        TunelineError: if nothing can be made of the path.
        StopCommandError: if it is stopped by Ctrl+C.
    """
    state_rest(REST)
    draft = make_draft(name, find_source(path, options.sheet, options.write_questions), options)
    preview = make_preview(draft, project)
    dialogue = _Dialogue(project, preview)
    if asks and sys.stdin.isatty() and sys.stdout.isatty():
        settled = dialogue.run()
    else:
        dialogue.show_all()
        settled = draft
    state_rest("")
    return settled


class _Dialogue:
    """Shows a preview, reads keys, and shows what they change."""

    def __init__(self, project: Path, preview: Preview) -> None:
        self._project, self._preview, self._first = project, preview, 0
        self._console = Console(highlight=False, markup=False, emoji=False, soft_wrap=False)
        self._keys: dict[str, tuple[str, Callable[[], None]]] = {
            "p": ("prompt column", self._change_question),
            "a": ("answer column", self._change_answer),
            "t": ("template", self._change_template),
            "s": ("system message", self._change_system),
            "n": ("next rows", self._go_on),
        }
        if preview.draft.source.kind == "documents":
            self._keys["w"] = ("have questions written", self._write_questions)

    def run(self) -> Draft | None:
        """Show and change the use case until its user writes or leaves it."""
        self.show_all()
        while True:
            self._show_keys()
            key = _read_key()
            self._print()
            if key in ("y", "Y", *ENTER):
                return self._preview.draft
            if key in ("q", "Q", ESCAPE):
                return None
            _, change = self._keys.get(key.lower(), ("", None))
            if change:
                self._try(change)

    def show_all(self) -> None:
        """Show the whole preview."""
        preview, source = self._preview, self._preview.draft.source
        self._print()
        self._print(Text.assemble((show(source.path.name), "bold"), f": {show(source.found)}"))
        self._print()
        self._print(self._list_columns())
        self._print()
        self._print(self._list_templates())
        self._print()
        self._print(
            Text.assemble("Rows as the model sees them; ", ("this is learned", "bold cyan"))
        )
        for row in preview.rows:
            self._show_row(row)
        self._print()
        told = [("Rejected", preview.describe_rejected()), ("Lengths", preview.describe_lengths())]
        self._print(_make_grid([*told, *(("Note", note) for note in preview.notes)]))

    def _list_columns(self) -> Table:
        table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim", expand=True)
        for name in ("", "column", "used as"):
            table.add_column(name, overflow="fold", max_width=NAME_CHARACTERS)
        table.add_column("the first text in it", overflow="ellipsis", no_wrap=True, ratio=1)
        for key, (name, role, example) in zip(COLUMN_KEYS, self._preview.columns, strict=False):
            style = "dim" if role == "not used" else ""
            cells = (name, role, shorten(example, CELL_CHARACTERS))
            table.add_row(Text(key, "dim"), *(Text(show(one), style) for one in cells))
        return table

    def _list_templates(self) -> Table:
        draft = self._preview.draft
        return _make_grid(
            [
                ("System", shorten(draft.system or "none", PIECE_CHARACTERS)),
                ("Prompt", shorten(draft.prompt, PIECE_CHARACTERS)),
                ("Answer", shorten(draft.completion, PIECE_CHARACTERS)),
            ]
        )

    def _show_row(self, row: Shown) -> None:
        unit = self._preview.unit
        about = f"{row.place}: {row.asked} {unit} asked, {row.answered} learned"
        self._print(Text(f"\n{about}", "dim"))
        pieces = (
            (show(shorten(text, PIECE_CHARACTERS)), STYLES[kind]) for kind, text in row.pieces
        )
        self._print(Padding(Text.assemble(*pieces), (0, 0, 0, 2), expand=False))

    def _show_keys(self) -> None:
        keys = {"y": "write it", **{key: name for key, (name, _) in self._keys.items()}}
        words = Text()
        for key, name in {**keys, "q": "leave"}.items():
            words.append(f"[{key}]", "bold cyan")
            words.append(f" {name}".replace(" ", NO_BREAK)).append("   ")
        self._print()
        self._print(words)

    def _try(self, change: Callable[[], None]) -> None:
        """Change something; say why not if it does not fit, and keep what was there."""
        try:
            change()
        except TunelineError as error:
            for problem in error.problems:
                self._print(Text(f"\n{problem}", "red"))
        else:
            self.show_all()

    def _take(self, draft: Draft) -> None:
        self._preview = make_preview(draft, self._project, self._first)

    def _change_question(self) -> None:
        if column := self._choose_column("asked"):
            self._take(self._preview.draft.ask(column))

    def _change_answer(self) -> None:
        if column := self._choose_column("answered"):
            self._take(self._preview.draft.answer_with(column))

    def _choose_column(self, what: str) -> str | None:
        """Let a column be chosen by the sign before it; None for any other key."""
        keys = dict(zip(COLUMN_KEYS, (name for name, _, _ in self._preview.columns), strict=False))
        self._print(Text(f"What is {what}: press the sign before its column.", "bold"))
        return keys.get(_read_key())

    def _change_template(self) -> None:
        draft = self._preview.draft
        self._take(draft.word(_edit("Prompt: ", draft.prompt)))

    def _change_system(self) -> None:
        draft = self._preview.draft
        self._take(draft.introduce(_edit("System message: ", draft.system or "")))

    def _write_questions(self) -> None:
        draft = self._preview.draft
        source = find_source(draft.source.path, is_asked=True)
        self._take(make_draft(draft.name, source, Options(system=draft.system)))

    def _go_on(self) -> None:
        self._first += SHOWN_ROWS
        if self._first >= self._preview.kept:
            self._first = 0
        self._take(self._preview.draft)

    def _print(self, shown: object = "") -> None:
        self._console.print(shown)


def _make_grid(rows: list[tuple[str, str]]) -> Table:
    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(style="dim", no_wrap=True)
    grid.add_column(overflow="fold")
    for name, text in rows:
        grid.add_row(name, Text(show(text, line_break="\\n")))
    return grid


def _read_key() -> str:
    try:
        return click.getchar()
    except (KeyboardInterrupt, EOFError):
        raise _stop() from None


def _edit(question: str, text: str) -> str:
    r"""Let a text be changed in one line, where line breaks are written as `\n`."""
    from prompt_toolkit import prompt

    try:
        typed = prompt(question, default=text.replace("\n", "\\n"))
    except (KeyboardInterrupt, EOFError):
        raise _stop() from None
    return typed.replace("\\n", "\n")


def _stop() -> StopCommandError:
    return StopCommandError(f"Stopped (Ctrl+C): {REST}.", 130)
