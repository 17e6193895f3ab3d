from collections import Counter
from itertools import combinations, pairwise, product

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tuneline.examples import SPLIT_GROUP
from tuneline.parameters import Leaks, Prompt
from tuneline.pipelines.prepare.forms import make_forms, number_forms
from tuneline.pipelines.prepare.near_duplicates import (
    MISSED,
    NEAR,
    choose_bands,
    find_near,
    hash_pairs,
    pair_band,
)
from tuneline.pipelines.prepare.similarity import measure_similarity, pair_words

# Texts that differ in numbers alone are no duplicates.
WORDS = [f"w{chr(97 + number // 26)}{chr(97 + number % 26)}" for number in range(60)]


def test_pairs_of_words_are_counted_and_the_ends_count_too():
    assert sorted(pair_words("a b a b")) == sorted([" a", "a b", "b a", "a b 2", "b "])
    assert pair_words("a") == [" a", "a "]


@settings(max_examples=60)
@given(st.lists(st.lists(st.sampled_from(WORDS[:4]), min_size=1, max_size=9), max_size=9))
def test_hashed_pairs_are_those_pairs(texts: list[list[str]]):
    forms = [" ".join(words) for words in texts]
    hashes, ends = hash_pairs(pl.Series(forms, dtype=pl.String))
    hashed = [set(hashes[start:end].tolist()) for start, end in pairwise(ends.tolist())]
    paired = [set(pair_words(form)) for form in forms]
    for (mine, pairs), (other, others) in product(zip(hashed, paired, strict=True), repeat=2):
        assert len(mine & other) == len(pairs & others)


@settings(max_examples=300)
@given(st.lists(st.sampled_from(WORDS[:8]), min_size=1, max_size=30), st.data())
def test_a_text_with_few_words_changed_shares_as_many_pairs_as_the_bands_are_made_for(words, data):
    """The bound in the module's docstring, for any changes, on texts full of repetitions."""
    changed = list(words)
    for _ in range(data.draw(st.integers(0, 6))):
        place = data.draw(st.integers(0, len(changed) - 1))
        action = data.draw(st.sampled_from(["change", "add", "remove"]))
        if action == "add":
            changed.insert(place, data.draw(st.sampled_from(WORDS)))
        elif action == "change":
            changed[place] = data.draw(st.sampled_from(WORDS))
        elif len(changed) > 1:
            del changed[place]
    similarity = measure_similarity(words, changed)
    mine, other = set(pair_words(" ".join(words))), set(pair_words(" ".join(changed)))
    index = len(mine & other) / len(mine | other)
    assert index >= (2 * similarity - 1) / (3 - 2 * similarity) - 1e-9


@pytest.mark.parametrize("threshold", [0.7, 0.75, 0.8, 0.9, 0.99, 1.0])
def test_the_bands_miss_one_pair_of_duplicates_in_a_million(threshold: float):
    rows, bands = choose_bands(threshold)
    index = (2 * threshold - 1) / (3 - 2 * threshold)
    assert (1 - index**rows) ** bands <= MISSED
    assert rows * bands <= 512


@settings(max_examples=60, deadline=None)
@given(st.lists(st.lists(st.sampled_from(WORDS), min_size=1, max_size=40), max_size=12), st.data())
def test_the_search_finds_what_comparing_every_pair_finds(texts, data):
    copies = []
    for words in texts:  # half of the texts come back with some words changed
        share = data.draw(st.sampled_from([0.05, 0.1, 0.2, 0.5]))
        places = data.draw(
            st.sets(st.integers(0, len(words) - 1), max_size=int(share * len(words)))
        )
        copies.append(["new" if place in places else word for place, word in enumerate(words)])
    forms = {key: " ".join(words) for key, words in enumerate([*texts, *copies])}
    left, right = list(range(len(texts))), list(range(len(texts), len(forms)))
    found = set(find_alike(["train"] * len(left) + ["test"] * len(right), list(forms.values())))
    alike = {
        (a, b)
        for a, b in [*product(left, right), *combinations(right, 2)]
        if 0.8 <= measure_similarity(forms[a].split(), forms[b].split()) < 1
    }
    assert found == alike


