"""Control tokens that are typed in a text stay text: nothing a user writes ends or opens a turn."""

import re
from functools import lru_cache
from typing import Any

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
