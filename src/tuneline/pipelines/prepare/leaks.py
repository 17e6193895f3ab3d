"""Rows that are in two splits, word for word or with a few words changed."""

import polars as pl

from tuneline.errors import Problem, TunelineError
from tuneline.parameters import Leaks
from tuneline.pipelines.prepare.near_duplicates import find_near
from tuneline.pipelines.prepare.splitting import SPLITS

# The split that is used more freely, and the split that must stay unknown to it. Held-out rows
# first: a training row may stay if the only row that it is like goes itself.
PAIRS = (("validation", "test"), ("train", "test"), ("train", "validation"))
COPY = ["row", "duplicate", "kind", "similarity"]
FOUND = {
    "row": pl.Int64,
    "duplicate": pl.Int64,
    "duplicate_split": pl.String,
    "compared": pl.String,
    "kind": pl.String,
    "similarity": pl.Float64,
}


class LeakFinder:
    """Finds rows that are in two splits, or that ask a fixed question.

    `near` is as `find_near` gives it, where it is known.
    """

    def __init__(self, rows: pl.DataFrame, leaks: Leaks, near: pl.DataFrame | None = None) -> None:
        self.leaks = leaks
        self._near = find_near(rows, leaks) if near is None else near

    def find(self, rows: pl.DataFrame) -> pl.DataFrame:
        """Find the leaks among rows that are left.

        Returns:
            One row for each row that has to go and each split it has a duplicate in, with the
            closest of them: `row`, `duplicate`, `duplicate_split`, `compared` (example, completion,
            prompt), `kind` (exact, near), `similarity`.
        """
        of = {split: rows.filter(split=split) for split in (*SPLITS, "question")}
        found = []
        for split in SPLITS:
            found.append(self._find_asked(of[split], of["question"]))
            of[split] = _leave_out(of[split], found[-1])
        for used, kept in PAIRS:
            moves = self.leaks.policy == "move" and used == "train"
            going, staying = (kept, used) if moves else (used, kept)
            found.append(self._find_duplicates(of[going], of[staying], staying))
            of[going] = _leave_out(of[going], found[-1])
        return pl.concat(found)

    def find_copies(self, rows: pl.DataFrame) -> pl.DataFrame:
        """Find rows of one split that say the same as an earlier row of it, or nearly the same.

        Of each copy `row`, `duplicate`, `kind` (exact, near), `similarity`.
        """
        first = rows.unique(["prompt", "completion"], keep="first", maintain_order=True)
        equal = _find_equal(rows, first, ["prompt", "completion"], "example")
        equal = equal.filter(pl.col("row") != pl.col("duplicate"))
        pairs = self._near.filter(compared="example").sort("later", "earlier")
        for end in ("earlier", "later"):
            pairs = pairs.filter(pl.col(end).is_in(first["row"].implode()))
        near: dict[int, tuple[int, float]] = {}
        for other, row, alike in pairs.select("earlier", "later", "similarity").iter_rows():
            if other not in near:  # a copy of a copy may be like no row that stays
                near.setdefault(row, (other, alike))
        table = pl.DataFrame(
            [(row, other, "near", alike) for row, (other, alike) in near.items()],
            {name: FOUND[name] for name in COPY},
            orient="row",
        )
        return pl.concat([equal.select(COPY), table]).sort("row")

    def _find_duplicates(
        self, going: pl.DataFrame, staying: pl.DataFrame, split: str
    ) -> pl.DataFrame:
        found = [_find_equal(going, staying, ["prompt", "completion"], "example")]
        if self.leaks.completion_threshold is not None:
            long = pl.col("words") >= self.leaks.min_words
            found.append(_find_equal(going.filter(long), staying, ["completion"], "completion"))
        return self._find_rest(going, staying, found, ["example", "completion"], split)

    def _find_asked(self, rows: pl.DataFrame, questions: pl.DataFrame) -> pl.DataFrame:
        found = [_find_equal(rows, questions, ["prompt"], "prompt")]
        return self._find_rest(rows, questions, found, ["prompt"], "question")

    def _find_rest(
        self,
        going: pl.DataFrame,
        staying: pl.DataFrame,
        equal: list[pl.DataFrame],
        compared: list[str],
        split: str,
    ) -> pl.DataFrame:
        """Find the closest near-duplicate of each row without an equal one."""
        rest = going.join(pl.concat(equal), on="row", how="anti", maintain_order="left")
        near = [self._find_near(rest, staying, one) for one in compared]
        found = pl.concat([*equal, *near]).sort("similarity", descending=True, maintain_order=True)
        closest = found.unique("row", keep="first", maintain_order=True)
        return closest.with_columns(duplicate_split=pl.lit(split)).select(list(FOUND))

    def _find_near(self, going: pl.DataFrame, staying: pl.DataFrame, compared: str) -> pl.DataFrame:
        pairs = self._near.filter(compared=compared)
        both = [
            pairs.select("similarity", row=row, duplicate=duplicate)
            for row, duplicate in (("earlier", "later"), ("later", "earlier"))
        ]
        chosen = (
            pl.concat(both)
            .join(going, on="row", how="semi")
            .join(staying, left_on="duplicate", right_on="row", how="semi")
            .sort("similarity", "row", "duplicate", descending=[True, False, False])
        )
        columns = ("row", "duplicate", "compared", "kind", "similarity")
        return chosen.with_columns(compared=pl.lit(compared), kind=pl.lit("near")).select(columns)


