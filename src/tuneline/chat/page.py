"""The page itself: two columns, the system prompt, and one line to write in."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from html import escape
from typing import Any

from tuneline.chat.conversation import Chat, Conversation
from tuneline.chat.feedback import THUMBS, add_panel
from tuneline.errors import Problem, TunelineError
from tuneline.examples import MODELS
from tuneline.models.adapter import NAMES

NO_SYSTEM = "(none, as in the training)"
LOOK = {"primary_hue": "blue", "neutral_hue": "slate"}
STYLE = """
.gradio-container { width: 100% !important; max-width: 1280px !important; }
.gradio-container { margin: 0 auto !important; }
.gradio-container main { width: 100%; }
#heading h1 { font-size: 1.6rem; margin: 0; }
#heading p { margin: 2px 0 0; overflow-wrap: anywhere; }
#ask, #restart, #save { white-space: nowrap; max-height: 64px; align-self: flex-end; }
.message-content .md { white-space: pre-wrap; overflow-wrap: anywhere; }
.speed { border: 0 !important; }
.speed textarea { border: 0 !important; box-shadow: none !important; background: none !important; }
.speed textarea { -webkit-text-fill-color: #5b6675; font-size: .85rem; padding: 0 4px; }
#notice textarea { -webkit-text-fill-color: #b42318; }
.speed textarea, #notice textarea { opacity: 1; }
#base [aria-label=Clear], #tuned [aria-label=Clear] { display: none; }
@media (max-width: 640px) { #base, #tuned { height: 300px !important; } }
"""


@dataclass(frozen=True)
class About:
    """What the page says about itself."""

    title: str
    models: str


def import_gradio() -> Any:
    """Import the library of the page, which is an extra.

    Raises:
        TunelineError: if it is not installed.
    """
    # Read when it is imported. Nobody is told that the page is used.
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
    try:
        import gradio
    except ModuleNotFoundError as error:
        raise TunelineError(
            Problem(
                where="kedro chat",
                wrong=f"the package `{error.name}` is not installed",
                matters="the page is made with it, and it is an optional extra",
                remedy="run `pip install --constraint constraints.txt --editable '.[chat]'`",
            )
        ) from error
    return gradio


def build_page(chat: Chat, about: About) -> Any:
    """Build the page.

    What models and users write is plain text here, never HTML or Markdown.
    """
    gradio = import_gradio()
    with gradio.Blocks(title=f"{about.title} · Tuneline", analytics_enabled=False) as page:
        said = gradio.State(Conversation())
        heading = f"<h1>{escape(about.title)}</h1><p>{escape(about.models)}</p>"
        gradio.HTML(heading, elem_id="heading")
        system = chat.system or NO_SYSTEM
        gradio.Textbox(system, label="System prompt", interactive=False, elem_id="system")
        with gradio.Row():
            columns = [_add_column(gradio, who) for who in MODELS]
        windows = {who: window for who, (window, _) in zip(MODELS, columns, strict=True)}
        add_panel(gradio, chat.collector, said, windows)
        notice = gradio.Textbox(
            label="Not asked", visible=False, interactive=False, elem_id="notice"
        )
        with gradio.Row(equal_height=True):
            question = gradio.Textbox(
                label="Question",
                placeholder="Ask both models",
                show_label=False,
                max_lines=8,
                autofocus=True,
                scale=8,
                elem_id="question",
            )
            ask = gradio.Button("Ask", variant="primary", scale=1, min_width=90, elem_id="ask")
            restart = gradio.Button("New conversation", scale=1, min_width=200, elem_id="restart")

        def answer(typed: str, before: Conversation) -> Iterator[list[Any]]:
            try:
                for step, now in enumerate(chat.ask(typed, before)):
                    # Moderated once: what is typed while the models answer is the next question.
                    moderated = "" if step == 0 else gradio.skip()
                    # The rest of the answers would bring back what New conversation clears.
                    button = gradio.Button(interactive=False)
                    unseen = gradio.Textbox(visible=False)
                    yield [now, *_show(now), unseen, moderated, button, button]
            except TunelineError as error:
                refused = gradio.Textbox(str(error), visible=True)
                yield [before, *_show(before), refused, typed, gradio.skip(), gradio.skip()]

        def start_again() -> list[Any]:
            empty = Conversation()
            return [empty, *_show(empty), gradio.Textbox(visible=False), ""]

        shown = [said, *(part for column in columns for part in column), notice, question]
        # One model in memory: whoever asks next waits until both answers are there.
        asked = gradio.on(
            [ask.click, question.submit],
            answer,
            [question, said],
            [*shown, ask, restart],
            concurrency_limit=1,
            show_progress="hidden",
            api_visibility="private",
        )
        # Without the queue, whose stream is just closing when the last answer has come.
        directly = {"queue": False, "show_progress": "hidden", "api_visibility": "private"}
        asked.then(lambda: [gradio.Button(interactive=True)] * 2, None, [ask, restart], **directly)
        restart.click(start_again, None, shown, **directly)
    return page


def _add_column(gradio: Any, who: Any) -> tuple[Any, Any]:
    with gradio.Column(min_width=280):
        window = gradio.Chatbot(
            label=NAMES[who].capitalize(),
            render_markdown=False,
            buttons=[],
            feedback_options=THUMBS,
            height=440,
            elem_id=who,
        )
        speed = gradio.Textbox(
            label=f"Speed of the {NAMES[who]}",
            show_label=False,
            container=False,
            interactive=False,
            elem_id=f"{who}-speed",
            elem_classes="speed",
        )
    return window, speed


def _show(conversation: Conversation) -> list[Any]:
    """Give each column its messages, and how its last answer came."""
    return [
        part
        for who in MODELS
        for part in (
            [
                # Gradio shows HTML, if harmless, even where it renders no Markdown.
                {**message, "content": escape(message["content"], quote=False)}
                for message in conversation.messages[who]
                if message["role"] != "system"
            ],
            conversation.answers[who].describe() if who in conversation.answers else "",
        )
    ]
