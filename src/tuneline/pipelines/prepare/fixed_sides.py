"""Rows whose side the configuration names."""

import polars as pl

from tuneline.errors import Problem, TunelineError
from tuneline.parameters import Split


def fix_sides(rows: pl.DataFrame, split: Split) -> pl.DataFrame:
    """Put the rows that the configuration names on their sides, with all of their groups.

    Args:
        rows: `id` and `group` of every clean row.
        split: names ids by side.

    Returns:
        The rows with their `side`; null for those still to be divided.

    Raises:
        TunelineError: if an id does not exist, or two sides claim one group.
    """
    named = {one: side for side, ids in split.fixed for one in ids}
    if not named:
        return rows.with_columns(side=pl.lit(None, pl.String))
    missing = sorted(set(named) - set(rows["id"]))
    if missing:
        raise TunelineError(*(_no_such_id(one, named[one], rows["id"]) for one in missing))
    fixed = rows.filter(pl.col("id").is_in(list(named)))
    claims = fixed.group_by("group", maintain_order=True).agg(
        pl.col("id"), side=pl.col("id").replace_strict(named).unique().sort()
    )
    torn = claims.filter(pl.col("side").list.len() > 1)
    if torn.height:
        raise TunelineError(_torn_group(torn["id"][0].to_list(), torn["group"][0], split))
    sides = claims.select("group", pl.col("side").list.first())
    return rows.join(sides, on="group", how="left", maintain_order="left")


def _no_such_id(one: str, side: str, ids: pl.Series) -> Problem:
    from rapidfuzz.distance import Levenshtein
    from rapidfuzz.process import extractOne

    nearest = extractOne(one, ids.to_list(), scorer=Levenshtein.normalized_similarity)
    return Problem(
        where=f"data.split.fixed.{side}",
        value=one,
        wrong="no clean row has this id",
        matters=f"the row could not stand on the {side} side",
        remedy=f"did you mean `{nearest[0]}`; if the row was dropped, rejected.csv says why"
        if nearest
        else "rejected.csv says why rows were dropped",
    )


def _torn_group(ids: list[str], group: str, split: Split) -> Problem:
    return Problem(
        where="data.split.fixed",
        value=", ".join(ids),
        wrong=f"these rows are of one group, `{group}`, and are named for two sides",
        matters="a group on two sides is a leak",
        remedy=f"name them for one side, or divide by another `group` than {split.group}",
    )
