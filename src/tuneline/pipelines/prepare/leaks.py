"""Rows that stand on two sides, word for word or with a few words changed."""

import polars as pl

from tuneline.parameters import Leaks
from tuneline.pipelines.prepare.near_duplicates import find_alike, measure_likeness

SIDES = ("train", "validation", "test")
# The side that is used more freely, and the side that must stay unknown to it.
PAIRS = (("train", "test"), ("train", "validation"), ("validation", "test"))
FOUND = {
    "row": pl.Int64,
    "twin": pl.Int64,
    "twin_side": pl.String,
    "compared": pl.String,
    "kind": pl.String,
    "similarity": pl.Float64,
}


def find_leaks(rows: pl.DataFrame, questions: pl.DataFrame, leaks: Leaks) -> pl.DataFrame:
    """Find the rows that have a twin on another side, or that ask a fixed question.

    Args:
        rows: `row`, `side`, and the normal forms `prompt`, `completion` and `example`.
        questions: `row` and the normal form `prompt`.
        leaks: when two texts are twins, and which of two twins has to go.

    Returns:
        One row for each row that has to go and each side it has a twin on, with the closest of
        them: `row`, `twin`, `twin_side`, `compared` (example, completion, prompt), `kind` (exact,
        near), `similarity`.
    """
    found = []
    for used, kept in PAIRS:
        moves = leaks.policy == "move" and used == "train"
        going, staying = (kept, used) if moves else (used, kept)
        found.append(
            _find_twins(rows.filter(side=going), rows.filter(side=staying), leaks, staying)
        )
    found.extend(_find_asked(rows.filter(side=side), questions, leaks) for side in SIDES)
    return pl.concat(found)


def _find_twins(
    going: pl.DataFrame, staying: pl.DataFrame, leaks: Leaks, side: str
) -> pl.DataFrame:
    alone = leaks.alone_threshold
    found = [_find_equal(going, staying, ["prompt", "completion"], "example")]
    if alone is not None:
        long = count_words("completion") >= leaks.min_words
        found.append(
            _find_equal(going.filter(long), staying.filter(long), ["completion"], "completion")
        )
    rest = going.join(pl.concat(found), on="row", how="anti", maintain_order="left")
    found.append(_find_near(rest, staying, "example", leaks.threshold, leaks.min_words))
    if alone is not None:
        found.append(_find_near(rest, staying, "completion", alone, leaks.min_words))
    return _closest(pl.concat(found), side)


def _find_asked(rows: pl.DataFrame, questions: pl.DataFrame, leaks: Leaks) -> pl.DataFrame:
    found = [_find_equal(rows, questions, ["prompt"], "prompt")]
    if leaks.alone_threshold is not None:
        rest = rows.join(found[0], on="row", how="anti", maintain_order="left")
        found.append(_find_near(rest, questions, "prompt", leaks.alone_threshold, leaks.min_words))
    return _closest(pl.concat(found), "question")


def _closest(found: pl.DataFrame, side: str) -> pl.DataFrame:
    ordered = found.sort("similarity", descending=True, maintain_order=True)
    return (
        ordered.unique("row", keep="first", maintain_order=True)
        .with_columns(twin_side=pl.lit(side))
        .select(list(FOUND))
    )


def _find_equal(
    going: pl.DataFrame, staying: pl.DataFrame, columns: list[str], compared: str
) -> pl.DataFrame:
    twins = staying.unique(columns, keep="first", maintain_order=True)
    pairs = going.join(twins.select(*columns, twin="row"), on=columns, maintain_order="left")
    return pairs.select(
        "row", "twin", compared=pl.lit(compared), kind=pl.lit("exact"), similarity=pl.lit(1.0)
    )


def _find_near(
    going: pl.DataFrame, staying: pl.DataFrame, compared: str, threshold: float, min_words: int
) -> pl.DataFrame:
    long_enough = count_words(compared) >= threshold * min_words
    going, staying = going.filter(long_enough), staying.filter(long_enough)
    large, small = sorted((going, staying), key=len, reverse=True)
    best: dict[int, tuple[int, float]] = {}
    for left, right, likeness in find_alike(large[compared], small[compared], threshold):
        mine, other = (left, right) if large is going else (right, left)
        if likeness <= best.get(mine, (0, 0.0))[1]:
            continue
        pair = going.row(mine, named=True), staying.row(other, named=True)
        if _are_twins(*pair, compared, threshold, min_words):
            best[mine] = (other, likeness)
    pairs = [
        (going["row"][mine], staying["row"][other], compared, "near", likeness)
        for mine, (other, likeness) in best.items()
    ]
    columns = ("row", "twin", "compared", "kind", "similarity")
    return pl.DataFrame(pairs, {name: FOUND[name] for name in columns}, orient="row")


def _are_twins(
    mine: dict[str, str], other: dict[str, str], compared: str, threshold: float, min_words: int
) -> bool:
    if max(len(one[compared].split()) for one in (mine, other)) < min_words:
        return False
    return compared != "example" or all(
        measure_likeness(mine[part].split(), other[part].split()) >= threshold
        for part in ("prompt", "completion")
    )


def count_words(column: str) -> pl.Expr:
    """Count the words of a normal form."""
    return pl.col(column).str.count_matches(" ") + 1
