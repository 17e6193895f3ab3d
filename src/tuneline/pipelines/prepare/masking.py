"""Placeholders for personal data and secrets: the same value has the same in the whole data set."""

from collections import Counter
from collections.abc import Callable
from hashlib import blake2b

import polars as pl

from tuneline.pipelines.prepare.personal_data import Finding, find_personal_data

PLACEHOLDER = r"\[(?:KEY|MAIL|IBAN|CARD|ID|PHONE)_[a-p]{16}\]"
# Sixteen letters instead of hexadecimal digits: no digit of a placeholder is part of a number.
_LETTERS = str.maketrans("0123456789abcdef", "abcdefghijklmnop")


def hide(text: str) -> str:
    """Write the kind of each finding in its place, for pages: `[MAIL]`."""
    return _replace(text, lambda one: f"[{one.kind}]")


def mask_texts(texts: pl.Series) -> pl.Series:
    """Put a placeholder in the place of each finding, the same for the same value.

    A placeholder holds a hash of the value, until `number_placeholders` numbers it.
    """
    return texts.map_elements(
        lambda text: _replace(text, lambda one: f"[{one.kind}_{_hash(one.value)}]"),
        return_dtype=pl.String,
    )


def _replace(text: str, name: Callable[[Finding], str]) -> str:
    kept, start = [], 0
    for one in find_personal_data(text):
        kept += [text[start : one.start], name(one)]
        start = one.end
    return "".join([*kept, text[start:]])


def _hash(value: str) -> str:
    return blake2b(value.encode(), digest_size=8).hexdigest().translate(_LETTERS)


class Placeholders:
    """Numbers placeholders in the order in which they come: `[MAIL_1]`, of feedback `[MAIL_F1]`.

    A hash of a phone number or a mail address could be found by trying them all; a number says
    nothing about the value. So no hash of the rows is kept for feedback, and its numbers have a
    letter: two values never share a placeholder. Each different value takes some 200 bytes.
    """

    def __init__(self, names: dict[str, str] | None = None, letter: str = "") -> None:
        self._names: dict[str, str] = names or {}
        self._counts: Counter[str] = Counter()
        self._letter = letter

    def number(self, table: pl.DataFrame, columns: list[str]) -> pl.DataFrame:
        """Number the placeholders of a batch; a value keeps its number from batch to batch."""
        names = {one: self.name(one) for one in list_placeholders(table, columns)}
        if not names:
            return table
        texts = pl.col(columns).str.replace_many(list(names), list(names.values()))
        return table.with_columns(texts)

    def name(self, placeholder: str) -> str:
        """Number one placeholder."""
        if placeholder not in self._names:
            kind = placeholder[1:].split("_", maxsplit=1)[0]
            self._counts[kind] += 1
            self._names[placeholder] = f"[{kind}_{self._letter}{self._counts[kind]}]"
        return self._names[placeholder]


def list_placeholders(table: pl.DataFrame, columns: list[str]) -> pl.Series:
    """List the different placeholders of a batch, in their order."""
    found = [pl.col(name).str.extract_all(PLACEHOLDER) for name in columns]
    held = table.select(pl.concat_list(found)).to_series().explode().drop_nulls()
    return held.unique(maintain_order=True)
