"""What is asked of a provider: how items are shown, and what must come back of each."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from tuneline.llm_api.requests import Request, make_object_schema
from tuneline.pipelines.synthesize.filters import QUOTED_WORDS, Item

FIRST_WORDS = f"the first {QUOTED_WORDS} words of its source, unchanged"
NAME = {"id": "the item's, unchanged"}


@dataclass(frozen=True)
class Form:
    """How items are shown and what comes back of each.

    Attributes:
        fields: what each text of an object means, by its name, next to its `id`.
        shown: keys of an item that a provider sees; the rest is Tuneline's own.
        shared: keys that the items of one request have in common; they are shown once, above them.
        may_be_empty: those of the fields that need not hold a text.
    """

    fields: dict[str, str]
    shown: tuple[str, ...]
    shared: tuple[str, ...] = ()
    may_be_empty: tuple[str, ...] = ()

    @property
    def is_quoted(self) -> bool:
        """Whether an object names its item by the first words of its source, too."""
        return self.fields.get("quote") == FIRST_WORDS


TEXTS = Form({"quote": FIRST_WORDS, "text": "what you write"}, ("id", "style", "source"))
# Only where one of the items should have one.
DISFLUENT_TEXTS = Form(
    {
        **TEXTS.fields,
        "disfluency": "where the item's disfluency is true, the word that was garbled, exactly as "
        'it is in text; otherwise ""',
    },
    ("id", "style", "disfluency", "source"),
    may_be_empty=("disfluency",),
)
CHUNK = ("document", "heading", "text")
PAIRS = Form(
    {
        "quote": "the words of the text on which the answer rests, unchanged",
        "question": "what is asked",
        "answer": "what is answered",
    },
    ("id",),
    CHUNK,
)
VERDICTS = Form(
    {
        "verdict": "supported if the text says all that the answer says, otherwise unsupported",
        "reason": "in a few words, what the text does not say, or where it says all",
    },
    ("id", "question", "answer"),
    CHUNK,
)


def make_row_form(columns: Sequence[str]) -> Form:
    """Make the form of rows that have these columns of text."""
    written = {name: f"the example's own text for {name}" for name in columns}
    return Form({"quote": FIRST_WORDS, **written}, ("id", "source"))


def choose_texts(items: Sequence[Item]) -> Form:
    """Choose the form of texts: a disfluency is only spoken of where one is wanted."""
    return DISFLUENT_TEXTS if any(item.get("disfluency") for item in items) else TEXTS


def make_request(
    step: str,
    instruction: str,
    items: Sequence[Item],
    attempt: int,
    last: bool,
    form: Form | None = None,
) -> Request:
    """Make the request for some items.

    What comes for an item can only come under its own id. Attempts count from 1; without a form,
    items are texts.
    """
    form = form or choose_texts(items)
    fields = NAME | form.fields
    shared = {name: items[0][name] for name in form.shared if items[0][name]}
    shown = [{name: item[name] for name in form.shown if name in item} for item in items]
    asked: dict[str, Any] = {**shared, "items": shown}
    objects = ", ".join(f'"{name}": …' for name in fields)
    meanings = " ".join(f"{name}: {meaning}." for name, meaning in fields.items())
    item = make_object_schema({name: {"type": "string"} for name in fields})
    told = (
        f'Reply with JSON only: {{"items": [{{{objects}}}]}}, one object for each item. {meanings}'
    )
    return Request(
        step=step,
        messages=[
            {"role": "system", "content": f"{instruction.strip()}\n\n{told}"},
            {"role": "user", "content": json.dumps(asked, ensure_ascii=False)},
        ],
        items=list(items),
        attempt=attempt,
        schema=make_object_schema({"items": {"type": "array", "items": item}}),
        last=last,
    )
