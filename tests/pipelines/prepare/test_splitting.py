import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tuneline.errors import TunelineError
from tuneline.parameters import Data, Split
from tuneline.pipelines.prepare.row_checks import check_columns
from tuneline.pipelines.prepare.splitting import assign_splits


def make_clean(titles: list[str]) -> pl.LazyFrame:
    numbers = [str(n + 1) for n in range(len(titles))]
    return pl.LazyFrame({"line": numbers, "id": numbers, "title": titles})


def make_data(**changes: object) -> Data:
    split = {"test": 5, "validation": 5, "group": "title", **changes}
    return Data(id="id", columns=["title"], split=Split(**split))


TITLES = [f"Title {number}" for number in range(100)]


def splits_of(titles: list[str], **changes: object) -> dict[str, set[str]]:
    splits = assign_splits(make_clean(titles), make_data(**changes))
    named = splits.with_columns(title=pl.Series([titles[line - 1] for line in splits["line"]]))
    return {
        split: set(named.filter(split=split)["title"]) for split in ("train", "validation", "test")
    }


def test_every_row_is_in_one_split():
    splits = splits_of(TITLES)
    assert {split: len(titles) for split, titles in splits.items()} == {
        "train": 90,
        "validation": 5,
        "test": 5,
    }
    assert set.union(*splits.values()) == set(TITLES)


def test_equal_titles_never_are_in_two_splits_whatever_their_case_and_punctuation():
    titles = [form for title in TITLES for form in (title, title.upper(), f"{title}!")]
    folded = [
        {title.rstrip("!").lower() for title in split} for split in splits_of(titles).values()
    ]
    assert not folded[0] & folded[1]
    assert not folded[0] & folded[2]
    assert not folded[1] & folded[2]


def test_the_splits_do_not_depend_on_the_order_of_the_file():
    assert splits_of(TITLES) == splits_of(TITLES[::-1])


def test_another_seed_gives_another_test_split():
    assert splits_of(TITLES)["test"] != splits_of(TITLES, seed=1)["test"]


def test_a_smaller_test_split_is_a_part_of_the_larger():
    assert splits_of(TITLES, test=3)["test"] < splits_of(TITLES, test=10)["test"]


def test_a_larger_sample_leaves_the_test_split_as_it_is():
    small, large = splits_of(TITLES, sample=40), splits_of(TITLES, sample=80)
    assert small["test"] == large["test"]
    assert small["train"] < large["train"]


def test_too_few_rows_are_refused_with_their_number():
    with pytest.raises(TunelineError, match="only 8 clean rows"):
        assign_splits(make_clean(TITLES[:8]), make_data())


def test_no_clean_row_at_all_is_refused():
    with pytest.raises(TunelineError, match="only 0 clean rows"):
        assign_splits(make_clean([]).cast(pl.String), make_data())


def test_a_group_that_swallows_a_split_is_refused():
    titles = ["Same"] * 50 + ["Other"] * 50
    with pytest.raises(TunelineError, match="no row is left for"):
        assign_splits(make_clean(titles), make_data())


def divide(table: dict[str, list[str]], category: str | None = None, **changes: object) -> dict:
    """Divide rows of `id`, `title` and more; answer with the ids of each split."""
    count = len(table["title"])
    numbers = [str(number) for number in range(1, count + 1)]
    clean = pl.LazyFrame({"line": numbers, "id": numbers, **table})
    data = make_data(**changes).model_copy(update={"category": category})
    splits = assign_splits(clean, data)
    ids = dict(zip(range(1, count + 1), table.get("id", numbers), strict=True))
    return {
        split: {ids[line] for line in splits.filter(split=split)["line"]}
        for split in ("train", "validation", "test")
    }


def sizes(splits: dict[str, set[str]]) -> tuple[int, int, int]:
    return tuple(len(splits[split]) for split in ("train", "validation", "test"))


def test_a_share_is_a_share_of_the_rows_that_are_used():
    assert sizes(divide({"title": TITLES}, test=0.2, validation=0.1)) == (70, 10, 20)
    assert sizes(divide({"title": TITLES}, test=0.2, validation=3, sample=50)) == (37, 3, 10)
    assert sizes(divide({"title": TITLES}, test=0.001, validation=0.001)) == (98, 1, 1)


def test_shares_that_leave_nothing_are_refused_with_what_they_come_to():
    with pytest.raises(TunelineError, match=r"test 99 \+ validation 1: there are only 100"):
        divide({"title": TITLES}, test=0.99, validation=1)


