"""The leak check as a whole, through its node."""

import re
from random import Random

import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tuneline.errors import TunelineError
from tuneline.examples import SPLIT_GROUP
from tuneline.parameters import Data, Evaluation, Leaks, Prompt, Split
from tuneline.pipelines.prepare.forms import make_forms
from tuneline.pipelines.prepare.leaks import count_equal
from tuneline.pipelines.prepare.nodes import check_leaks
from tuneline.pipelines.prepare.splitting import SPLITS

pytestmark = pytest.mark.slow

PROMPT = Prompt(
    prompt="Write a product description of at least two sentences for: {title}",
    completion="{content}",
)
POT = (
    "Blue teapot, 1 liter",
    "A round teapot of blue clay for four cups. The lid stays on while you pour, and the handle "
    "never gets hot. It goes into the dishwasher.",
)
LAMP = (
    "Brass desk lamp with a green shade",
    "The shade throws a calm light on the desk. A chain at the side switches the lamp on and off, "
    "and the heavy foot keeps it where it stands.",
)
ROPE = (
    "Jute skipping rope",
    "Nine feet of jute with handles of beech. It is long enough for two, and the knots at its ends "
    "make it shorter in a moment.",
)


def make_rows(
    train: list[tuple[str, ...]], validation: list[tuple[str, ...]], test: list[tuple[str, ...]]
) -> pl.DataFrame:
    """Make rows of titles, contents and categories, as `split_rows` gives them."""
    splits = {"train": train, "validation": validation, "test": test}
    placed = [(split, *texts) for split, several in splits.items() for texts in several]
    return pl.DataFrame(
        {
            "line": line,
            "split": split,
            SPLIT_GROUP: " ".join(re.findall(r"\w+", title.lower())),
            "id": f"id {line}",
            "title": title,
            "content": content,
            "kind": category[0] if category else None,
        }
        for line, (split, title, content, *category) in enumerate(placed, start=1)
    )


def make_data(category: str | None = None, **leaks: object) -> Data:
    split = Split(test=1, validation=1, group="title")
    return Data(
        id="id", columns=["title", "content"], category=category, split=split, leaks=Leaks(**leaks)
    )


def check(
    rows: pl.DataFrame, data: Data | None = None, questions: list[str] | None = None
) -> tuple[dict[str, list[str]], pd.DataFrame, dict]:
    """Check the rows; answer with the ids that are left in each split, the table and the report."""
    evaluation = Evaluation(title="", questions=questions or [], generation={})
    left, table, _, report = check_leaks(rows, data or make_data(), PROMPT, evaluation)
    ids = {split: left.filter(split=split)["id"].to_list() for split in SPLITS}
    return ids, table, report


def change(text: str, words: int, seed: int = 0) -> str:
    """Put other words in the place of some."""
    parts = text.split()
    for place in Random(seed).sample(range(len(parts)), words):
        parts[place] = "otherwise"
    return " ".join(parts)


def test_different_rows_are_left_alone():
    rows = make_rows(train=[POT], validation=[LAMP], test=[ROPE])
    left, table, report = check(rows)
    assert left == {"train": ["id 1"], "validation": ["id 2"], "test": ["id 3"]}
    assert table.empty
    assert report["found"] == {"exact": 0, "near": 0}
    assert report["summary"].startswith("No row is in two splits")


@pytest.mark.parametrize(
    "copy",
    [
        POT,
        (POT[0].upper(), POT[1].replace(".", " !").replace(" ", "  ")),
        ("Blue téapot 1 liter", POT[1].replace("clay", "cláy")),
    ],
)
def test_a_copy_is_found_whatever_its_case_punctuation_and_accents(copy: tuple[str, str]):
    left, table, report = check(make_rows(train=[copy, LAMP], validation=[ROPE], test=[POT]))
    assert left["train"] == ["id 2"]
    assert report["found"] == {"exact": 1, "near": 0}
    assert table[["kind", "compared", "similarity"]].values.tolist() == [["exact", "example", 1.0]]


@pytest.mark.parametrize("words", [1, 2, 3, 4, 5])
def test_a_test_row_copied_into_training_with_a_few_words_changed_is_found(words: int):
    copy = (POT[0], change(POT[1], words))  # of 27
    left, _, report = check(make_rows(train=[LAMP, copy], validation=[ROPE], test=[POT]))
    assert left["train"] == ["id 1"]
    assert report["found"] == {"exact": 0, "near": 1}
    assert report["remaining"] == 0


