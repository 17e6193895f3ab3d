"""Rendering of messages with control tokens as text: nothing a user writes ends or opens a turn."""

import re
from contextlib import suppress
from functools import lru_cache
from typing import Any

from tuneline.errors import Problem, TunelineError
from tuneline.examples import Message

# What an added token that is not special looks like if it controls: <think>, <|fim_prefix|>,
# [TOOL_CALLS]. Others are ordinary text: runs of blanks, and in Gemma's tokenizer HTML tags.
CONTROLS = re.compile(r"(<.+>|\[.+\]|\{.+\})", re.DOTALL)
HTML = re.compile(
    r"</?(table|caption|t(head|body|foot|r|h|d)|h[1-6]|blockquote|strong|em|[abipsu]|su[bp]|code"
    r"|[ou]l|li|d[ldt]|[bh]r|div|span|pre|img)>"
)
# Private-use characters that no template looks for, around the number of a typed token.
MARK = re.compile("\U0010f7a0(\\d+)\U0010f7a1")
NOTHING = re.compile("(?!)")
ANOTHER = "take another base model, or give a template: recipe.chat_template_path"


class UnwritableError(Exception):
    """A text with a control token that the tokenizer cannot write as text."""


def list_control_tokens(tokenizer: Any) -> dict[str, int]:
    """List the tokens that mean something to the model rather than being text.

    Args:
        tokenizer: any tokenizer.

    Returns:
        Their ids by how they are spelled: all special tokens, and added tokens in brackets that
        are neither blank nor HTML.
    """
    special = dict(zip(tokenizer.all_special_tokens, tokenizer.all_special_ids, strict=True))
    return special | {
        token.content: index
        for index, token in tokenizer.added_tokens_decoder.items()
        if token.special
        or (CONTROLS.fullmatch(token.content) and not HTML.fullmatch(token.content))
    }


def hide_typed(tokenizer: Any, messages: list[Message]) -> tuple[list[Message], list[str]]:
    """Put marks in place of typed control tokens, so that no template acts on them.

    Args:
        tokenizer: any tokenizer.
        messages: what was said.

    Returns:
        The messages, and the tokens in the order of their marks.

    Raises:
        UnwritableError: if a text has both control tokens and the characters of the marks.
    """
    pattern, typed = _compile(tokenizer, len(tokenizer)), []

    def hide(match: re.Match[str]) -> str:
        typed.append(match[0])
        return f"\U0010f7a0{len(typed) - 1}\U0010f7a1"

    hidden: list[Message] = [
        {**message, "content": pattern.sub(hide, message["content"])} for message in messages
    ]
    if typed and any(_has_marks(message["content"]) for message in messages):
        raise UnwritableError(typed[0])
    return hidden, typed


def encode(tokenizer: Any, text: str, typed: list[str]) -> list[int]:
    """Encode a rendered text, the template's control tokens as such and typed ones as text.

    Args:
        tokenizer: the tokenizer.
        text: rendered from messages whose typed tokens were hidden.
        typed: those tokens; without any the text is encoded as `apply_chat_template` does it.

    Returns:
        Token ids.

    Raises:
        UnwritableError: if the tokenizer makes a control token of plain text.
    """
    from transformers.utils.chat_template_utils import encode_marked_chat, mark_control_tokens

    if not typed:
        # The template writes all special tokens itself; the tokenizer would add a second BOS.
        return list(tokenizer(text, add_special_tokens=False)["input_ids"])

    def mark(match: re.Match[str]) -> str:
        token = typed[int(match[1])]
        return str(mark_control_tokens(token, re.compile(re.escape(token))))

    try:
        return list(encode_marked_chat(tokenizer, MARK.sub(mark, text)))
    except ValueError as error:
        raise UnwritableError(typed[0]) from error


@lru_cache(maxsize=4)
def _compile(tokenizer: Any, _: int) -> re.Pattern[str]:
    """Compile a pattern of a tokenizer's control tokens, anew after tokens were added."""
    longest_first = sorted(list_control_tokens(tokenizer), key=len, reverse=True)
    return re.compile("|".join(map(re.escape, longest_first)) or NOTHING.pattern)


def _has_marks(text: str) -> bool:
    from transformers.utils.chat_template_utils import mark_control_tokens

    return bool(MARK.search(text)) or mark_control_tokens(text, NOTHING) != text


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