def test_without_a_group_the_id_is_the_group():
    table = {"id": [f"{number // 2}" for number in range(100)], "title": TITLES}
    splits = divide(table, group=None)
    assert sizes(splits) == (44, 3, 3)  # whole pairs: five rows reach into a third
    assert not splits["train"] & splits["test"]


def test_named_rows_are_where_they_are_named_and_the_rest_is_divided():
    splits = divide({"title": TITLES}, test=None, pinned={"test": [6, "14"]}, validation=3)
    assert splits["test"] == {"6", "14"}
    assert sizes(splits) == (95, 3, 2)


def test_named_rows_are_used_whatever_the_sample():
    splits = divide({"title": TITLES}, test=None, pinned={"test": [6, 14]}, validation=2, sample=8)
    assert splits["test"] == {"6", "14"}
    assert sizes(splits) == (4, 2, 2)


def test_a_named_row_takes_its_group_along():
    titles = ["Blue teapot", "blue TEAPOT!", *TITLES]
    splits = divide({"title": titles}, test=None, pinned={"test": ["1"]})
    assert splits["test"] == {"1", "2"}


def test_an_id_that_does_not_exist_is_named_with_the_nearest():
    with pytest.raises(TunelineError) as error:
        divide({"title": TITLES}, test=None, pinned={"test": ["6", "1000"]})
    assert "data.split.pinned.test = 1000: no clean row has this id" in str(error.value)
    assert "did you mean `100`" in str(error.value)
    assert "= 6:" not in str(error.value)


def test_a_group_that_is_named_for_two_splits_is_refused():
    titles = ["Blue teapot", "blue TEAPOT!", *TITLES]
    with pytest.raises(TunelineError, match="these rows are of one group, `blue teapot`"):
        divide(
            {"title": titles}, test=None, validation=None, pinned={"test": [1], "validation": [2]}
        )


def test_ids_that_repeat_are_named(caplog: pytest.LogCaptureFixture):
    divide({"id": ["x", "y", "x", *map(str, range(97))], "title": TITLES})
    assert "1 ids are on several rows, `x` for one on the lines 1, 3" in caplog.text


def category_table(**counts: int) -> dict[str, list[str]]:
    kinds = [kind for kind, count in counts.items() for _ in range(count)]
    return {"title": [f"Title {number}" for number in range(len(kinds))], "kind": kinds}


def kinds_of(table: dict[str, list[str]], splits: dict[str, set[str]]) -> dict[str, set[str]]:
    return {split: {table["kind"][int(one) - 1] for one in ids} for split, ids in splits.items()}


def test_every_category_is_in_every_split():
    table = category_table(a=60, b=25, c=12, d=3)
    splits = divide(table, category="kind", test=10, validation=10)
    assert sizes(splits) == (80, 10, 10)
    assert set(map(frozenset, kinds_of(table, splits).values())) == {frozenset("abcd")}


def test_a_category_of_one_row_trains_and_one_of_two_is_tested_too():
    table = category_table(a=60, single=1, pair=2)
    kinds = kinds_of(table, divide(table, category="kind", test=10, validation=10))
    assert kinds == {"train": {"a", "single", "pair"}, "validation": {"a"}, "test": {"a", "pair"}}


def test_every_category_is_in_the_sample():
    table = category_table(a=900, b=6)
    kinds = kinds_of(table, divide(table, category="kind", sample=20, test=4, validation=4))
    assert kinds["train"] == {"a", "b"}


def test_a_category_in_one_large_group_trains():
    table = category_table(a=60, b=20)
    table["title"][60:] = ["The same"] * 20
    kinds = kinds_of(table, divide(table, category="kind"))
    assert kinds == {"train": {"a", "b"}, "validation": {"a"}, "test": {"a"}}


def test_the_columns_that_examples_are_made_of_are_checked_with_the_nearest():
    clean = pl.LazyFrame({"line": ["1"], "id": ["1"], "titel": ["x"], "kind": ["y"]})
    data = make_data().model_copy(update={"category": "king"})
    with pytest.raises(TunelineError) as error:
        check_columns(clean, data)
    assert "data.columns = title: the clean rows have no such column" in str(error.value)
    assert "did you mean `titel`" in str(error.value)
    assert "data.category = king" in str(error.value)
    assert "did you mean `kind`" in str(error.value)


GROUPS = st.lists(
    st.tuples(st.integers(1, 12), st.sampled_from("abcd")), min_size=12, max_size=60
).filter(lambda rows: len({number for number, _ in rows}) > 8)


