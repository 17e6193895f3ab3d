"""Every row is held out by one fold, with its group, and by no other."""

from collections import Counter

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tuneline.errors import TunelineError
from tuneline.examples import SPLIT_GROUP
from tuneline.parameters import Data, Evaluation, Leaks, Prompt
from tuneline.pipelines.prepare.cross_fitting import cross_fit_examples
from tuneline.pipelines.prepare.folds import Group, divide_folds, list_groups, split_fold

PROMPT = Prompt(prompt="{title}", completion="{text}")
SPLITS = ("train", "validation", "test")


def make_data(**changes: object) -> Data:
    split = {"test": 2, "validation": 3, **changes}
    return Data.model_validate({"id": "id", "columns": ["title", "text"], "split": split})


def make_rows(texts: list[str], groups: list[str | None] | None = None) -> pl.DataFrame:
    """Make rows as `split_rows` gives them: two to test, three to watch, the rest to train."""
    count = len(texts)
    return pl.DataFrame(
        {
            "line": range(1, count + 1),
            "split": ["train"] * (count - 5) + ["validation"] * 3 + ["test"] * 2,
            SPLIT_GROUP: groups or [f"row {number}" for number in range(count)],
            "id": [f"row {number}" for number in range(count)],
            "title": [
                f"Title {number} {'abcdefghijk'[number % 11] * 5}" for number in range(count)
            ],
            "text": texts,
        },
        schema_overrides={SPLIT_GROUP: pl.String},
    )


def make_texts(count: int) -> list[str]:
    """Make texts that have no words in common."""
    return [" ".join(f"w{number}x{word}" for word in range(15)) for number in range(count)]


def cross_fit(
    rows: pl.DataFrame, folds: int, questions: list[str] | None = None, **split: object
) -> tuple[dict[str, list[str]], list[dict[str, list[str]]], pl.DataFrame, dict]:
    """Give the ids of the released adapter's examples, of each fold's, the leaks, the report."""
    evaluation = Evaluation(
        title="t", generation={}, cross_fit=folds, questions=questions or [], resamples=100
    )
    made = cross_fit_examples(rows, make_data(**split), PROMPT, evaluation)
    ids = [[one["id"] for one in examples] for examples in (*made[:3], *made[7:])]
    parts = [dict(zip(SPLITS, ids[at : at + 3], strict=True)) for at in range(0, len(ids), 3)]
    return parts[0], parts[1:], made[4], made[6]


@given(st.lists(st.integers(1, 9), min_size=12, max_size=60), st.integers(2, 10))
def test_folds_are_as_like_in_size_as_whole_groups_let_them(sizes: list[int], count: int):
    sizes = [*sizes, *([max(sizes)] * count)]  # no fold is one group and the rest another
    starts = [sum(sizes[:place]) for place in range(len(sizes))]
    groups = [
        Group(list(range(start, start + size)), "", False, place)
        for place, (start, size) in enumerate(zip(starts, sizes, strict=True))
    ]
    folds = Counter[int]()
    for group, fold in zip(groups, divide_folds(groups, count), strict=True):
        folds[fold] += len(group.rows)
    assert sorted(folds) == list(range(1, count + 1))
    assert max(folds.values()) - min(folds.values()) <= max(sizes)


def test_single_rows_make_folds_that_differ_by_one_row_and_hold_every_category():
    groups = [Group([place], "ab"[place % 3 == 0], False, place) for place in range(31)]
    folds = divide_folds(groups, 5)
    assert sorted(Counter(folds).values()) == [6, 6, 6, 6, 7]
    kinds = Counter((fold, one.category) for one, fold in zip(groups, folds, strict=True))
    for category in "ab":
        shares = [kinds[fold, category] for fold in range(1, 6)]
        assert max(shares) - min(shares) <= 1


def test_every_row_is_held_out_once_and_by_an_adapter_that_has_not_seen_it():
    released, folds, _, report = cross_fit(make_rows(make_texts(23)), 4)
    ids = {f"row {number}" for number in range(23)}
    assert Counter(one for fold in folds for one in fold["test"]) == Counter(ids)
    for fold in folds:
        assert sum(map(len, fold.values())) == len(ids)
        assert set().union(*fold.values()) == ids
        assert len(fold["validation"]) == 3
    assert set(released["test"]) == ids
    assert len(released["train"]) == 20
    assert set(released["train"]) | set(released["validation"]) == ids
    assert report["folds"] == [6, 6, 6, 5]
    assert report["sizes"] == {"train": 20, "validation": 3, "test": 23}


