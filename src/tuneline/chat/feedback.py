"""Feedback on the page: a thumb under each answer, and a better answer, kept as they are given."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any

from tuneline.errors import Problem, TunelineError
from tuneline.examples import MODELS, Feedback, Message, ModelName, hash_templates
from tuneline.models.adapter import NAMES
from tuneline.parameters import Prompt
from tuneline.utils.terminal import shorten

# More than any model of these sizes answers.
MOST_CHARACTERS = 50_000
SHOWN_CHARACTERS = 200
THUMBS = ("Like", "Dislike")


@dataclass(frozen=True)
class Collector:
    """Keeps what people think of answers.

    `adapter` is the SHA-256 of the one that writes the tuned answers; what `keep` adds to the
    dataset survives whatever happens next.
    """

    adapter: str
    prompt: Prompt
    keep: Callable[[list[Feedback]], None]

    def rate(
        self,
        messages: dict[ModelName, list[Message]],
        is_whole: bool,
        who: ModelName,
        place: int,
        liked: bool,
    ) -> Feedback:
        """Keep a thumb.

        Answers count from 0 among the messages that are shown; `is_whole` is of both last answers.

        Raises:
            TunelineError: if there is no such answer any more, or it cannot be kept.
        """
        place += sum(one["role"] == "system" for one in messages[who])
        said = messages[who][: place + 1]
        is_last = place >= min(map(len, messages.values())) - 1
        if len(said) < max(place + 1, 2) or said[-1]["role"] != "assistant":
            raise TunelineError(_gone())
        if is_last and not is_whole:
            raise TunelineError(_gone())
        answers = {one: _find_answer(messages[one], place) for one in MODELS}
        row = Feedback(
            source="chat",
            date=_tell_time(),
            adapter=self.adapter,
            templates=hash_templates(self.prompt),
            context=said[:-2],
            prompt=said[-2]["content"],
            base_answer=answers["base"],
            tuned_answer=answers["tuned"],
            answer_of=who,
            rating="good" if liked else "bad",
            better_answer="",
        )
        self.keep([row])
        return row

    def improve(self, row: Feedback, better: str) -> None:
        """Keep a better answer to what was rated.

        Raises:
            TunelineError: if it is empty, endless or the answer itself, or cannot be kept.
        """
        problem = _find_problem(row, better)
        if problem:
            raise TunelineError(problem)
        self.keep([{**row, "date": _tell_time(), "better_answer": better.strip()}])


def _find_answer(messages: list[Message], place: int) -> str | None:
    """Find the answer to the same question; None if that model was stopped before it."""
    return messages[place]["content"] if place < len(messages) else None


def _tell_time() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def _gone() -> Problem:
    return Problem(
        where="the answer",
        wrong="it is not whole, or not there any more",
        matters="nobody could tell what the thumb is about",
        remedy="wait until both models have answered",
    )


def _find_problem(row: Feedback, better: str) -> Problem | None:
    wrong = ""
    if not better.strip():
        wrong, matters = "it is empty", "nothing could be learned from it"
    elif len(better) > MOST_CHARACTERS:
        wrong, matters = f"it has {len(better):,} characters", "no model here writes as many"
    elif better.strip() == (row["base_answer" if row["answer_of"] == "base" else "tuned_answer"]):
        wrong, matters = "it is the answer that is there", "there is nothing better in it"
    if not wrong:
        return None
    remedy = f"write what you would have liked to read, {MOST_CHARACTERS:,} characters at most"
    return Problem("the better answer", wrong, matters, remedy)


def add_panel(gradio: Any, collector: Collector, said: Any, windows: dict[ModelName, Any]) -> None:
    """Add the part of the page that asks for a better answer; it shows after a thumb."""
    rated = gradio.State(None)
    with gradio.Column(visible=False, elem_id="feedback") as panel:
        about = gradio.Textbox(
            label="Your feedback", lines=1, max_lines=4, interactive=False, elem_id="rated"
        )
        with gradio.Row(equal_height=True):
            better = gradio.Textbox(
                label="A better answer",
                placeholder="Write the answer that you would have liked to read",
                lines=3,
                max_lines=12,
                scale=8,
                elem_id="better",
            )
            save = gradio.Button("Save", scale=1, min_width=90, elem_id="save")

    directly = {"queue": False, "show_progress": "hidden", "api_visibility": "private"}
    for who, window in windows.items():

        def note(before: Any, event: gradio.LikeData, who: ModelName = who) -> list[Any]:
            row, said = _rate(collector, before, event, who)
            return [row, gradio.Column(visible=True), said, ""]

        window.like(note, [said], [rated, panel, about, better], **directly)
    save.click(partial(_improve, collector), [rated, better], [about, better], **directly)


def _rate(
    collector: Collector, before: Any, event: Any, who: ModelName
) -> tuple[Feedback | None, str]:
    """Keep a thumb; give its row, if there is one, and what to say of it."""
    is_whole, liked = len(before.answers) == len(MODELS), event.liked in (True, THUMBS[0])
    try:
        row = collector.rate(before.messages, is_whole, who, int(event.index), liked)
    except TunelineError as error:
        return None, str(error)
    name = NAMES["base" if row["answer_of"] == "base" else "tuned"]
    return row, f"Kept: the {name}'s answer “{_quote(row)}” is {row['rating']}."


def _improve(collector: Collector, row: Feedback | None, typed: str) -> tuple[str, str]:
    """Keep a better answer; give what to say of it, and what stays typed."""
    if row is None:
        return str(_gone()), typed
    try:
        collector.improve(row, typed)
    except TunelineError as error:
        return str(error), typed
    return f"Kept: your answer in place of “{_quote(row)}”.", ""


def _quote(row: Feedback) -> str:
    answer = row["base_answer" if row["answer_of"] == "base" else "tuned_answer"]
    return shorten(answer or "", SHOWN_CHARACTERS)
