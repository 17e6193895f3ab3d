"""Taking leaks out of the sides until none is left, and proving it."""

import polars as pl

from tuneline.errors import Problem, TunelineError
from tuneline.examples import Example
from tuneline.parameters import Leaks
from tuneline.pipelines.prepare.leaks import FOUND, PAIRS, SIDES, LeakFinder, count_words


def separate(
    rows: pl.DataFrame, leaks: Leaks, groups: pl.LazyFrame
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Drop or move leaking rows until a whole check finds none.

    A row that is moved into training may be a twin of another held-out row, so moving can take more
    than one round. Every round takes a row out of a side for good, so there is an end.

    Args:
        rows: what `tabulate` makes of examples and questions.
        leaks: when rows are twins, and what becomes of them.
        groups: `line` and `group` of each row, read only if rows are moved: a group moves as one.

    Returns:
        The rows that are left, with their sides; and the leaks that were found, as `LeakFinder`
        gives them.
    """
    finder = LeakFinder(rows, leaks)
    found = [pl.DataFrame(schema=FOUND)]
    while (leaking := finder.find(rows)).height:
        found.append(leaking)
        rows = _settle(rows, leaking, leaks, groups)
    if count := count_equal(rows, leaks):
        raise AssertionError(f"{count} rows stand on two sides after the leak check")
    return rows, pl.concat(found)


def pick_examples(
    sides: dict[str, list[Example]], kept: pl.DataFrame, leaks: Leaks
) -> dict[str, list[Example]]:
    """Pick the examples that are left, in their old order; what was moved follows.

    Args:
        sides: the examples of each side before the check.
        kept: `row` and the new `side` of those that are left.
        leaks: the policy, for the error.

    Returns:
        The examples of each side.

    Raises:
        TunelineError: if a side is empty.
    """
    examples = [one for several in sides.values() for one in several]
    picked = {side: [examples[row] for row in kept.filter(side=side)["row"]] for side in sides}
    for side in sides:
        if not picked[side]:
            raise TunelineError(_emptied(side, leaks))
    return picked


def _emptied(side: str, leaks: Leaks) -> Problem:
    return Problem(
        where="data.leaks.policy",
        value=leaks.policy,
        wrong=f"every row of the {side} side has a twin on another side or among "
        "`evaluation.questions`",
        matters="no row would be left there",
        remedy="group the split by a column that the twins have in common (`data.split.group`); if "
        "rows are alike by right, as those of a template are, set `data.leaks.threshold: 1` and "
        "`data.leaks.alone_threshold: null`",
    )


def count_changes(rows: pl.DataFrame, kept: pl.DataFrame) -> dict[str, int]:
    """Count the rows that were `moved` to another side and those that were `dropped`."""
    both = rows.join(kept.select("row", now="side"), on="row", how="left")
    moved = (pl.col("now") != pl.col("side")).sum()
    return both.select(moved=moved, dropped=pl.col("now").null_count()).row(0, named=True)


def count_equal(rows: pl.DataFrame, leaks: Leaks) -> int:
    """Count texts on two sides by comparing all of them, in another way than the search does."""
    total = 0
    for columns, chosen in _compared_whole(leaks):
        texts = {side: set(rows.filter(chosen, side=side).select(columns).rows()) for side in SIDES}
        total += sum(len(texts[used] & texts[kept]) for used, kept in PAIRS)
    asked = pl.col("side") == "question"
    return total + len(set(rows.filter(asked)["prompt"]) & set(rows.filter(~asked)["prompt"]))


def _compared_whole(leaks: Leaks) -> list[tuple[list[str], pl.Expr]]:
    examples = (["prompt", "completion"], pl.lit(True))
    if leaks.alone_threshold is None:
        return [examples]
    return [examples, (["completion"], count_words("completion") >= leaks.min_words)]


def _settle(
    rows: pl.DataFrame, leaking: pl.DataFrame, leaks: Leaks, groups: pl.LazyFrame
) -> pl.DataFrame:
    # A question belongs to no side, so a row that asks it cannot be moved away from it.
    movable = pl.col("twin_side") != "question" if leaks.policy == "move" else pl.lit(False)
    rows = rows.join(leaking.filter(~movable), on="row", how="anti", maintain_order="left")
    moving = rows.join(leaking.filter(movable), on="row", how="semi")
    if moving.is_empty():
        return rows
    members = groups.collect()
    members = members.join(members.join(moving, on="line", how="semi"), on="group", how="semi")
    to_train = pl.col("line").is_in(members["line"].implode())
    return rows.with_columns(side=pl.when(to_train).then(pl.lit("train")).otherwise("side"))
