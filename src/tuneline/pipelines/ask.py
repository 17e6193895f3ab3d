"""The ask stage: questions + adapter → answers_to_questions, base and tuned side by side."""

from collections.abc import Iterator
from functools import partial
from typing import Any

import pandas as pd
from kedro.pipeline import Node, Pipeline
from rich.console import Console
from rich.live import Live
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from tuneline.errors import Problem, TunelineError
from tuneline.examples import MODELS, Example, Message, ModelName
from tuneline.models.adapter import NAMES, Adapter, hash_adapter
from tuneline.models.fingerprints import describe_generation, find_incompatibilities
from tuneline.models.generation import Answer, generate_answers
from tuneline.models.model_pair import ModelPair, load_pair, measure_context_budget
from tuneline.models.rendering import render_prompt
from tuneline.parameters import Evaluation, Hardware, Prompt, Recipe
from tuneline.prompts import QuestionFile, find_system, start_messages
from tuneline.utils.caches import Cache
from tuneline.utils.terminal import show

# Columns narrower than half of this are no pleasure to read.
COLUMNS_WIDTH = 60
COLORS = {"base": "bright_black", "tuned": "blue"}
COMMAND_LINE = "--params=question"


def print_answers(
    pair: ModelPair, messages: list[Message], console: Console | None = None
) -> dict[ModelName, Answer]:
    """Let base and tuned model answer, and show the answers while they are generated."""
    console = console or Console(highlight=False)
    for message in messages:
        console.print(f"{message['role']}:", style="bold", end=" ")
        console.print(Text(show(message["content"])), soft_wrap=True)
    pair.warm_up()
    has_columns = console.is_terminal and console.width >= COLUMNS_WIDTH
    return (_show_columns if has_columns else _show_lines)(pair, messages, console)


def _show_columns(
    pair: ModelPair, messages: list[Message], console: Console
) -> dict[ModelName, Answer]:
    texts: dict[ModelName, str] = dict.fromkeys(MODELS, "")
    answers: dict[ModelName, Answer] = {}
    draw = partial(draw_columns, texts, answers, console)
    with Live(console=console, refresh_per_second=8, get_renderable=draw):
        for who, piece, answer in _watch(pair, messages):
            texts[who] += piece
            if answer:
                texts[who], answers[who] = answer.answer, answer
    return answers


def draw_columns(
    texts: dict[ModelName, str], answers: dict[ModelName, Answer], console: Console
) -> Table:
    """Draw the answers side by side: whole once both are there, and until then as much as fits."""
    columns = {
        who: Text.assemble(
            show(texts[who]), (f"\n\n{answers[who].describe()}" if who in answers else "", "dim")
        )
        for who in MODELS
    }
    if len(answers) < len(MODELS):
        columns = {who: _take_end(text, console) for who, text in columns.items()}
    grid = Table.grid(expand=True)
    for _ in MODELS:
        grid.add_column(ratio=1)
    grid.add_row(
        *(Panel(columns[who], title=NAMES[who], border_style=COLORS[who]) for who in MODELS)
    )
    return grid


