"""Answers in the terminal: two columns that grow, or plain lines where nothing can move."""

import re
from collections.abc import Iterator

from rich.console import Console
from rich.live import Live
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from tuneline.answering import Answer
from tuneline.examples import Message
from tuneline.model_pair import NAMES, WHO, ModelPair, Who

COLOURS = {"base": "bright_black", "tuned": "blue"}
# What a model wrote must not move the cursor or change the colours of a terminal.
CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


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
        console.print(Text(_clean(message["content"])), soft_wrap=True)
    pair.warm_up()
    return (_show_columns if console.is_terminal else _show_lines)(pair, messages, console)


def _show_columns(pair: ModelPair, messages: list[Message], console: Console) -> dict[Who, Answer]:
    texts: dict[Who, str] = dict.fromkeys(WHO, "")
    answers: dict[Who, Answer] = {}
    with Live(console=console, refresh_per_second=8, get_renderable=lambda: _draw(texts, answers)):
        for who, piece, answer in _watch(pair, messages):
            texts[who] += piece
            if answer:
                texts[who], answers[who] = answer.answer, answer
    return answers


def _draw(texts: dict[Who, str], answers: dict[Who, Answer]) -> Table:
    grid = Table.grid(expand=True)
    for _ in WHO:
        grid.add_column(ratio=1)
    grid.add_row(
        *(
            Panel(
                Text.assemble(
                    _clean(texts[who]),
                    (f"\n\n{answers[who].describe()}" if who in answers else "", "dim"),
                ),
                title=NAMES[who],
                border_style=COLOURS[who],
            )
            for who in WHO
        )
    )
    return grid


def _show_lines(pair: ModelPair, messages: list[Message], console: Console) -> dict[Who, Answer]:
    answers: dict[Who, Answer] = {}
    last = None
    for who, piece, answer in _watch(pair, messages):
        if who != last:
            console.print(f"{NAMES[who]}:", style="bold")
            last = who
        console.print(Text(_clean(piece)), end="", soft_wrap=True)
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


def _clean(text: str) -> str:
    return CONTROLS.sub("\N{REPLACEMENT CHARACTER}", text)
