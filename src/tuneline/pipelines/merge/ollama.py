"""The tokenizer's chat template in Ollama's words."""

from dataclasses import dataclass
from typing import Any

from tuneline.models.rendering import find_end_tokens
from tuneline.parameters import Evaluation, Recipe

# Replaces a message's text while one looks at what the template puts around it.
PROBE = "Q1W2E3"
# The conversations that a model may be asked in, each with a last question to be answered.
TALKS = (
    ("user",),
    ("system", "user"),
    ("user", "assistant", "user"),
    ("system", "user", "assistant", "user"),
)
# Tokens that Ollama keeps in view unless it is told; what goes beyond is cut silently.
OLLAMA_CONTEXT = 4096
LLAMA_CLI = {"temperature": "--temp", "top_k": "--top-k", "top_p": "--top-p"}


@dataclass(frozen=True)
class Frame:
    """What a chat template puts around the texts of a conversation that ends with a question.

    Attributes:
        start: is before the first question.
        system: are before and after a system message.
        in_last: whether a system message goes into the last question; otherwise it is what the
            conversation starts with, in place of `start`.
        answer: are before and after an answer, up to where the next question begins.
        end: is after the last question and tells the model to answer.
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

    def format_for_ollama(self) -> str:
        """Write the frame in the language of Go's templates, which Ollama uses.

        Ollama joins messages of one role that follow one another, so that question and answer take
        turns, and gives the system message by itself as well.
        """
        before, after = self.system
        start, each, system = self.start, "range .Messages", ""
        if self.in_last:
            each = "range $i, $_ := .Messages"
            system = (
                "{{ if and $.System (eq (len (slice $.Messages $i)) 1) }}"
                + f"{before}{{{{ $.System }}}}{after}{{{{ end }}}}"
            )
        else:
            start = (
                f"{{{{ if .System }}}}{before}{{{{ .System }}}}{after}"
                f"{{{{ else }}}}{self.start}{{{{ end }}}}"
            )
        return (
            f'{start}{{{{ {each} }}}}{{{{ if eq .Role "user" }}}}{system}{{{{ .Content }}}}'
            f'{{{{ else if eq .Role "assistant" }}}}{self.answer[0]}{{{{ .Content }}}}'
            f"{self.answer[1]}{{{{ end }}}}{{{{ end }}}}{self.end}"
        )


def read_frame(tokenizer: Any) -> Frame | None:
    """Find what a chat template puts around messages, and make sure of it on conversations.

    None for a template that does more than to put something around each message.
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
    before, after = rendered[1].split(question)[0].split(system)
    _, between, _ = rendered[2].split(question)
    first, second = between.split(answer)
    if in_last:
        before = before.removeprefix(start)
    return Frame(start, (before, after), in_last, (first, second), end)


def _render(tokenizer: Any, messages: list[dict[str, str]]) -> str:
    """Render without the token that begins a text: llama.cpp adds that itself."""
    text = str(tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True))
    return text.removeprefix(tokenizer.bos_token or "")


def list_settings(recipe: Recipe, evaluation: Evaluation) -> dict[str, Any]:
    """List decoding and context by Ollama's names, its own being others than transformers'."""
    generation = evaluation.generation
    settings: dict[str, Any] = {"temperature": 0}
    if generation.get("do_sample"):
        usual = {"temperature": 1.0, "top_k": 50, "top_p": 1.0}
        settings = {name: generation.get(name, value) for name, value in usual.items()}
    settings["repeat_penalty"] = generation.get("repetition_penalty", 1.0)
    if recipe.max_length > OLLAMA_CONTEXT:
        settings["num_ctx"] = recipe.max_length
    return settings


def list_options(settings: dict[str, Any], system: str | None) -> list[str]:
    """List the words that tell llama-cli the same."""
    decoding = [
        word
        for name, flag in LLAMA_CLI.items()
        if name in settings
        for word in (flag, str(settings[name]))
    ]
    return [*decoding, *(["-sys", system] if system else [])]


def list_notes(merged: dict[str, Any], file: str) -> list[str]:
    """List what whoever takes the model home should know of it."""
    return [
        f"Merged into {merged['weights']}; stored in {merged['dtype']}.",
        merged["comparison"]["summary"],
        file,
    ]


def format_modelfile(
    model: str, tokenizer: Any, settings: dict[str, Any], system: str | None, notes: list[str]
) -> str:
    """Word what Ollama makes a model of.

    `model` is the GGUF file or the merged folder, as seen from the Modelfile. Where the chat
    template cannot be put into Ollama's words there is no TEMPLATE: Ollama compares the template in
    the GGUF file with those it knows.
    """
    frame = read_frame(tokenizer)
    ends = tokenizer.convert_ids_to_tokens(find_end_tokens(tokenizer))
    lines = [
        *(f"# {note}" for note in notes),
        f"FROM {model}",
        *([f'TEMPLATE """{frame.format_for_ollama()}"""'] if frame else []),
        *([f'SYSTEM """{system}"""'] if system else []),
        *(f'PARAMETER stop "{token}"' for token in ends),
        *(f"PARAMETER {name} {value}" for name, value in settings.items()),
    ]
    return "\n".join([*lines, ""])