def _take_end(text: Text, console: Console) -> Text:
    """Leave out the beginning that the terminal has no lines for: people read what is written."""
    margin, above = 4, 2  # what the frame takes
    lines = text.wrap(console, console.width // len(MODELS) - margin)
    return Text("\n").join(lines[-max(1, console.height - above) :])


def _show_lines(
    pair: ModelPair, messages: list[Message], console: Console
) -> dict[ModelName, Answer]:
    answers: dict[ModelName, Answer] = {}
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


def _watch(
    pair: ModelPair, messages: list[Message]
) -> Iterator[tuple[ModelName, str, Answer | None]]:
    """Hand out pieces of the base model's answer, then of the tuned model's, each then whole."""
    for who in MODELS:
        stream = pair.stream(who, messages)
        while True:
            try:
                yield who, next(stream), None
            except StopIteration as end:
                yield who, "", end.value
                break


def list_questions(
    question: str | None, questions: QuestionFile, test: list[Example], prompt: Prompt
) -> list[dict[str, Any]]:
    """List the question of the command line, or without one those of the file.

    One row a question: `where` it comes from, the `question`, and the `messages` that ask it.
    `test` has the system message where each row has its own.

    Raises:
        TunelineError: if there is no question, or empty ones.
    """
    if question is not None:
        asked = [(COMMAND_LINE, str(question))]
    elif questions.exists():
        asked = questions.read()
    else:
        raise TunelineError(
            Problem(
                where=COMMAND_LINE,
                wrong=f"no question is given, and there is no file {questions.path}",
                matters="there is nothing to ask",
                remedy='add --params=question="…", or write the questions into that file, or name '
                "another one with --params=questions_file=…",
            )
        )
    empty = [
        Problem(
            where=where,
            wrong="the question is empty",
            matters="both models would answer to nothing",
            remedy="write one, or remove it",
        )
        for where, text in asked
        if not text.strip()
    ]
    if empty:
        raise TunelineError(*empty)
    system = find_system(prompt, test)
    return [
        {"where": where, "question": text, "messages": start_messages(text, prompt, system)}
        for where, text in asked
    ]


def answer_questions(
    asked_questions: list[dict[str, Any]],
    adapter: Adapter,
    ask_cache: Cache,
    recipe: Recipe,
    evaluation: Evaluation,
    hardware: Hardware,
) -> pd.DataFrame:
    """Let base and tuned model answer every question, in the decoding of the evaluation.

    A single question's answers are written to the terminal as well, while they are generated: the
    one thing this node does next to its value, because people wait for it and read it there.

    Returns:
        One row a question: `question`, for `base` and `tuned` each `_answer`, `_tokens`,
        `_seconds`, `_tokens_per_second`, `_stopped` (False: cut at the length limit), and the
        start of the `adapter`'s fingerprint. In a batch, seconds are the batch's, divided by its
        questions.

    Raises:
        TunelineError: if the adapter belongs to another base model or chat template, or a
            question leaves no room for its answer, or cannot be rendered.
    """
    prompts, budget = [], measure_context_budget(recipe, evaluation)
    problems = list(find_incompatibilities(adapter, recipe))
    for row in asked_questions:
        try:
            prompts.append(render_prompt(adapter.tokenizer, row["messages"], row["where"]))
            problems += budget.find_overlong(row["where"], len(prompts[-1]))
        except TunelineError as error:
            problems += error.problems
    if problems:
        raise TunelineError(*problems)
    fingerprints = describe_generation(adapter, recipe, evaluation, hardware)
    pair = load_pair(adapter, recipe, evaluation, hardware)
    answers: dict[ModelName, list[Answer]] = {}
    if len(asked_questions) == 1:
        shown = print_answers(pair, asked_questions[0]["messages"])
        answers = {who: [answer] for who, answer in shown.items()}
    else:
        for who in MODELS:
            with pair.become(who):
                answers[who] = generate_answers(
                    pair.model,
                    pair.tokenizer,
                    prompts,
                    evaluation,
                    hardware,
                    ask_cache,
                    fingerprints[who],
                )
    return _tabulate([row["question"] for row in asked_questions], answers, hash_adapter(adapter))


def _tabulate(
    questions: list[str], answers: dict[ModelName, list[Answer]], fingerprint: str
) -> pd.DataFrame:
    columns: dict[str, list[Any]] = {"question": questions}
    for what in ("answer", "tokens", "seconds", "tokens_per_second", "stopped"):
        columns |= {f"{who}_{what}": [getattr(one, what) for one in answers[who]] for who in MODELS}
    table = pd.DataFrame(columns)
    return table.assign(adapter=fingerprint[:12]).round(3)


def create_pipeline() -> Pipeline:
    """List the stage's nodes."""
    return Pipeline(
        [
            Node(
                list_questions,
                name="list_questions",
                inputs=["params:question", "questions", "test", "params:prompt"],
                outputs="asked_questions",
            ),
            Node(
                answer_questions,
                name="answer_questions",
                inputs=[
                    "asked_questions",
                    "adapter",
                    "ask_cache",
                    "recipe",
                    "params:evaluation",
                    "params:hardware",
                ],
                outputs="answers_to_questions",
            ),
        ]
    )
