"""Rows that stand on two sides, word for word or with a few words changed."""

import re
from functools import partial

import polars as pl

from tuneline.errors import Problem, TunelineError
from tuneline.examples import Example
from tuneline.parameters import Leaks
from tuneline.pipelines.prepare.near_duplicates import (
    Measure,
    NearDuplicates,
    measure_likeness,
    measure_overlap,
)

SIDES = ("train", "validation", "test")
# The side that is used more freely, and the side that must stay unknown to it. Held-out rows first:
# a training row may stay if the only row that it is like goes itself.
PAIRS = (("validation", "test"), ("train", "test"), ("train", "validation"))
DIGITS = re.compile(r"\d+")
FOUND = {
    "row": pl.Int64,
    "twin": pl.Int64,
    "twin_side": pl.String,
    "compared": pl.String,
    "kind": pl.String,
    "similarity": pl.Float64,
}


class LeakFinder:
    """Finds rows that stand on two sides, or that ask a fixed question.

    Args:
        rows: what `tabulate` makes of examples and questions.
        leaks: when two texts are twins, and which of two twins has to go.
    """

    def __init__(self, rows: pl.DataFrame, leaks: Leaks) -> None:
        self._leaks = leaks
        self._texts = rows.select("prompt", "completion", "example")
        self._near = {"example": self._sketch(rows, "example", leaks.threshold, measure_overlap)}
        if leaks.alone_threshold is not None:
            self._near["completion"] = self._sketch(rows, "completion", leaks.alone_threshold)
        if leaks.alone_threshold is not None and "question" in rows["side"]:
            self._near["prompt"] = self._sketch(rows, "prompt", leaks.alone_threshold)

    def find(self, rows: pl.DataFrame) -> pl.DataFrame:
        """Find the leaks among rows that are left.

        Args:
            rows: some of the rows, with their sides of the moment.

        Returns:
            One row for each row that has to go and each side it has a twin on, with the closest of
            them: `row`, `twin`, `twin_side`, `compared` (example, completion, prompt), `kind`
            (exact, near), `similarity`.
        """
        of = {side: rows.filter(side=side) for side in (*SIDES, "question")}
        found = []
        for side in SIDES:
            found.append(self._find_asked(of[side], of["question"]))
            of[side] = _leave_out(of[side], found[-1])
        for used, kept in PAIRS:
            moves = self._leaks.policy == "move" and used == "train"
            going, staying = (kept, used) if moves else (used, kept)
            found.append(self._find_twins(of[going], of[staying], staying))
            of[going] = _leave_out(of[going], found[-1])
        return pl.concat(found)

    def _sketch(
        self, rows: pl.DataFrame, column: str, threshold: float, measure: Measure = measure_likeness
    ) -> NearDuplicates:
        # A text with a word less may still be the twin of one that is long enough.
        long = rows.filter(count_words(column) >= threshold * self._leaks.min_words)
        return NearDuplicates(dict(long.select("row", column).iter_rows()), threshold, measure)

    def _find_twins(self, going: pl.DataFrame, staying: pl.DataFrame, side: str) -> pl.DataFrame:
        found = [_find_equal(going, staying, ["prompt", "completion"], "example")]
        if self._leaks.alone_threshold is not None:
            long = count_words("completion") >= self._leaks.min_words
            found.append(_find_equal(going.filter(long), staying, ["completion"], "completion"))
        return self._find_rest(going, staying, found, ["example", "completion"], side)

    def _find_asked(self, rows: pl.DataFrame, questions: pl.DataFrame) -> pl.DataFrame:
        found = [_find_equal(rows, questions, ["prompt"], "prompt")]
        return self._find_rest(rows, questions, found, ["prompt"], "question")

    def _find_rest(
        self,
        going: pl.DataFrame,
        staying: pl.DataFrame,
        equal: list[pl.DataFrame],
        compared: list[str],
        side: str,
    ) -> pl.DataFrame:
        """Look for the near twins of rows without an equal one; keep the closest twin of a row."""
        rest = going.join(pl.concat(equal), on="row", how="anti", maintain_order="left")
        near = [self._find_near(rest, staying, one) for one in compared if one in self._near]
        found = pl.concat([*equal, *near]).sort("similarity", descending=True, maintain_order=True)
        closest = found.unique("row", keep="first", maintain_order=True)
        return closest.with_columns(twin_side=pl.lit(side)).select(list(FOUND))

    def _find_near(self, going: pl.DataFrame, staying: pl.DataFrame, compared: str) -> pl.DataFrame:
        best: dict[int, tuple[int, float]] = {}
        for row, twin, likeness in self._near[compared].find(going["row"], staying["row"]):
            if likeness > best.get(row, (0, 0.0))[1] and self._are_twins(row, twin, compared):
                best[row] = (twin, likeness)
        pairs = [(row, twin, compared, "near", alike) for row, (twin, alike) in best.items()]
        columns = ("row", "twin", "compared", "kind", "similarity")
        return pl.DataFrame(pairs, {name: FOUND[name] for name in columns}, orient="row")

    def _are_twins(self, row: int, twin: int, compared: str) -> bool:
        words = partial(_words, self._texts)
        both = words(row, compared), words(twin, compared)
        if max(map(len, both)) < self._leaks.min_words or _differ_in_numbers(*both):
            return False
        return compared != "example" or bool(
            measure_likeness(words(row, "prompt"), words(twin, "prompt"), self._leaks.threshold)
            and measure_overlap(
                words(row, "completion"), words(twin, "completion"), self._leaks.threshold
            )
        )


def count_words(column: str) -> pl.Expr:
    """Count the words of a normal form."""
    return pl.col(column).str.count_matches(" ") + 1


def _leave_out(rows: pl.DataFrame, leaking: pl.DataFrame) -> pl.DataFrame:
    return rows.join(leaking, on="row", how="anti", maintain_order="left")


def _differ_in_numbers(left: list[str], right: list[str]) -> bool:
    """Tell whether two texts are one but for their numbers: another number is another question."""
    return [DIGITS.sub("0", word) for word in left] == [DIGITS.sub("0", word) for word in right]


def _words(texts: pl.DataFrame, row: int, column: str) -> list[str]:
    return str(texts[column][row]).split()


def _find_equal(
    going: pl.DataFrame, staying: pl.DataFrame, columns: list[str], compared: str
) -> pl.DataFrame:
    twins = staying.unique(columns, keep="first", maintain_order=True)
    pairs = going.join(twins.select(*columns, twin="row"), on=columns, maintain_order="left")
    return pairs.select(
        "row", "twin", compared=pl.lit(compared), kind=pl.lit("exact"), similarity=pl.lit(1.0)
    )


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
