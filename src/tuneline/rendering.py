"""From messages to tokens, the same way in plan, training, evaluation and ask."""

from dataclasses import dataclass
from typing import Any

from tuneline.errors import Problem, TunelineError
from tuneline.examples import Example, Message
from tuneline.hashing import hash_text

# Stands for the answer when one looks at what a template puts behind it.
PROBE = "x"


@dataclass(frozen=True)
class Rendered:
    """An example in tokens.

    Attributes:
        ids: token ids of prompt and completion.
        prompt_length: how many of them are the prompt's; only those behind it are trained.
    """

    ids: list[int]
    prompt_length: int

    @property
    def labels(self) -> list[int]:
        """The ids to predict, with -100 (PyTorch's ignored index) for the prompt."""
        return [-100] * self.prompt_length + self.ids[self.prompt_length :]


def render_prompt(tokenizer: Any, prompt: list[Message]) -> list[int]:
    """Render a prompt up to where the model's answer begins.

    Args:
        tokenizer: a tokenizer with a chat template.
        prompt: the messages.

    Returns:
        Token ids.
    """
    return _tokenize(tokenizer, _render(tokenizer, prompt, add_generation_prompt=True))


def render_example(tokenizer: Any, example: Example) -> Rendered:
    """Render prompt and completion.

    The prompt's tokens are those that the model sees when it is asked, also where the tokenizer
    would have merged the last of them with the first of the completion.

    Args:
        tokenizer: a tokenizer with a chat template.
        example: the example.

    Returns:
        Its tokens.

    Raises:
        TunelineError: if the template renders the prompt differently once an answer follows.
    """
    prompt = _render(tokenizer, example["prompt"], add_generation_prompt=True)
    whole = _render(tokenizer, [*example["prompt"], *example["completion"]])
    if not whole.startswith(prompt):
        raise TunelineError(
            Problem(
                where=f"example {example['id']}",
                wrong="the base model's chat template renders its prompt differently once an "
                "answer follows",
                matters="the model would be trained on another prompt than it is asked with",
                remedy="use a base model whose template keeps the prompt as it is",
            )
        )
    prompt_ids, ids = _tokenize(tokenizer, prompt), _tokenize(tokenizer, whole)
    if ids[: len(prompt_ids)] != prompt_ids:
        ids = prompt_ids + _tokenize(tokenizer, whole[len(prompt) :])
    return Rendered(ids=ids, prompt_length=len(prompt_ids))


def find_end_tokens(tokenizer: Any) -> list[int]:
    """Find the tokens that end an answer.

    Args:
        tokenizer: a tokenizer with a chat template.

    Returns:
        Ids of the special tokens that the template puts behind an answer, and the tokenizer's own
        end-of-text token.
    """
    prompt: list[Message] = [{"role": "user", "content": PROBE}]
    answer: Message = {"role": "assistant", "content": PROBE}
    start = _render(tokenizer, prompt, add_generation_prompt=True) + PROBE
    behind = _render(tokenizer, [*prompt, answer]).removeprefix(start)
    special = set(tokenizer.all_special_ids) | {
        index for index, token in tokenizer.added_tokens_decoder.items() if token.special
    }
    found = [index for index in _tokenize(tokenizer, behind) if index in special]
    return list(dict.fromkeys([*found, tokenizer.eos_token_id]))


def hash_template(tokenizer: Any) -> str:
    """Identify the chat template, which must be the same wherever the adapter is used."""
    return hash_text(tokenizer.chat_template)


def _render(tokenizer: Any, messages: list[Message], **options: bool) -> str:
    return str(tokenizer.apply_chat_template(messages, tokenize=False, **options))


def _tokenize(tokenizer: Any, text: str) -> list[int]:
    # The template writes all special tokens itself; the tokenizer would add a second BOS.
    return list(tokenizer(text, add_special_tokens=False)["input_ids"])
