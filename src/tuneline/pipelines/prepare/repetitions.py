"""Which rows repeat a text of an earlier row, in a few bytes for each text."""

import numpy as np
import polars as pl

Keys = np.ndarray[tuple[int], np.dtype[np.uint64]]


class SeenKeys:
    """A growing set of 64-bit keys, eight bytes each.

    Sorted arrays, each at least twice as long as the next: a new one is merged with those that are
    not longer, so that a key is moved about log2(n) times in all.
    """

    def __init__(self) -> None:
        self._runs: list[Keys] = []

    def find(self, keys: Keys) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
        """Tell of each key whether it is in the set."""
        found = np.zeros(len(keys), dtype=bool)
        order = np.argsort(keys)
        ordered = keys[order]  # neighbours in a run are neighbours in memory
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


def find_repetitions(table: pl.DataFrame, column: str | None, seen: SeenKeys) -> pl.DataFrame:
    """Mark rows whose text in a column stood in a kept row before, in any letter case.

    Args:
        table: rows with `reason`.
        column: the column that must not repeat; `None` for no such rule.
        seen: hashes of the texts of earlier batches; grows. Two different texts share one with a
            probability of about 1 in 10^7 for two million rows.

    Returns:
        The rows with `reason` filled for the repetitions.
    """
    if column is None:
        return table
    # Only texts of kept rows count: a title whose first row was dropped may still come.
    kept = table["reason"].is_null().arg_true()
    keys = table[column].gather(kept).str.to_lowercase().hash().to_numpy()
    repeated = seen.find(keys)
    firsts = np.zeros(len(keys), dtype=bool)
    firsts[np.unique(keys, return_index=True)[1]] = True
    repeated |= ~firsts
    seen.add(keys[~repeated])
    reasons = (
        table["reason"].clone().scatter(kept.filter(pl.Series(repeated)), f"{column} is repeated")
    )
    return table.with_columns(reason=reasons)