def test_a_completion_is_found_under_another_prompt():
    copies = [("Ceramic jug for tea", POT[1]), ("Jug", change(POT[1], 2))]
    left, table, _ = check(make_rows(train=[*copies, LAMP], validation=[ROPE], test=[POT]))
    assert left["train"] == ["id 3"]
    assert table["compared"].tolist() == ["completion", "completion"]
    assert table["kind"].tolist() == ["exact", "near"]


def test_variants_with_descriptions_of_their_own_stay():
    red = (
        "Red teapot, 1 liter",
        "Fire-red glaze on thin porcelain. Its spout is short, so it hardly ever drips, and two "
        "cups are full before the tea is cold.",
    )
    left, *_ = check(make_rows(train=[red], validation=[LAMP], test=[POT]))
    assert left["train"] == ["id 1"]


def test_short_answers_may_be_the_same_by_right():
    train = [("Is the jug safe for a dishwasher?", "Yes, it is."), POT]
    left, *_ = check(
        make_rows(train=train, validation=[LAMP], test=[("Is the pot one liter?", "Yes, it is.")])
    )
    assert left["train"] == ["id 1", "id 2"]


def test_a_text_without_spaces_between_its_words_is_compared_by_characters():
    answer = "先把鞋子放在通風處陰乾，再用軟毛刷輕輕刷掉表面的黴斑，最後噴上除濕劑保存。"
    copy = answer.replace("輕輕", "慢慢")
    left, _, report = check(
        make_rows(train=[("鞋子發黴怎麼辦", copy), POT], validation=[LAMP], test=[("黴斑", answer)])
    )
    assert left["train"] == ["id 2"]
    assert report["found"] == {"exact": 0, "near": 1}


def test_validation_is_kept_apart_from_test_and_training_from_both():
    rows = make_rows(train=[POT, LAMP, ROPE], validation=[LAMP, POT], test=[POT])
    left, table, _ = check(rows)
    assert left == {"train": ["id 3"], "validation": ["id 4"], "test": ["id 6"]}
    pairs = set(zip(table["split"], table["duplicate_split"], strict=True))
    assert pairs == {("train", "validation"), ("train", "test"), ("validation", "test")}


def test_moving_puts_the_held_out_row_into_training():
    rows = make_rows(train=[POT], validation=[LAMP], test=[(POT[0], change(POT[1], 2)), ROPE])
    left, table, report = check(rows, make_data(policy="move"))
    assert left == {"train": ["id 1", "id 3"], "validation": ["id 2"], "test": ["id 4"]}
    assert (report["moved"], report["dropped"]) == (1, 0)
    assert table[["split", "id", "duplicate_split", "duplicate_id", "done"]].values.tolist() == [
        ["test", "id 3", "train", "id 1", "moved to train"]
    ]


def test_moving_goes_on_until_no_duplicate_of_a_moved_row_is_held_out():
    first, second = (change(POT[1], 3, seed=1), change(POT[1], 3, seed=5))
    rows = make_rows(train=[(POT[0], first)], validation=[POT, ROPE], test=[(POT[0], second), LAMP])
    left, *_ = check(rows, make_data(policy="move"))
    assert left["validation"] == ["id 3"]
    assert left["test"] == ["id 5"]
    assert sorted(left["train"]) == ["id 1", "id 2", "id 4"]


def test_a_moved_row_takes_its_group_along():
    rows = make_rows(train=[POT], validation=[LAMP], test=[POT, (POT[0] + "!", "A pot."), ROPE])
    left, _, report = check(rows, make_data(policy="move"))
    assert left["test"] == ["id 5"]
    assert left["train"] == ["id 1", "id 3", "id 4"]
    assert report["moved"] == 2


def test_rows_that_belong_to_no_other_are_moved_alone():
    rows = make_rows(train=[POT], validation=[LAMP], test=[POT, ROPE])
    alone = rows.with_columns(pl.lit(None, pl.String).alias(SPLIT_GROUP))
    left, *_ = check(alone, make_data(policy="move"))
    assert left == {"train": ["id 1", "id 3"], "validation": ["id 2"], "test": ["id 4"]}


@pytest.mark.parametrize("policy", ["drop", "move"])
@pytest.mark.parametrize(
    "question",
    ["Blue teapot 1 liter", "Write a product description of at least two sentences for: " + POT[0]],
)
def test_a_row_that_asks_a_fixed_question_is_dropped_from_every_split(policy: str, question: str):
    spoon = ("Oak spoon", "A spoon.")
    rows = make_rows(train=[POT, LAMP], validation=[spoon], test=[POT, ROPE])
    left, table, report = check(rows, make_data(policy=policy), [question])
    assert "id 1" not in left["train"]
    assert left["test"] == ["id 5"]
    assert set(table.loc[table["duplicate_split"] == "question", "done"]) == {"dropped"}
    assert report["dropped"] == 2


