import polars as pl
import pytest

from tuneline.errors import TunelineError
from tuneline.parameters import Data, Split
from tuneline.pipelines.prepare.splits import assign_sides


def make_clean(titles: list[str]) -> pl.LazyFrame:
    numbers = [str(n + 1) for n in range(len(titles))]
    return pl.LazyFrame({"line": numbers, "id": numbers, "title": titles})


def make_data(**changes: object) -> Data:
    split = {"test": 5, "validation": 5, "group": "title", **changes}
    return Data(id="id", columns=["title"], split=Split(**split))


TITLES = [f"Title {number}" for number in range(100)]


def sides_of(titles: list[str], **changes: object) -> dict[str, set[str]]:
    sides = assign_sides(make_clean(titles), make_data(**changes))
    named = sides.with_columns(title=pl.Series([titles[line - 1] for line in sides["line"]]))
    return {side: set(named.filter(side=side)["title"]) for side in ("train", "validation", "test")}


def test_every_row_stands_on_one_side():
    sides = sides_of(TITLES)
    assert {side: len(titles) for side, titles in sides.items()} == {
        "train": 90,
        "validation": 5,
        "test": 5,
    }
    assert set.union(*sides.values()) == set(TITLES)


def test_equal_titles_never_stand_on_two_sides_whatever_their_case_and_punctuation():
    titles = [form for title in TITLES for form in (title, title.upper(), f"{title}!")]
    folded = [{title.rstrip("!").lower() for title in side} for side in sides_of(titles).values()]
    assert not folded[0] & folded[1]
    assert not folded[0] & folded[2]
    assert not folded[1] & folded[2]


def test_the_sides_do_not_depend_on_the_order_of_the_file():
    assert sides_of(TITLES) == sides_of(TITLES[::-1])


def test_another_seed_gives_another_test_side():
    assert sides_of(TITLES)["test"] != sides_of(TITLES, seed=1)["test"]


def test_a_smaller_test_side_is_a_part_of_the_larger():
    assert sides_of(TITLES, test=3)["test"] < sides_of(TITLES, test=10)["test"]


def test_a_larger_sample_leaves_the_test_side_as_it_is():
    small, large = sides_of(TITLES, sample=40), sides_of(TITLES, sample=80)
    assert small["test"] == large["test"]
    assert small["train"] < large["train"]


def test_too_few_rows_are_refused_with_their_number():
    with pytest.raises(TunelineError, match="only 8 clean rows"):
        assign_sides(make_clean(TITLES[:8]), make_data())


def test_no_clean_row_at_all_is_refused():
    with pytest.raises(TunelineError, match="only 0 clean rows"):
        assign_sides(make_clean([]).cast(pl.String), make_data())


def test_a_group_that_swallows_a_side_is_refused():
    titles = ["Same"] * 50 + ["Other"] * 50
    with pytest.raises(TunelineError, match="no row is left for"):
        assign_sides(make_clean(titles), make_data())