def test_what_watches_the_released_adapter_watches_the_others_where_it_is_not_held_out():
    released, folds, _, _ = cross_fit(make_rows(make_texts(23)), 4)
    watching = set(released["validation"])
    for fold in folds:
        assert watching - set(fold["test"]) <= set(fold["validation"])


def test_groups_stay_together():
    names = [f"group {number // 3}" for number in range(24)]
    rows = make_rows(make_texts(24), [*names])
    _, folds, _, _ = cross_fit(rows, 4, group="title")
    for fold in folds:
        places = [{names[int(one.split()[1])] for one in fold[split]} for split in SPLITS]
        assert not places[0] & places[2]
        assert not places[1] & places[2]
        assert not places[0] & places[1]
        assert len(fold["test"]) == 6


def test_the_folds_do_not_depend_on_the_order_of_the_file_but_on_the_seed():
    rows = make_rows(make_texts(23))
    one, other, seeded = (
        [set(fold["test"]) for fold in cross_fit(table, 4, seed=seed)[1]]
        for table, seed in ((rows, 1), (rows.reverse(), 1), (rows, 2))
    )
    assert one == other
    assert one != seeded


def test_a_row_that_is_nearly_a_held_out_one_is_left_out_of_that_training_alone():
    texts = make_texts(23)
    released, before, _, _ = cross_fit(make_rows(texts), 4)
    learned = set(released["train"])  # the folds follow from the groups, not from the texts
    one, other = (min(learned & set(fold["test"])) for fold in before[:2])
    texts[int(one.split()[1])] = texts[int(other.split()[1])] + " indeed"
    released, folds, leaks, report = cross_fit(make_rows(texts), 4)
    assert [fold["test"] for fold in folds] == [fold["test"] for fold in before]
    assert other not in {*folds[0]["train"], *folds[0]["validation"]}
    assert one not in {*folds[1]["train"], *folds[1]["validation"]}
    assert {one, other} <= set(released["train"])
    assert {1, 2} <= set(leaks["fold"])
    assert set(leaks["done"]) == {"dropped"}
    assert "Left out of the training of one adapter" in report["summary"]


def test_a_row_that_asks_a_fixed_question_is_in_no_fold():
    rows = make_rows(make_texts(23))
    released, folds, leaks, report = cross_fit(rows, 4, [rows["title"][3]])
    assert not any("row 3" in ids for part in (released, *folds) for ids in part.values())
    assert len(leaks) == 1
    assert report["dropped"] == 1
    assert sum(len(fold["test"]) for fold in folds) == 22


@pytest.mark.parametrize(
    ("rows", "folds", "words"),
    [
        (make_rows(make_texts(8)), 9, "only 8 rows; .*; lower it to 8 or less"),
        (make_rows(make_texts(9), [*"aaabbbccc"]), 5, "only 9 rows in 3 groups; .*; lower it to 3"),
        (make_rows(make_texts(6), [*"aabbab"]), 2, "only 6 rows in 2 groups; .*; bring more rows"),
        (make_rows(make_texts(6), [*"aaabcd"]), 2, "only 6 rows in 4 groups; .*; raise it, or"),
    ],
)
def test_more_folds_than_rows_or_groups_are_refused(rows: pl.DataFrame, folds: int, words: str):
    with pytest.raises(TunelineError, match=f"evaluation.cross_fit = {folds}: there are {words}"):
        cross_fit(rows, folds)


def test_at_least_one_group_watches_and_one_is_learned_from():
    groups = list_groups(make_rows(make_texts(6)).with_row_index("row"), make_data())
    splits = split_fold(groups, divide_folds(groups, 3), 1, size=10)
    assert Counter(splits.values()) == {"test": 2, "validation": 3, "train": 1}


def test_copies_are_dropped_from_every_training_and_still_tested():
    texts = make_texts(23)
    texts[3] = texts[7] = texts[11]  # in training, by their place in the file
    rows = make_rows(texts).with_columns(
        title=pl.when(pl.col("line").is_in([4, 8, 12])).then(pl.lit("Same")).otherwise("title"),
        **{SPLIT_GROUP: pl.lit(None, pl.String)},
    )
    evaluation = Evaluation(title="t", generation={}, cross_fit=4, resamples=100)
    data = make_data().model_copy(update={"leaks": Leaks(drop_copies=True)})
    train, validation, test, _, _, copies, report, *folds = cross_fit_examples(
        rows, data, PROMPT, evaluation
    )
    assert len(test) == 23
    for learned in (train, *folds[::3]):
        same = [one for one in learned if one["prompt"][-1]["content"] == "Same"]
        assert len(same) <= 1
    assert report["copies"] == copies.height == 2
    assert report["dropped"] == 0
    assert report["sizes"]["train"] == len(train) == 23 - len(validation) - 2