def find_alike(splits: list[str], completions: list[str]) -> list[tuple[int, int]]:
    rows = [(split, None, "", text) for split, text in zip(splits, completions, strict=True)]
    schema = dict.fromkeys(["split", "group", "prompt", "completion"], pl.String)
    forms = pl.DataFrame(rows, schema, orient="row")
    leaks = Leaks(threshold=1, completion_threshold=0.8, min_words=1)
    near = find_near(number_forms(forms), leaks).filter(compared="completion")
    assert dict(near.schema) == NEAR
    return near.select("earlier", "later").rows()


def test_texts_of_a_template_are_compared_with_the_first_few_and_held_out_ones_with_all():
    band, held = np.zeros(100, np.uint32), np.arange(100) >= 98
    pairs = [pair for ends in pair_band(band, held, ~held) for pair in zip(*ends, strict=True)]
    assert len(pairs) == len(set(pairs))
    earlier = Counter(int(later) for _, later in pairs)
    assert [earlier[place] for place in (0, 1, 50, 97, 98, 99)] == [0, 1, 10, 10, 98, 99]


PROMPT = Prompt(system="Be kind.", prompt="Describe {title}.\nShort!", completion="{content}")


def make_rows(*rows: dict[str, str]) -> pl.DataFrame:
    return pl.DataFrame([{"line": 1, "split": "train", SPLIT_GROUP: "one", **row} for row in rows])


def read_prompts(template: str, *rows: dict[str, str], questions: list[str] | None = None) -> list:
    prompt = Prompt(prompt=template, completion="Fine.")
    return make_forms(make_rows(*rows), questions or [], prompt)["prompt"].to_list()


def test_the_words_of_the_templates_and_the_system_message_are_not_compared():
    row = {SPLIT_GROUP: "blue teapot", "title": "Blue teapot", "content": "A pot."}
    assert make_forms(make_rows(row), [], PROMPT).to_dicts() == [
        {
            "row": 0,
            "split": "train",
            "group": "blue teapot",
            "prompt": "blue teapot",
            "completion": "a pot",
            "example": "blue teapot a pot",
            "words": 2,
        }
    ]


def test_a_question_is_compared_by_what_would_fill_the_template():
    questions = ["Describe Blue teapot.\nShort!", "Which pot is blue?"]
    forms = make_forms(make_rows({"title": "Jug", "content": "A jug."}), questions, PROMPT)
    assert forms["prompt"].to_list() == ["jug", "blue teapot", "which pot is blue"]
    assert forms["split"].to_list() == ["train", "question", "question"]
    assert forms["completion"].to_list() == ["a jug", None, None]


@pytest.mark.parametrize(
    ("template", "form"),
    [
        ("Say it.", ""),
        ("{a} costs {b} €.", "a pot two"),
        ("{a}{b}", "a pottwo"),
        ("{a}{{{b}}}", "a pot two"),
        ("{b}: {a}, {b}!", "two a pot two"),
        ("About {a:.3}", "a p"),
        ("About {b!r:>9}", "two"),
    ],
)
def test_all_columns_of_a_template_are_compared_as_they_fill_it(template: str, form: str):
    row = {"a": "A pot", "b": "two"}
    filled = template.format_map(row)
    assert read_prompts(template, row, questions=[filled]) == [form, form]


def test_a_column_may_be_in_prompt_and_completion():
    prompt = Prompt(prompt="Praise {title}.", completion="{title}: {content}")
    forms = make_forms(make_rows({"title": "Jug", "content": "Fine"}), [], prompt)
    assert forms.select("prompt", "completion").rows() == [("jug", "jug fine")]


def test_prompts_that_are_the_same_once_filled_are_the_same_whatever_their_columns():
    one, other = {"a": "a pot in red", "b": "oak"}, {"a": "a pot", "b": "red in oak"}
    filled = "Draw a pot in red in oak."
    first, second, question = read_prompts("Draw {a} in {b}.", one, other, questions=[filled])
    assert first == second == question
