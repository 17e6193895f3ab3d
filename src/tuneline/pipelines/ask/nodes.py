"""Nodes that ask base and tuned model a user's own questions."""

from typing import Any

import pandas as pd

from tuneline.adapters import Adapter, hash_adapter
from tuneline.answering import Answer, generate_answers
from tuneline.errors import Problem, TunelineError
from tuneline.examples import Example
from tuneline.journal import Journal
from tuneline.makers import describe_makers
from tuneline.matching import find_mismatches
from tuneline.model_pair import WHO, Who, load_pair, measure_room
from tuneline.parameters import Evaluation, Hardware, Prompt, Recipe
from tuneline.pipelines.ask.showing import show_answers
from tuneline.questions import QuestionFile, find_system, start_messages
from tuneline.rendering import render_prompt

COMMAND_LINE = "--params=question"


def list_questions(
    question: str | None, questions: QuestionFile, test: list[Example], prompt: Prompt
) -> list[dict[str, Any]]:
    """List what is to be asked: the question of the command line, or those of the file.

    Args:
        question: from the command line; None for the file's.
        questions: the file, which need not be there.
        test: examples of the use case, for the system message where each row has its own.
        prompt: the templates of the training.

    Returns:
        One row a question: `where` it comes from, the `question`, and the `messages` that ask it.

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
    conversations: list[dict[str, Any]],
    adapter: Adapter,
    ask_journal: Journal,
    recipe: Recipe,
    evaluation: Evaluation,
    hardware: Hardware,
) -> pd.DataFrame:
    """Let base and tuned model answer every question, in the decoding of the evaluation.

    A single question's answers are written to the terminal as well, while they are generated: the
    one thing this node does beside its value, because people wait for it and read it there.

    Args:
        conversations: one row a question.
        adapter: the trained adapter.
        ask_journal: answers to a file that an interrupted run has left; new ones are added to it.
        recipe: names the base model.
        evaluation: the decoding.
        hardware: the machine.

    Returns:
        One row a question: `question`, for `base` and `tuned` each `_answer`, `_tokens`,
        `_seconds`, `_tokens_per_second`, `_stopped` (False: cut at the length limit), and the
        start of the `adapter`'s fingerprint. In a batch, seconds are the batch's, divided by its
        questions.

    Raises:
        TunelineError: if the adapter belongs to another base model or chat template, or a
            question leaves no room for its answer, or cannot be rendered.
    """
    prompts, room = [], measure_room(recipe, evaluation)
    problems = list(find_mismatches(adapter, recipe))
    for row in conversations:
        try:
            prompts.append(render_prompt(adapter.tokenizer, row["messages"], row["where"]))
            problems += room.find_overflow(row["where"], len(prompts[-1]))
        except TunelineError as error:
            problems += error.problems
    if problems:
        raise TunelineError(*problems)
    makers = describe_makers(adapter, recipe, evaluation, hardware)
    pair = load_pair(adapter, recipe, evaluation, hardware)
    answers: dict[Who, list[Answer]] = {}
    if len(conversations) == 1:
        shown = show_answers(pair, conversations[0]["messages"])
        answers = {who: [answer] for who, answer in shown.items()}
    else:
        for who in WHO:
            with pair.become(who):
                answers[who] = generate_answers(
                    pair.model,
                    pair.tokenizer,
                    prompts,
                    evaluation,
                    hardware,
                    ask_journal,
                    makers[who],
                )
    return _tabulate([row["question"] for row in conversations], answers, hash_adapter(adapter))


def _tabulate(
    questions: list[str], answers: dict[Who, list[Answer]], fingerprint: str
) -> pd.DataFrame:
    columns: dict[str, list[Any]] = {"question": questions}
    for what in ("answer", "tokens", "seconds", "tokens_per_second", "stopped"):
        columns |= {f"{who}_{what}": [getattr(one, what) for one in answers[who]] for who in WHO}
    table = pd.DataFrame(columns)
    return table.assign(adapter=fingerprint[:12]).round(3)