@settings(max_examples=60, deadline=None)
@given(GROUPS, st.integers(1, 4), st.integers(1, 4), st.booleans())
def test_no_group_ever_is_in_two_splits(rows, test, validation, stratified):
    table = {"title": [f"T {n}" for n, _ in rows], "kind": [kind for _, kind in rows]}
    try:
        splits = divide(table, "kind" if stratified else None, test=test, validation=validation)
    except TunelineError:
        return  # a split would have been empty, and the run stops
    titles = [{table["title"][int(one) - 1] for one in ids} for ids in splits.values()]
    assert sum(map(len, titles)) == len(set(table["title"]))


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(3, 20), min_size=1, max_size=5), st.integers(0, 10), st.integers(0, 10))
def test_every_category_of_three_groups_is_on_every_split_if_there_is_room(counts, more, again):
    table = category_table(**{f"kind {place}": count for place, count in enumerate(counts)})
    splits = divide(table, "kind", test=len(counts), validation=len(counts))
    assert {len(kinds) for kinds in kinds_of(table, splits).values()} == {len(counts)}


@settings(max_examples=60, deadline=None)
@given(st.integers(20, 80), st.integers(1, 40), st.integers(0, 99))
def test_a_row_that_trains_is_never_held_out_when_rows_are_added(count, more, seed):
    before = divide({"title": [f"Title {n}" for n in range(count)]}, seed=seed)
    after = divide({"title": [f"Title {n}" for n in range(count + more)]}, seed=seed)
    assert before["train"] <= after["train"]
    assert not before["validation"] & after["test"]


def make_mixed(order: list[int]) -> pl.LazyFrame:
    """Groups of three rows whose categories are mixed, in another order of the file."""
    rows = [
        {"id": f"{number}", "title": f"Title {number // 3}", "kind": "abc"[number * number % 3]}
        for number in range(300)
    ]
    return pl.LazyFrame([rows[place] for place in order]).with_columns(
        line=pl.int_range(1, pl.len() + 1).cast(pl.String)
    )


def test_groups_of_several_categories_do_not_depend_on_the_order_of_the_file():
    data = make_data(test=30, validation=30).model_copy(update={"category": "kind"})
    split = []
    for order in (
        list(range(300)),
        list(range(299, -1, -1)),
        list(range(0, 300, 2)) + list(range(1, 300, 2)),
    ):
        clean = make_mixed(order)
        splits = assign_splits(clean, data)
        ids = dict(enumerate(clean.collect()["id"], start=1))
        split.append(
            {
                split: {ids[line] for line in splits.filter(split=split)["line"]}
                for split in ("train", "test")
            }
        )
    assert split[0] == split[1] == split[2]


@pytest.mark.parametrize("empty", ["", "  ", None])
def test_rows_without_a_group_are_each_on_their_own(empty: str | None):
    splits = divide(
        {"title": [empty] * 60 + [f"Title {number}" for number in range(40)]},
        test=20,
        validation=20,
    )
    assert sizes(splits) == (60, 20, 20)


def test_a_split_that_whole_groups_make_larger_is_named(caplog: pytest.LogCaptureFixture):
    titles = [f"Title {number // 40}" for number in range(400)]
    splits = divide({"title": titles}, test=50, validation=50)
    assert len(splits["test"]) == 80
    assert "data.split.test = 50: it has 80 rows, because groups stay whole" in caplog.text


def test_categories_of_one_row_are_named_as_the_reason():
    table = {"title": TITLES, "kind": [f"kind {number}" for number in range(100)]}
    with pytest.raises(
        TunelineError, match=r"data\.category = kind: no row is left for .*100 of 100"
    ):
        divide(table, category="kind")


def test_rows_that_an_adapter_has_seen_train_with_all_of_their_group():
    titles = [*TITLES, "Title 3"]
    seen = [4, *range(51, 101)]
    splits = assign_splits(make_clean(titles), make_data(), seen)
    trained = set(splits.filter(split="train")["line"])
    assert {*seen, 101} <= trained
    assert [splits.filter(split=one).height for one in ("validation", "test")] == [5, 5]


def test_if_too_few_rows_were_not_seen_nothing_is_held_out():
    with pytest.raises(TunelineError, match="only 7 rows are left that the adapter"):
        assign_splits(make_clean(TITLES), make_data(), list(range(1, 94)))


def test_a_row_that_is_named_for_the_test_split_must_not_have_been_seen():
    with pytest.raises(TunelineError, match=r"pinned\.test = 8: the adapter .* has seen this row"):
        assign_splits(make_clean(TITLES), make_data(pinned={"test": ["8"]}, test=None), [8])