def test_a_fixed_question_in_slightly_other_words_is_found():
    question = (
        "Which teapot would you give to four friends who drink their tea very hot and slowly?"
    )
    asked = question.replace("drink", "have")
    rows = make_rows(train=[(asked, "The blue one."), POT], validation=[LAMP], test=[ROPE])
    left, table, _ = check(rows, questions=[question])
    assert left["train"] == ["id 2"]
    assert table["compared"].tolist() == ["prompt"]
    assert table["duplicate_prompt"].tolist() == [question]


def test_a_question_about_another_thing_is_no_duplicate():
    asked = ("Which oil helps against nausea?", "Mint.")
    rows = make_rows(train=[asked], validation=[LAMP], test=[POT])
    left, *_ = check(rows, questions=["Which oil helps against headache?"])
    assert left["train"] == ["id 1"]


def test_completions_alone_can_be_left_out():
    rows = make_rows(train=[("Jug", POT[1])], validation=[LAMP], test=[POT])
    left, *_ = check(rows, make_data(completion_threshold=None))
    assert left["train"] == ["id 1"]


@pytest.mark.parametrize("policy", ["drop", "move"])
def test_a_split_that_would_be_empty_is_refused(policy: str):
    with pytest.raises(TunelineError, match=f"data.leaks.policy = {policy}: every row of the"):
        check(make_rows(train=[POT], validation=[LAMP], test=[POT]), make_data(policy=policy))


def test_a_category_that_is_not_on_every_split_is_told(caplog: pytest.LogCaptureFixture):
    rows = make_rows(
        train=[(*POT, "kitchen"), (*ROPE, "play")],
        validation=[(*LAMP, "kitchen")],
        test=[("Oak spoon", "A spoon.", "kitchen")],
    )
    _, _, report = check(rows, make_data(category="kind"))
    words = "Category `play` (1 row) is not in validation and test."
    assert words in report["summary"]
    assert words in caplog.text
    assert report["categories"]["play"] == {"train": 1, "validation": 0, "test": 0}


