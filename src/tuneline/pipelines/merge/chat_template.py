"""The tokenizer's chat template in Ollama's words."""

from dataclasses import dataclass
from typing import Any

# Stands for a message's text while one looks at what the template puts around it.
PROBE = "Q1W2E3"
# The conversations that a model may be asked in, each with a last question to be answered.
TALKS = (
    ("user",),
    ("system", "user"),
    ("user", "assistant", "user"),
    ("system", "user", "assistant", "user"),
)


@dataclass(frozen=True)
class Frame:
    """What a chat template puts around the texts of a conversation that ends with a question.

    Attributes:
        start: stands before the first question.
        system: stand before and behind a system message.
        in_last: whether a system message goes into the last question; otherwise it is what the
            conversation starts with, in place of `start`.
        answer: stand before and behind an answer, up to where the next question begins.
        end: stands behind the last question and tells the model to answer.
    """

    start: str
    system: tuple[str, str]
    in_last: bool
    answer: tuple[str, str]
    end: str

    def render(self, messages: list[dict[str, str]]) -> str:
        """Render messages as the Ollama template below does."""
        system = "".join(one["content"] for one in messages if one["role"] == "system")
        system = system and self.system[0] + system + self.system[1]
        parts = [self.start if self.in_last or not system else system]
        for index, message in enumerate(messages):
            if message["role"] == "user":
                last = index == len(messages) - 1
                parts += [system if self.in_last and last else "", message["content"]]
            elif message["role"] == "assistant":
                parts += [self.answer[0], message["content"], self.answer[1]]
        return "".join(parts) + self.end

    def word_for_ollama(self) -> str:
        """Write the frame in the language of Go's templates, which Ollama uses.

        Ollama joins messages of one role that follow one another, so that question and answer take
        turns, and gives the system message by itself as well.
        """
        before, behind = self.system
        start, each, system = self.start, "range .Messages", ""
        if self.in_last:
            each = "range $i, $_ := .Messages"
            system = (
                "{{ if and $.System (eq (len (slice $.Messages $i)) 1) }}"
                + f"{before}{{{{ $.System }}}}{behind}{{{{ end }}}}"
            )
        else:
            start = (
                f"{{{{ if .System }}}}{before}{{{{ .System }}}}{behind}"
                f"{{{{ else }}}}{self.start}{{{{ end }}}}"
            )
        return (
            f'{start}{{{{ {each} }}}}{{{{ if eq .Role "user" }}}}{system}{{{{ .Content }}}}'
            f'{{{{ else if eq .Role "assistant" }}}}{self.answer[0]}{{{{ .Content }}}}'
            f"{self.answer[1]}{{{{ end }}}}{{{{ end }}}}{self.end}"
        )


def read_frame(tokenizer: Any) -> Frame | None:
    """Find what a chat template puts around messages, and make sure of it on conversations.

    Args:
        tokenizer: with a chat template.

    Returns:
        The frame; `None` for a template that does more than to put something around each message.
    """
    talks = [[{"role": role, "content": f"{role} {PROBE}"} for role in roles] for roles in TALKS]
    try:
        rendered = [_render(tokenizer, talk) for talk in talks]
        frames = [_cut(rendered, in_last) for in_last in (False, True)]
    except Exception:  # a template may refuse a role or an order in any way it likes
        return None
    for frame in frames:
        if "{{" in str(frame) or '"""' in str(frame):
            continue
        if [frame.render(talk) for talk in talks] == rendered:
            return frame
    return None


def _cut(rendered: list[str], in_last: bool) -> Frame:
    """Cut what the template has rendered of `TALKS` at the messages' texts."""
    question, answer, system = (f"{role} {PROBE}" for role in ("user", "assistant", "system"))
    start, end = rendered[0].split(question)
    before, behind = rendered[1].split(question)[0].split(system)
    _, between, _ = rendered[2].split(question)
    first, second = between.split(answer)
    if in_last:
        before = before.removeprefix(start)
    return Frame(start, (before, behind), in_last, (first, second), end)


def _render(tokenizer: Any, messages: list[dict[str, str]]) -> str:
    """Render without the token that begins a text: llama.cpp adds that itself."""
    text = str(tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True))
    return text.removeprefix(tokenizer.bos_token or "")
