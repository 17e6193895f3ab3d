"""From a user's question to the messages that a model is asked, in the form of the training."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from string import Formatter

from tuneline.errors import Problem, TunelineError
from tuneline.examples import Example, Message
from tuneline.parameters import Prompt


@dataclass(frozen=True)
class QuestionFile:
    """A user's file of questions, read only when it is asked for.

    Attributes:
        path: where it lies, or would lie.
        read: reads pairs of where a question stands and the question.
    """

    path: Path
    read: Callable[[], list[tuple[str, str]]]

    def exists(self) -> bool:
        """Tell whether it is there."""
        return self.path.is_file()


def start_messages(question: str, prompt: Prompt, system: str | None) -> list[Message]:
    """Ask a question in the form that the tuned model has learnt.

    Args:
        question: what a user typed. Where the prompt template has one column, it fills that
            column (a title becomes "Write a product description for: …"); where it has several,
            or none, it is the whole prompt.
        prompt: the templates.
        system: the system message, as `find_system` gives it.

    Returns:
        The system message, if there is one, and the prompt.
    """
    columns = _list_columns(prompt.prompt)
    if len(columns) == 1:
        question = prompt.prompt.format_map(dict.fromkeys(columns, question))
    messages: list[Message] = [{"role": "system", "content": system}] if system else []
    return [*messages, {"role": "user", "content": question}]


def find_stated_system(prompt: Prompt) -> str | None:
    """Find the system message that is stated; None if there is none, or each row has its own."""
    stated = prompt.system or ""
    # `format` turns doubled braces into single ones, as in the examples.
    return stated.format() if stated and not _list_columns(stated) else None


def find_system(prompt: Prompt, examples: list[Example]) -> str | None:
    """Find the system message of the training.

    Args:
        prompt: states it, or the column that each row has it in.
        examples: of the use case, made with this prompt; looked at in the second case only.

    Returns:
        The message; None if there is none.

    Raises:
        TunelineError: if rows have different ones, so that a question could have any of them.
    """
    if not _list_columns(prompt.system or ""):
        return find_stated_system(prompt)
    found = {
        message["content"]
        for example in examples
        for message in example["prompt"]
        if message["role"] == "system"
    }
    if len(found) == 1:
        return found.pop()
    raise TunelineError(
        Problem(
            where="prompt.system",
            value=prompt.system,
            wrong=f"the held-out examples have {len(found)} different system messages",
            matters="a question would be asked with a system message chosen by chance",
            remedy='state the one to ask with: --params=<use_case>.prompt.system="…" for this run, '
            "or `prompt.system` in conf/<machine>/<use_case>/parameters.yml",
        )
    )


def _list_columns(template: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(template) if name}
