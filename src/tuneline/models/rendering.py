"""From messages to tokens, the same way in plan, training, evaluation and ask."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

from tuneline.errors import Problem, TunelineError
from tuneline.examples import Example, Message
from tuneline.models.chat_template import ANSWER, QUESTION, find_after
from tuneline.models.control_tokens import (
    ANOTHER,
    BadMessagesError,
    UnwritableError,
    encode,
    hide_typed,
    list_control_tokens,
    render_messages,
    render_text,
)
from tuneline.utils.hashing import hash_text
from tuneline.utils.progress import track


@dataclass(frozen=True)
class Rendered:
    """An example in tokens.

    Attributes:
        ids: token ids of prompt and completion, up to the token that ends the answer.
        prompt_length: how many of them are the prompt's; only those after it are trained.
        typed: control tokens that are spelled out in its texts; they are encoded as text.
    """

    ids: list[int]
    prompt_length: int
    typed: tuple[str, ...] = ()

    @property
    def labels(self) -> list[int]:
        """The ids to predict, with -100 (PyTorch's ignored index) for the prompt."""
        return [-100] * self.prompt_length + self.ids[self.prompt_length :]


def render_prompt(
    tokenizer: Any, prompt: list[Message], where: str = "the conversation"
) -> list[int]:
    """Render a prompt up to where the model's answer begins.

    Args:
        tokenizer: a tokenizer with a completed chat template.
        prompt: the messages.
        where: where they come from, for the message if they cannot be rendered.

    Returns:
        Token ids.

    Raises:
        TunelineError: if the template refuses the messages or does not write their texts.
    """
    try:
        messages, typed = hide_typed(tokenizer, prompt)
        return encode(tokenizer, render_messages(tokenizer, messages, asks=True), typed)
    except BadMessagesError as error:
        raise TunelineError(error.word(where)) from error
    except UnwritableError as error:
        raise TunelineError(_format_unwritable(where, error)) from error


def render_all(tokenizer: Any, examples: list[Example]) -> list[Rendered]:
    """Render examples, and report everything that is wrong with any of them at once.

    Args:
        tokenizer: a tokenizer with a completed chat template.
        examples: the examples.

    Returns:
        Their tokens.

    Raises:
        TunelineError: one problem of each kind, with the first example that has it.
    """
    rendered: list[Rendered] = []
    problems: list[Problem] = []
    for example in track(examples, "Counting tokens", "examples"):
        try:
            rendered.append(render_example(tokenizer, example))
        except TunelineError as error:
            problems += error.problems
    if problems:
        raise TunelineError(*_merge(problems))
    return rendered


def render_example(tokenizer: Any, example: Example) -> Rendered:
    """Render prompt and completion.

    The prompt's tokens are those that the model sees when it is asked, also where the tokenizer
    would have merged the last of them with the first of the completion. The completion's are those
    of the answer and of the end token after it.

    Args:
        tokenizer: a tokenizer with a completed chat template.
        example: the example.

    Returns:
        Its tokens.

    Raises:
        TunelineError: if the template refuses the messages, does not write their texts, renders
            the prompt differently once an answer follows, begins twice or puts no end token
            after the answer.
    """
    where = f"example {example['id']}"
    try:
        messages, typed = hide_typed(tokenizer, [*example["prompt"], *example["completion"]])
        prompt = messages[: len(example["prompt"])]
        asked, whole = (
            render_messages(tokenizer, prompt, asks=True),
            render_messages(tokenizer, messages),
        )
        answer = _find_answer(tokenizer, asked, whole, messages[len(prompt) :])
        prompt_ids, ids = (encode(tokenizer, one, typed) for one in (asked, asked + answer))
        if ids[: len(prompt_ids)] != prompt_ids:
            ids = prompt_ids + encode(tokenizer, answer, typed)
        ids = _cut_after_end(tokenizer, ids, len(prompt_ids))
    except BadMessagesError as error:
        raise TunelineError(error.word(where)) from error
    except UnwritableError as error:
        raise TunelineError(_format_unwritable(where, error)) from error
    return Rendered(ids=ids, prompt_length=len(prompt_ids), typed=tuple(typed))


def find_end_tokens(tokenizer: Any) -> list[int]:
    """Find the tokens that end an answer.

    Args:
        tokenizer: a tokenizer with a chat template.

    Returns:
        Ids of the control tokens that the template puts after an answer, and the tokenizer's own
        end-of-text token if it has one.
    """
    return list(_find_end_tokens(tokenizer, tokenizer.chat_template, tokenizer.eos_token_id))


def hash_template(tokenizer: Any) -> str:
    """Identify the chat template, which must be the same wherever the adapter is used."""
    return hash_text(tokenizer.chat_template)


def _find_answer(tokenizer: Any, asked: str, whole: str, completion: list[Message]) -> str:
    """Find what a template writes from where an answer begins, which is where the model is asked.

    A template may ask for more than it keeps of an answer: R1 begins a thought and drops it later.
    """
    kept = asked.removesuffix(_find_dropped(tokenizer, tokenizer.chat_template))
    answer = whole[len(kept) :]
    begins = answer.lstrip().startswith(completion[0]["content"].strip())
    if not whole.startswith(kept) or not begins:
        raise BadMessagesError(
            "the base model's chat template renders its prompt differently once an answer follows",
            "the model would be trained on another prompt than it is asked with",
            ANOTHER,
        )
    return answer


def _cut_after_end(tokenizer: Any, ids: list[int], start: int) -> list[int]:
    """Leave out what the template writes after the end of an answer: no model gets there."""
    ends, bos = set(find_end_tokens(tokenizer)), tokenizer.bos_token_id
    last = next((index for index in range(start, len(ids)) if ids[index] in ends), None)
    if last is None:
        raise BadMessagesError(
            "the base model's chat template puts no end token after an answer",
            "a model that never sees one never stops",
            "take a base model whose template ends the assistant's turn, or give a template that "
            "writes `{{ eos_token }}` after an answer: recipe.chat_template_path",
        )
    if bos is not None and ids[:2] == [bos, bos]:
        raise BadMessagesError(
            "the base model's chat template begins a text twice (two BOS tokens)",
            "the model has never seen that, and answers worse",
            "give a template that begins it once: recipe.chat_template_path",
        )
    while ids[last + 1 : last + 2] and ids[last + 1] in ends:
        last += 1
    return ids[: last + 1]


@lru_cache(maxsize=4)
def _find_end_tokens(tokenizer: Any, _: str, eos: int | None) -> tuple[int, ...]:
    controls = set(list_control_tokens(tokenizer).values())
    found = [index for index in encode(tokenizer, find_after(tokenizer), []) if index in controls]
    return tuple(dict.fromkeys([*found, *([] if eos is None else [eos])]))


@lru_cache(maxsize=4)
def _find_dropped(tokenizer: Any, _: str) -> str:
    """Find what the generation prompt ends with and a finished conversation does not have."""
    asked = render_text(tokenizer, [QUESTION], asks=True)
    kept = render_text(tokenizer, [QUESTION, ANSWER]).rpartition(ANSWER["content"])[0]
    return asked[len(kept) :] if asked.startswith(kept) else ""


def _format_unwritable(where: str, error: UnwritableError) -> Problem:
    return Problem(
        where=where,
        value=str(error),
        wrong="this control token of the base model is in a text, and its tokenizer cannot write "
        "it as text",
        matters="the model would take it for the end of an answer, or for another turn",
        remedy="spell it in another way, or leave the row out",
    )


def _merge(problems: list[Problem]) -> Iterator[Problem]:
    """Say what is wrong with many examples once, with the first of them."""
    kinds: dict[tuple[str, str], list[Problem]] = {}
    for problem in problems:
        kinds.setdefault((problem.wrong, problem.remedy), []).append(problem)
    for first, *others in kinds.values():
        more = f" and {len(others):,} more" if others else ""
        yield replace(first, where=first.where + more)