def test_texts_in_the_table_are_shortened_and_lines_are_numbers():
    long = "word " * 100
    rows = make_rows(train=[("a", long), POT], validation=[LAMP], test=[("a", long)])
    _, table, _ = check(rows)
    assert table["completion"].str.len().tolist() == [160]
    assert table[["line", "duplicate_line"]].values.tolist() == [[1, 4]]


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.integers(12, 60), min_size=6, max_size=12),
    st.sampled_from(["drop", "move"]),
    st.data(),
)
def test_what_is_copied_with_a_tenth_of_its_words_changed_is_found(lengths, policy, data):
    rows = [
        (f"title {place}", " ".join(f"word{number}of{place}" for number in range(length)))
        for place, length in enumerate(lengths)
    ]
    train, validation, test = rows[::3], rows[1::3], rows[2::3]
    copied = data.draw(st.sampled_from(test))
    words = data.draw(st.integers(0, len(copied[1].split()) // 10))
    train.append((copied[0], change(copied[1], words, data.draw(st.integers(0, 99)))))
    rows = make_rows(train=train, validation=validation, test=[*test, POT])
    original = f"id {len(train) + len(validation) + test.index(copied) + 1}"
    copy = f"id {len(train)}"

    left, table, report = check(rows, make_data(policy=policy))

    assert sum(report["found"].values()) == 1
    assert {*table["id"], *table["duplicate_id"]} == {original, copy}
    assert [copy in left["train"], original in left["test"]] == (
        [False, True] if policy == "drop" else [True, False]
    )
    kept = pl.concat(
        rows.filter(pl.col("id").is_in(left[split])).with_columns(split=pl.lit(split))
        for split in SPLITS
    )
    assert count_equal(make_forms(kept, [], PROMPT), Leaks()) == 0


LONG = (
    "Oak shelf for spices",
    "The boards are oiled oak and carry forty jars in three rows. Two screws hold the shelf on any "
    "wall of brick. The rail in front keeps small jars from falling when a door slams nearby.",
)


def halves_exchanged(text: str) -> str:
    words = text.split()
    return " ".join([*words[len(words) // 2 :], *words[: len(words) // 2]])


def sentences_in_another_order(text: str) -> str:
    first, *others = text.rstrip(".").split(". ")
    return ". ".join([*others, first]) + "."


def words_appended(text: str) -> str:
    return f"{text} It is sent in a box of gray card."


def words_in_front(text: str) -> str:
    return f"New in our shop since this very spring: {text}"


def a_sentence_left_out(text: str) -> str:
    return ". ".join(text.split(". ")[:2]) + "."


@pytest.mark.parametrize(
    "rewrite",
    [
        halves_exchanged,
        sentences_in_another_order,
        words_appended,
        words_in_front,
        a_sentence_left_out,
    ],
)
def test_a_copy_with_parts_moved_added_or_left_out_is_found(rewrite):
    rows = make_rows(train=[(LONG[0], rewrite(LONG[1])), LAMP], validation=[ROPE], test=[LONG])
    left, _, report = check(rows)
    assert left["train"] == ["id 2"]
    assert report["found"] == {"exact": 0, "near": 1}


def make_templated(numbers: range) -> list[tuple[str, str]]:
    return [
        (
            f"Parcel {number}",
            f"The parcel with the number {number} weighs {number % 7 + 1} kg and is kept on shelf "
            f"{number % 50} until somebody comes to fetch it.",
        )
        for number in numbers
    ]


def test_rows_of_a_template_that_differ_in_numbers_alone_are_no_duplicates():
    rows = make_rows(
        train=make_templated(range(700)),
        validation=make_templated(range(700, 800)),
        test=make_templated(range(800, 900)),
    )
    left, table, _ = check(rows)
    assert [len(left[split]) for split in SPLITS] == [700, 100, 100]
    assert table.empty


def test_the_remedy_for_templated_rows_works():
    names = ["Adler", "Brandt", "Curie", "Dorn", "Ernst"]
    rows = [
        (
            f"Parcel of {name}",
            f"The parcel of {name} is stored on the third shelf until somebody comes.",
        )
        for name in names
    ]
    rows = make_rows(train=rows[:3], validation=rows[3:4], test=rows[4:])
    with pytest.raises(TunelineError, match=r"`data\.leaks\.threshold: 1`"):
        check(rows)
    left, table, _ = check(rows, make_data(threshold=1, completion_threshold=None))
    assert [len(left[split]) for split in SPLITS] == [3, 1, 1]
    assert table.empty


def test_a_training_row_stays_if_the_row_it_is_like_goes_itself():
    changed = (POT[0], change(POT[1], 4))
    twice = (POT[0], change(changed[1], 4, seed=1))
    rows = make_rows(train=[twice, LAMP], validation=[changed, ROPE], test=[POT])
    left, _, report = check(rows)
    assert left == {"train": ["id 1", "id 2"], "validation": ["id 4"], "test": ["id 5"]}
    assert report["dropped"] == 1


def test_a_training_row_stays_if_the_row_it_is_like_asks_a_fixed_question():
    question = f"Write a product description of at least two sentences for: {POT[0]}"
    other = ("Green jug of glass", POT[1])
    rows = make_rows(train=[other, LAMP], validation=[ROPE], test=[POT, LONG])
    left, _, _ = check(rows, questions=[question])
    assert left == {"train": ["id 1", "id 2"], "validation": ["id 3"], "test": ["id 5"]}


def test_a_prompt_in_two_splits_with_another_answer_is_named():
    rows = make_rows(train=[(POT[0], LAMP[1]), LAMP], validation=[ROPE], test=[POT])
    _, _, report = check(rows)
    assert report["shared_prompts"] == {"validation": 0, "test": 1}
    assert "1 test rows have the prompt of a training row" in report["summary"]


def test_copies_within_training_are_found_and_dropped_by_a_switch():
    near = (POT[0], change(POT[1], 3))
    rows = make_rows(train=[POT, near, LAMP, POT, ("Jug", POT[1])], validation=[ROPE], test=[LAMP])
    evaluation = Evaluation(title="", questions=[], generation={})
    left, _, copies, report = check_leaks(rows, make_data(), PROMPT, evaluation)
    assert copies.select("line", "duplicate_line", "kind").rows() == [
        (2, 1, "near"),
        (4, 1, "exact"),
    ]
    assert (report["copies"], report["dropped"], left.height) == (2, 1, 6)
    dropping = make_data(drop_copies=True)
    left, _, _, report = check_leaks(rows, dropping, PROMPT, evaluation)
    assert left.filter(split="train")["line"].to_list() == [1, 5]
    assert (report["dropped"], report["sizes"]["train"]) == (1, 2)
