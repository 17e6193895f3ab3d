"""Conversations of several turns in a new use case: where they are, and what they begin with."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import polars as pl

from tuneline.datasets.json_shapes import CONVERSATIONS
from tuneline.datasets.raw_decoding import parse_json
from tuneline.errors import Problem, TunelineError
from tuneline.new_use_case.sources import Source, join_columns
from tuneline.parameters.data import Data
from tuneline.parameters.examples import TURN_COLUMNS, Conversations
from tuneline.parameters.splits import Split
from tuneline.pipelines.prepare.conversation_reading import Conversation, read_conversation
from tuneline.pipelines.prepare.conversations import outline_conversations, write_conversation

SYSTEM, *PAIR = TURN_COLUMNS
# Columns whose lists of texts are turns; lists of messages are, whatever the column is called.
NAMES = {*CONVERSATIONS, "conversation", "dialog", "dialogs", "dialogue", "turns", "chat"}


def find_turns_column(rows: list[dict[str, Any]]) -> str | None:
    """Find the column with conversations of several turns, in objects or in texts that are JSON.

    Those with a single turn are read as columns: see `unfold`.
    """
    named = next((name for name in rows[0] if _are_turns(name, rows[0][name])), None)
    if named is None:
        return None
    several = any(one.turns > 1 for one in _read(rows, named))
    return named if several or named not in CONVERSATIONS else None


def _are_turns(name: str, value: Any) -> bool:
    if isinstance(value, str) and value.lstrip().startswith("["):
        value, _ = parse_json(value.encode())
    if not isinstance(value, list) or not value:
        return False
    if all(isinstance(one, dict) and {"role", "from"} & one.keys() for one in value):
        return True
    return name.lower() in NAMES and all(isinstance(one, str) for one in value)


def _read(rows: list[dict[str, Any]], column: str) -> Iterator[Conversation]:
    settings = Conversations(column=column)
    for row in rows:
        cell = row.get(column)
        text = msgspec.json.encode(cell, enc_hook=str).decode() if isinstance(cell, list) else cell
        yield read_conversation(text if isinstance(text, str) else "", settings)


def find_conversations(
    path: Path,
    about: tuple[str, str, str],
    rows: list[dict[str, Any]],
    column: str,
    options: dict[str, Any],
) -> Source:
    """Find what conversations of several turns begin with, and their system messages.

    `about` is the kind, the dataset, and what was found.

    Raises:
        TunelineError: if no conversation can be learned.
    """
    kind, dataset, said = about
    read = list(_read(rows, column))
    good = [(row, one) for row, one in zip(rows, read, strict=True) if one.messages]
    if not good:
        raise TunelineError(_no_conversation(path, column, read))
    cells = pl.DataFrame({column: [write_conversation(one.messages) for _, one in good]})
    outlines = outline_conversations(cells, make_data(column)).select(TURN_COLUMNS)
    systems = Counter(outlines[SYSTEM])
    named = [one for one in systems if one]
    others = [name for name in rows[0] if name != column and name not in TURN_COLUMNS]
    texts = (
        {name: str(row[name]) for name in others if isinstance(row.get(name), str | int)} | outline
        for (row, _), outline in zip(good, outlines.to_dicts(), strict=True)
    )
    table = join_columns(texts, [*others, *TURN_COLUMNS])
    filled = [name for name in table.columns if name in PAIR or (table[name] != "").any()]
    turns = sum(one.turns for _, one in good)
    return Source(
        path,
        kind,
        dataset,
        f"{said}, conversations of {turns / len(good):.1f} turns on average in `{column}`",
        table.select(filled),
        options,
        tuple(filled),
        roles=(PAIR[0], PAIR[1]),
        system=named[0] if len(systems) == len(named) == 1 else None,
        conversations=column,
        notes=tuple(f"not used: the column `{one}`" for one in TURN_COLUMNS if one in rows[0]),
    )


def make_data(column: str) -> Data:
    """State what is read of conversations."""
    return Data(
        id="line",
        columns=[column],
        conversations=Conversations(column=column),
        split=Split(test=1, validation=1),
    )


def _no_conversation(path: Path, column: str, read: list[Conversation]) -> Problem:
    reasons = Counter(one.reason or "it is empty" for one in read)
    reason, rows = reasons.most_common(1)[0]
    return Problem(
        where=f"{path}: {column}",
        wrong=f"no conversation can be learned: {reason} ({rows:,} rows)",
        matters="there is nothing to learn from; nothing was written",
        remedy="let each be questions and answers in turn, in messages with `role` and `content`",
    )
