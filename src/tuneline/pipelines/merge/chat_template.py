"""The tokenizer's chat template in Ollama's words."""

from dataclasses import dataclass
from typing import Any

# Stands for a message's text while one looks at what the template puts around it.
PROBE = "Q1W2E3"
ROLES = ("system", "user", "assistant")


@dataclass(frozen=True)
class Frame:
    """What a chat template puts around messages.

    Attributes:
        around: by role, what stands before and behind a message.
        cue: what tells the model to answer.
    """

    around: dict[str, tuple[str, str]]
    cue: str

    def render(self, messages: list[dict[str, str]]) -> str:
        """Render messages as the Ollama template below does."""
        parts = []
        for message in messages:
            before, behind = self.around[message["role"]]
            parts.append(before + message["content"] + behind)
        return "".join(parts) + self.cue

    def word_for_ollama(self) -> str:
        """Write the frame in the language of Go's templates, which Ollama uses."""
        branches = []
        for index, role in enumerate(ROLES):
            before, behind = self.around[role]
            opening = "if" if index == 0 else "else if"
            branches.append(
                f'{{{{ {opening} eq .Role "{role}" }}}}{before}{{{{ .Content }}}}{behind}'
            )
        return "{{ range .Messages }}" + "".join(branches) + "{{ end }}{{ end }}" + self.cue


def read_frame(tokenizer: Any) -> Frame | None:
    """Find what a chat template puts around messages, and make sure of it on a conversation.

    Args:
        tokenizer: with a chat template.

    Returns:
        The frame; `None` for a template that does more than to put something around each message.
    """
    try:
        frame = _probe(tokenizer)
        talk = [{"role": role, "content": f"{role} {PROBE}"} for role in (*ROLES, "user")]
        whole = _render(tokenizer, talk, cue=True)
    except Exception:  # a template may refuse a role or an order in any way it likes
        return None
    fits = frame.render(talk) == whole and "{{" not in str(frame) and '"""' not in str(frame)
    return frame if fits else None


def _probe(tokenizer: Any) -> Frame:
    """Render one message more each time and see what was added."""
    around, before = {}, ""
    talk: list[dict[str, str]] = []
    for role in ROLES:
        talk.append({"role": role, "content": PROBE})
        now = _render(tokenizer, talk, cue=False)
        first, behind = now.removeprefix(before).split(PROBE)
        around[role], before = (first, behind), now
    asked = _render(tokenizer, talk[:2], cue=False)
    cue = _render(tokenizer, talk[:2], cue=True).removeprefix(asked)
    return Frame(around=around, cue=cue)


def _render(tokenizer: Any, messages: list[dict[str, str]], cue: bool) -> str:
    """Render without the token that begins a text: llama.cpp adds that itself."""
    text = str(tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=cue))
    return text.removeprefix(tokenizer.bos_token or "")
