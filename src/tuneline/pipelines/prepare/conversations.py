"""Conversations of several turns: read from a cell, checked, and cleaned message by message."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import orjson
import polars as pl

from tuneline.examples import KNOWN_TURNS, find_learned, read_turns
from tuneline.parameters.data import Data
from tuneline.parameters.examples import TURN_COLUMNS, Conversations
from tuneline.pipelines.prepare.conversation_reading import (
    EMPTY,
    Conversation,
    Said,
    read_conversation,
)
from tuneline.pipelines.prepare.text_rules import Change
from tuneline.utils.hashing import hash_value
from tuneline.utils.words import normalize_words


@dataclass(frozen=True)
class Cleaned:
    """A column of conversations after the cleaning.

    Attributes:
        cells: each conversation as JSON; empty where there is none.
        reasons: why a row is rejected, or null.
        lengths: characters of the messages before.
        turns: answers in the raw data that are to be learned.
        kept: those that are left.
    """

    cells: pl.Series
    reasons: pl.Series
    lengths: pl.Series
    turns: pl.Series
    kept: pl.Series


def clean_conversations(
    raw: pl.Series,
    settings: Conversations,
    clean: Callable[[pl.Series, list[Change]], pl.Series],
    changes: list[Change],
) -> Cleaned:
    """Clean every message of a column of conversations.

    `changes` grows by what each rule did. A conversation of which a message is empty afterwards is
    rejected.
    """
    read = [read_conversation(cell, settings) for cell in raw]
    said = [(row, one) for row, found in enumerate(read) for one in found.messages]
    owners = pl.Series([row for row, _ in said], dtype=pl.Int64)
    texts = pl.Series([one["content"] for _, one in said], dtype=pl.String)
    changed: list[Change] = []
    tidy = clean(texts, changed)
    changes += [replace(one, rows=owners.gather(one.rows)) for one in changed]
    done: list[list[Said]] = [[] for _ in read]
    for (row, one), text in zip(said, tidy, strict=True):
        done[row].append({**one, "content": text})
    settled = [_settle(found, messages) for found, messages in zip(read, done, strict=True)]
    return Cleaned(
        pl.Series([write_conversation(one.messages) for one in settled], dtype=pl.String),
        pl.Series([one.reason or None for one in settled], dtype=pl.String),
        pl.Series([_measure(found.messages) for found in read], dtype=pl.UInt32),
        pl.Series([one.turns for one in settled], dtype=pl.Int64),
        pl.Series([one.kept for one in settled], dtype=pl.Int64),
    )


def _measure(messages: list[Said]) -> int:
    """Count the characters that `join_texts` gives."""
    return sum(len(one["content"]) for one in messages) + max(len(messages) - 1, 0)


def _settle(found: Conversation, messages: list[Said]) -> Conversation:
    empty = [number for number, one in enumerate(messages, start=1) if not one["content"]]
    if empty:
        return Conversation([], found.turns, f"conversation {EMPTY}: message {empty[0]}")
    return replace(found, messages=messages)


def write_conversation(messages: list[Said]) -> str:
    """Write a conversation as a cell; nothing for none."""
    return orjson.dumps(messages).decode() if messages else ""


def outline_conversations(rows: pl.DataFrame, data: Data) -> pl.DataFrame:
    """Add to each conversation what it is compared and shown by.

    Adds `system`, `user` (the first question, as a fixed question is asked) and `assistant` (all
    that follows it).
    """
    if data.conversations is None:
        return rows
    outlines = []
    for cell in rows[data.conversations.column]:
        system, turns = read_turns(cell)
        first, *others = [text for turn in turns for text in turn]
        outlines.append((system, first, "\n".join(others)))
    schema = dict.fromkeys(TURN_COLUMNS, pl.String)
    return rows.hstack(pl.DataFrame(outlines, schema, orient="row"))


def mark_known_turns(rows: pl.DataFrame, data: Data) -> pl.DataFrame:
    """Find the turns of held-out conversations that another split has word for word.

    Conversations that begin alike, with a greeting or as two versions of one, differ as a whole,
    and the model still learns the turns that they share. These are not asked in the evaluation.
    `KNOWN_TURNS` is 0 for training. Validation is compared with training, test with both.
    """
    if data.conversations is None:
        return rows
    cells = rows[data.conversations.column]
    beginnings = [_list_beginnings(cell) for cell in cells]
    known, counts = set[str](), [0] * rows.height
    for split in ("train", "validation", "test"):
        chosen = [place for place, one in enumerate(rows["split"]) if one == split]
        for place in chosen if split != "train" else []:
            learned = find_learned(cells[place])
            counts[place] = sum(beginnings[place][turn] in known for turn in learned)
        known.update(one for place in chosen for one in beginnings[place])
    return rows.with_columns(pl.Series(KNOWN_TURNS, counts))


def _list_beginnings(cell: str) -> list[str]:
    """Fingerprint what was said up to each answer, and the answer, by its words."""
    _, turns = read_turns(cell)
    said = normalize_words([text for turn in turns for text in turn]).to_list()
    return [hash_value(said[:end]) for end in range(2, len(said) + 1, 2)]


def join_texts(cells: pl.Series) -> pl.Series:
    """Put the texts of each conversation together, one below the other."""
    shape = pl.List(pl.Struct({"role": pl.String, "content": pl.String}))
    texts = pl.element().struct.field("content")
    return cells.str.json_decode(shape).list.eval(texts).list.join("\n")