def _leave_out(rows: pl.DataFrame, leaking: pl.DataFrame) -> pl.DataFrame:
    return rows.join(leaking, on="row", how="anti", maintain_order="left")


def _find_equal(
    going: pl.DataFrame, staying: pl.DataFrame, columns: list[str], compared: str
) -> pl.DataFrame:
    duplicates = staying.unique(columns, keep="first", maintain_order=True)
    pairs = going.join(
        duplicates.select(*columns, duplicate="row"), on=columns, maintain_order="left"
    )
    return pairs.select(
        "row", "duplicate", compared=pl.lit(compared), kind=pl.lit("exact"), similarity=pl.lit(1.0)
    )


def separate(
    rows: pl.DataFrame, leaks: Leaks, near: pl.DataFrame | None = None
) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]:
    """Drop or move leaking rows until a whole check finds none.

    A row that is moved into training may be a duplicate of another held-out row, so moving can take
    more than one round. Every round takes a row out of a split for good, so there is an end. `near`
    is as `find_near` gives it, where it is known.

    Returns:
        The rows that are left, with their splits; and the leaks that were found, as `LeakFinder`
        gives them; and the copies within training, as `LeakFinder.find_copies` gives them, which
        are among the rows unless `drop_copies` says otherwise.

    Raises:
        TunelineError: if a split would be empty.
    """
    finder = LeakFinder(rows, leaks, near)
    found = [pl.DataFrame(schema=FOUND)]
    while (leaking := finder.find(rows)).height:
        found.append(leaking)
        rows = _settle(rows, leaking, leaks)
    copies = finder.find_copies(rows.filter(split="train"))
    if leaks.drop_copies:
        rows = _leave_out(rows, copies)
    if count := count_equal(rows, leaks):
        raise AssertionError(f"{count} rows are in two splits after the leak check")
    for split in SPLITS:
        if split not in rows["split"]:
            raise TunelineError(describe_emptied(split, leaks))
    return rows, pl.concat(found), copies


def _settle(rows: pl.DataFrame, leaking: pl.DataFrame, leaks: Leaks) -> pl.DataFrame:
    # A question belongs to no split, so a row that asks it cannot be moved away from it.
    movable = pl.col("duplicate_split") != "question" if leaks.policy == "move" else pl.lit(False)
    rows = _leave_out(rows, leaking.filter(~movable))
    moving = rows.join(leaking.filter(movable), on="row", how="semi")
    to_train = pl.any_horizontal(
        pl.col(name).is_in(moving[name].drop_nulls().implode()) for name in ("row", "group")
    )
    return rows.with_columns(split=pl.when(to_train).then(pl.lit("train")).otherwise("split"))


def describe_emptied(split: str, leaks: Leaks) -> Problem:
    """Say that a split has no row left without those that are in another one, too."""
    return Problem(
        where="data.leaks.policy",
        value=leaks.policy,
        wrong=f"every row of the {split} split has a duplicate in another split or among "
        "`evaluation.questions`",
        matters="no row would be left there",
        remedy="group the split by a column that duplicates share (`data.split.group`); if rows "
        "are alike by right, as those of a template are, set `data.leaks.threshold: 1` and "
        "`data.leaks.completion_threshold: null`",
    )


def count_equal(rows: pl.DataFrame, leaks: Leaks) -> int:
    """Count texts in two splits by comparing all of them, in another way than the search does."""
    total = 0
    for columns, chosen in _compared_whole(leaks):
        texts = {
            split: set(rows.filter(chosen, split=split).select(columns).rows()) for split in SPLITS
        }
        total += sum(len(texts[used] & texts[kept]) for used, kept in PAIRS)
    asked = pl.col("split") == "question"
    return total + len(set(rows.filter(asked)["prompt"]) & set(rows.filter(~asked)["prompt"]))


def _compared_whole(leaks: Leaks) -> list[tuple[list[str], pl.Expr]]:
    examples = (["prompt", "completion"], pl.lit(True))
    if leaks.completion_threshold is None:
        return [examples]
    return [examples, (["completion"], pl.col("words") >= leaks.min_words)]
