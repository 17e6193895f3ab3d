"""Answers in the terminal: two columns that grow, or plain lines where nothing can move."""

from collections.abc import Iterator
from functools import partial

from rich.console import Console
from rich.live import Live
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from tuneline.answering import Answer
from tuneline.examples import Message
from tuneline.model_pair import NAMES, WHO, ModelPair, Who
from tuneline.terminal import show

# Columns narrower than half of this are no pleasure to read.
COLUMNS_WIDTH = 60
COLOURS = {"base": "bright_black", "tuned": "blue"}


def show_answers(
    pair: ModelPair, messages: list[Message], console: Console | None = None
) -> dict[Who, Answer]:
    """Let base and tuned model answer, and show the answers while they are generated.

    Args:
        pair: the models.
        messages: what is asked.
        console: where it is shown; the standard output if it is not given.

    Returns:
        The answers.
    """
    console = console or Console(highlight=False)
    for message in messages:
        console.print(f"{message['role']}:", style="bold", end=" ")
        console.print(Text(show(message["content"])), soft_wrap=True)
    pair.warm_up()
    has_columns = console.is_terminal and console.width >= COLUMNS_WIDTH
    return (_show_columns if has_columns else _show_lines)(pair, messages, console)


def _show_columns(pair: ModelPair, messages: list[Message], console: Console) -> dict[Who, Answer]:
    texts: dict[Who, str] = dict.fromkeys(WHO, "")
    answers: dict[Who, Answer] = {}
    draw = partial(draw_columns, texts, answers, console)
    with Live(console=console, refresh_per_second=8, get_renderable=draw):
        for who, piece, answer in _watch(pair, messages):
            texts[who] += piece
            if answer:
                texts[who], answers[who] = answer.answer, answer
    return answers


def draw_columns(texts: dict[Who, str], answers: dict[Who, Answer], console: Console) -> Table:
    """Draw the answers side by side: whole once both are there, and until then as much as fits.

    Args:
        texts: what each model has written.
        answers: those that are there.
        console: where they are to stand.

    Returns:
        One row of two columns.
    """
    columns = {
        who: Text.assemble(
            show(texts[who]),
            (f"\n\n{answers[who].describe()}" if who in answers else "", "dim"),
        )
        for who in WHO
    }
    if len(answers) < len(WHO):
        columns = {who: _take_end(text, console) for who, text in columns.items()}
    grid = Table.grid(expand=True)
    for _ in WHO:
        grid.add_column(ratio=1)
    grid.add_row(*(Panel(columns[who], title=NAMES[who], border_style=COLOURS[who]) for who in WHO))
    return grid


def _take_end(text: Text, console: Console) -> Text:
    """Leave out the beginning that the terminal has no lines for: people read what is written."""
    beside, above = 4, 2  # what the frame takes
    lines = text.wrap(console, console.width // len(WHO) - beside)
    return Text("\n").join(lines[-max(1, console.height - above) :])


def _show_lines(pair: ModelPair, messages: list[Message], console: Console) -> dict[Who, Answer]:
    answers: dict[Who, Answer] = {}
    last = None
    for who, piece, answer in _watch(pair, messages):
        if who != last:
            console.print(f"{NAMES[who]}:", style="bold")
            last = who
        console.print(Text(show(piece)), end="", soft_wrap=True)
        if answer:
            console.print(f"\n({answer.describe()})")
            answers[who] = answer
    return answers


def _watch(pair: ModelPair, messages: list[Message]) -> Iterator[tuple[Who, str, Answer | None]]:
    """Hand out pieces of the base model's answer, then of the tuned model's, each then whole."""
    for who in WHO:
        stream = pair.stream(who, messages)
        while True:
            try:
                yield who, next(stream), None
            except StopIteration as end:
                yield who, "", end.value
                break
