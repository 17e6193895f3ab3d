"""Rows whose title or content came before: found by 64-bit hashes."""

import numpy as np
import polars as pl

Keys = np.ndarray[tuple[int], np.dtype[np.uint64]]
Found = np.ndarray[tuple[int], np.dtype[np.bool_]]


class SeenKeys:
    """A growing set of 64-bit keys, eight bytes each.

    Sorted arrays, each at least twice as long as the next: a new one is merged with those that are
    not longer, so that a key is moved about log2(n) times in all.
    """

    def __init__(self) -> None:
        self._runs: list[Keys] = []

    def find(self, keys: Keys) -> Found:
        """Tell of each key whether it is in the set."""
        found = np.zeros(len(keys), dtype=bool)
        order = np.argsort(keys)
        ordered = keys[order]  # neighbors in a run are neighbors in memory
        for run in self._runs:
            places = np.minimum(np.searchsorted(run, ordered), len(run) - 1)
            found[order] |= run[places] == ordered
        return found

    def add(self, keys: Keys) -> None:
        """Put keys into the set."""
        run = np.sort(keys)
        while self._runs and len(self._runs[-1]) < 2 * len(run):
            # A stable sort of two sorted runs is a merge.
            run = np.sort(np.concatenate([self._runs.pop(), run]), kind="stable")
        if len(run):
            self._runs.append(run)


def find_repetitions(table: pl.DataFrame, seen: dict[str, SeenKeys]) -> pl.DataFrame:
    """Mark rows whose text in a column was in a kept row before, in any letter case.

    Args:
        table: rows with `reason`.
        seen: for each column that must not repeat, hashes of the texts of earlier batches; they
            grow. Two different texts share one with a probability of about 1 in 10^7 for two
            million rows.

    Returns:
        The rows with `reason` filled for the repetitions; the first column that applies counts.
    """
    if not seen:
        return table
    kept, keys = hash_kept(table, list(seen))
    return mark_repetitions(table, kept, find_repeated_keys(keys, seen))


def hash_kept(table: pl.DataFrame, columns: list[str]) -> tuple[pl.Series, dict[str, Keys]]:
    """Hash the texts that must not repeat.

    Returns:
        Places of the kept rows: only their texts count, as a title whose first row was dropped may
        still come; and for each column their hashes.
    """
    kept = table["reason"].is_null().arg_true()
    texts = {name: table[name].gather(kept).str.to_lowercase() for name in columns}
    return kept, {name: one.hash().to_numpy() for name, one in texts.items()}


def find_repeated_keys(keys: dict[str, Keys], seen: dict[str, SeenKeys]) -> dict[str, Found]:
    """Tell for each column which of the next rows repeat an earlier kept row.

    Args:
        keys: hashes of the rows' texts by column.
        seen: those of the rows before that are kept; they grow.
    """
    repeats = {name: seen[name].find(keys[name]) for name in seen}
    _repeat_within(keys, repeats)
    fresh = ~np.logical_or.reduce(list(repeats.values()))
    for name, known in seen.items():
        known.add(keys[name][fresh])
    return repeats


def mark_repetitions(
    table: pl.DataFrame, kept: pl.Series, repeats: dict[str, Found]
) -> pl.DataFrame:
    """Fill in `reason` for the kept rows that are repetitions; the first column counts."""
    reasons = table["reason"].clone()
    for name in reversed(repeats):
        reasons = reasons.scatter(kept.filter(pl.Series(repeats[name])), f"{name} is repeated")
    return table.with_columns(reason=reasons)


def _repeat_within(keys: dict[str, Keys], repeats: dict[str, Found]) -> None:
    """Mark what repeats an earlier row of the batch, unless that row is dropped itself.

    With one column the rows of a text but the first are repetitions. With several, a row that
    repeats one text is dropped, so its other texts may still come: walked in order, which only
    rows with a text that another one has need.
    """
    shared = np.zeros(len(next(iter(keys.values()))), dtype=bool)
    for name, column in keys.items():
        _, place, counts = np.unique(column, return_inverse=True, return_counts=True)
        shared |= (counts[place] > 1) & ~repeats[name]
    first: dict[str, set[int]] = {name: set() for name in keys}
    for row in np.flatnonzero(shared):
        texts = {name: int(column[row]) for name, column in keys.items()}
        for name, text in texts.items():
            repeats[name][row] |= text in first[name]
        if not any(repeats[name][row] for name in keys):
            for name, text in texts.items():
                first[name].add(text)
