"""Messages as the text that a chat template makes of them, nothing of it lost or changed."""

from contextlib import suppress
from typing import Any

from tuneline.errors import Problem, TunelineError
from tuneline.examples import Message

ANOTHER = "take another base model, or give a template: recipe.chat_template_path"


class TemplateRefusal(TunelineError):  # noqa: N818 - a template refuses, it need not be wrong
    """A chat template that fails, or raises, on messages.

    Attributes:
        reason: its own words, on one line.
    """

    def __init__(self, error: Exception) -> None:
        self.reason = " ".join(str(error).split()).rstrip(".") or type(error).__name__
        super().__init__(
            Problem(
                where="the chat template",
                wrong=f"it refuses these messages ({self.reason})",
                matters="the model cannot be asked in this way",
                remedy="change the messages, or give another template: recipe.chat_template_path",
            )
        )


def render_text(
    tokenizer: Any, messages: list[Message], asks: bool = False, template: str | None = None
) -> str:
    """Render messages as text.

    Args:
        tokenizer: a tokenizer with a chat template.
        messages: what was said.
        asks: whether an answer is asked for (`add_generation_prompt`).
        template: another template than the tokenizer's.

    Returns:
        The text, its control tokens spelled out.

    Raises:
        TemplateRefusal: if the template fails.
    """
    try:
        return str(
            tokenizer.apply_chat_template(
                messages, tokenize=False, add_generation_prompt=asks, chat_template=template
            )
        )
    except Exception as error:  # a template may refuse in any way it likes
        raise TemplateRefusal(error) from error


class BadMessagesError(Exception):
    """Messages that the chat template does not render as they are.

    Args:
        wrong: what is wrong, as in a `Problem`.
        matters: why it matters.
        remedy: what to do.
    """

    def __init__(self, wrong: str, matters: str, remedy: str) -> None:
        self.wrong, self.matters, self.remedy = wrong, matters, remedy
        super().__init__(wrong)

    def word(self, where: str) -> Problem:
        """Word the problem, with where the messages come from."""
        return Problem(where=where, wrong=self.wrong, matters=self.matters, remedy=self.remedy)


def render_messages(tokenizer: Any, messages: list[Message], asks: bool = False) -> str:
    """Render messages and make sure that each one's text is there, in the order of the talk.

    Args:
        tokenizer: a tokenizer with a chat template.
        messages: what was said.
        asks: whether an answer is asked for.

    Returns:
        The text.

    Raises:
        BadMessagesError: if the template refuses the messages, or drops or changes a text.
    """
    try:
        text = render_text(tokenizer, messages, asks)
    except TemplateRefusal as refusal:
        raise _explain_refusal(tokenizer, messages, asks, refusal) from refusal
    end = 0
    for message in messages:
        content = message["content"].strip()
        is_system = message["role"] == "system"  # some templates put it into the last question
        start = text.find(content, 0 if is_system else end)
        if is_system and text.count(content) < _count(content, messages):
            raise _refuse_system("does not write the text of its system message")
        if start < 0:
            raise BadMessagesError(
                f"the base model's chat template drops or changes the text of its "
                f"{message['role']} message",
                "the model would be trained on another text, or asked with one",
                "change this text, " + ANOTHER,
            )
        end = end if is_system else start + len(content)
    return text


def _count(text: str, messages: list[Message]) -> int:
    """Count how often a text is there if every message is; a question may quote the system's."""
    return sum(message["content"].count(text) for message in messages) if text else 0


def _explain_refusal(
    tokenizer: Any, messages: list[Message], asks: bool, refusal: TemplateRefusal
) -> BadMessagesError:
    others = [message for message in messages if message["role"] != "system"]
    if len(others) < len(messages):
        with suppress(TemplateRefusal):
            render_text(tokenizer, others, asks)
            return _refuse_system(f"refuses its system message ({refusal.reason})")
    return BadMessagesError(
        f"the base model's chat template refuses its messages ({refusal.reason})",
        "the model can neither be trained on them nor be asked in this way",
        "change the messages, " + ANOTHER,
    )


def _refuse_system(what: str) -> BadMessagesError:
    return BadMessagesError(
        f"the base model's chat template {what}: this base model takes no system message",
        "what it says would reach no model",
        "leave `prompt.system` null (its words can begin `prompt.prompt`), or give a template that "
        "takes it: recipe.chat_template_path",
    )
