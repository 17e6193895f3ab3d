"""Pairs of tables and documents are right, whole, and in one split each."""

import json
import re
from itertools import pairwise
from pathlib import Path

import pandas as pd
import polars as pl
import pytest
from pydantic import ValidationError

from tests.conftest import PROJECT
from tests.pipelines.prepare import cleaning
from tuneline.datasets import RawSheetDataset
from tuneline.errors import TunelineError
from tuneline.parameters import Data, Documents, Prompt, Table
from tuneline.pipelines.prepare.document_pairs import find_parts, fold_lines
from tuneline.pipelines.prepare.nodes import build_examples, split_rows
from tuneline.pipelines.prepare.pairs import pair_table
from tuneline.pipelines.prepare.similar_items import find_typo
from tuneline.pipelines.prepare.splitting import assign_splits
from tuneline.pipelines.prepare.table_facts import read_facts
from tuneline.settings import CONFIG_LOADER_ARGS, CONFIG_LOADER_CLASS

OILS = Path(PROJECT / "data/01_raw/essential_oils/oils.xlsx")
Pairs = tuple[pl.DataFrame, pd.DataFrame]


@pytest.fixture(scope="module")
def data() -> Data:
    loader = CONFIG_LOADER_CLASS(str(PROJECT / "conf"), env="laptop", **CONFIG_LOADER_ARGS)
    return Data.model_validate(loader["parameters"]["essential_oils"]["data"])


@pytest.fixture(scope="module")
def table(data: Data) -> Table:
    assert data.table
    return data.table


@pytest.fixture(scope="module")
def clean(data: Data) -> pl.DataFrame:
    rows, _, _ = cleaning.clean(RawSheetDataset(filepath=str(OILS)), data)
    return rows.with_columns(pl.col("line").cast(pl.String))


@pytest.fixture(scope="module")
def made(clean: pl.DataFrame, data: Data, table: Table) -> Pairs:
    return pair_table(clean, data, table)


def answer_to(made: Pairs, question: str) -> str:
    return made[0].filter(question=question)["answer"].item()


def test_several_right_answers_are_one_answer_that_lists_them(
    made: Pairs, clean: pl.DataFrame, table: Table
):
    facts, _ = read_facts(clean, table)
    whole = made[0].filter(
        ~pl.col("answer").str.contains("mimo jiné"),
        pl.col("question").str.starts_with("U kterých olejů tabulka uvádí"),
    )
    assert whole.height > 30
    for question, answer in whole.select("question", "answer").iter_rows():
        item = question.removeprefix("U kterých olejů tabulka uvádí „").removesuffix("“?")
        oils = {fact.subject for fact in facts if fact.name == item}
        assert set(answer.rsplit("“: ", 1)[1].rstrip(".").split("; ")) == oils


def test_an_answer_lists_the_oils_that_have_the_effect_in_another_form(made: Pairs):
    answer = answer_to(made, "U kterých olejů tabulka uvádí „Těžké nohy“?")
    listed = answer.rsplit(": ", 1)[1].rstrip(".").split("; ")
    # `Na těžké nohy`, `Uleví těžkým nohám`, `Těžké nohy`; one oil more is held out.
    assert {"Citron", "Pelargonie vonná", "Jalovec obecný"} <= set(listed)


def test_an_answer_says_that_others_have_the_effect_in_wider_words(made: Pairs):
    # Cedar has `Suchý kašel (dráždivý, noční)`, which is a cough.
    answer = answer_to(made, "U kterých olejů tabulka uvádí „Kašel“?")
    assert "mimo jiné" in answer
    assert "Cedr" not in answer


def test_nothing_is_denied_whose_like_the_row_states(
    made: Pairs, clean: pl.DataFrame, table: Table
):
    facts, items = read_facts(clean, table)
    denied = made[0].filter(kind="denied_effect")["facts"]
    assert denied.len() > 100
    for oil, item in (fact for text in denied for fact in json.loads(text)):
        stated = [fact.item for fact in facts if fact.subject == oil and fact.item]
        assert not items.is_like(item, stated)
        # Counted in another way: no stated effect holds the stems of all its words.
        stems = [set(re.findall(r"\b\w{5}", one.casefold())) - {"proti"} for one in [item, *stated]]
        assert not any(stems[0] and stems[0] <= one for one in stems[1:])


def test_an_effect_that_a_row_lacks_is_denied_and_one_it_has_is_affirmed(
    made: Pairs, clean: pl.DataFrame, table: Table
):
    known = {fact.key for fact in read_facts(clean, table)[0]}
    for kind, affirmed in (("specific_effect", True), ("denied_effect", False)):
        rows = made[0].filter(kind=kind)
        assert rows.height > 100
        for facts, answer in rows.select("facts", "answer").iter_rows():
            assert [tuple(fact) in known for fact in json.loads(facts)] == [affirmed]
            assert answer.startswith("Ano, " if affirmed else "Ne, ")


def test_no_data_is_said_honestly_and_never_used_as_an_answer(made: Pairs):
    pairs, _ = made
    assert "neuvádí" in answer_to(made, "Jakou vibraci má olej Pačuli?")
    assert "neuvádí" in answer_to(made, "Jak působí olej Hřebíček na psychiku?")
    assert not pairs["answer"].str.contains("(?i)není údaj").any()
    assert not pairs["question"].str.contains("(?i)není údaj").any()
    # A column that was never filled in has no category to ask about.
    assert not pairs["question"].str.contains("„“").any()
    # Nothing can be denied of a column that was never filled in.
    denied = pairs.filter(kind="denied_effect")["question"]
    assert denied.str.contains("olej[eu]? Hřebíček").any()
    assert not denied.str.contains("olej[eu]? Hřebíček.* na psychiku").any()


def test_a_row_with_an_empty_cell_is_kept_and_says_that_there_is_no_data(made: Pairs):
    answer = answer_to(made, "Jak se olej Pačuli jmenuje latinsky?")
    assert answer == "Latinský název oleje Pačuli tabulka neuvádí."
    assert answer_to(made, "Jak se olej Pačuli jmenuje anglicky?").endswith("je Patchouli.")


def test_no_question_and_no_answer_looks_broken(made: Pairs):
    pairs, report = made
    assert report["typos"].sum() == 0
    texts = [*pairs["question"], *pairs["answer"]]
    assert [text for text in texts if find_typo(text)] == []


def test_every_question_has_one_answer_and_is_counted(made: Pairs):
    pairs, report = made
    assert pairs["question"].n_unique() == pairs.height == report["questions"].sum()
    counted = dict(zip(report["kind"], report["questions"], strict=True))
    assert counted == dict(pairs["kind"].value_counts().iter_rows())
    assert pairs.height > 2000


def list_facts(pairs: pl.DataFrame, split: str) -> set[tuple[str, str]]:
    asked = pairs.filter(fact_split=split)["facts"]
    return {(oil, item) for text in asked for oil, item in json.loads(text)}


def mentions(texts: pl.Series, words: list[str]) -> dict[str, set[int]]:
    """Rows that name each of the words; the longest first, so that a part of one is not one."""
    found: dict[str, set[int]] = {}
    left = texts.str.to_lowercase()
    for word in sorted(words, key=len, reverse=True):
        found[word] = set(left.str.contains(word.lower(), literal=True).arg_true())
        left = left.str.replace_all(word.lower(), "·", literal=True)
    return found


def test_no_training_text_states_a_fact_that_is_asked_on_a_held_out_split(
    made: Pairs, clean: pl.DataFrame, table: Table
):
    pairs, _ = made
    facts, _ = read_facts(clean, table)
    train = pairs.filter(fact_split="train")
    texts = train.select(pl.concat_str("question", "answer", separator=" ")).to_series()
    oils = mentions(texts, list({fact.subject for fact in facts}))
    names = {fact.item: fact.name for fact in facts if fact.item and fact.column in table.lists}
    items: dict[str, set[int]] = {}
    for spelled, rows in mentions(texts, list(names)).items():
        items.setdefault(names[spelled], set()).update(rows)
    for split in ("test", "validation"):
        keys = list_facts(pairs, split)
        assert len(keys) > 50
        assert [key for key in keys if key[1] in items and oils[key[0]] & items[key[1]]] == []


def test_facts_of_the_three_splits_are_disjoint(made: Pairs):
    pairs, _ = made
    splits = [list_facts(pairs, split) for split in ("train", "validation", "test")]
    assert all(not one & other for one, other in [*pairwise(splits), (splits[0], splits[2])])


def test_every_kind_is_asked_on_every_split_and_the_splits_are_as_large_as_stated(
    made: Pairs, data: Data
):
    pairs, _ = made
    splits = assign_splits(pairs.lazy(), data)
    placed = splits.join(pairs.with_columns(pl.col("line").cast(pl.Int64)), on="line")
    assert (placed["split"] == placed["fact_split"]).all()
    assert dict(splits["split"].value_counts().iter_rows())["test"] == data.split.test
    for split in ("train", "validation", "test"):
        assert placed.filter(split=split)["kind"].n_unique() == pairs["kind"].n_unique()


def test_a_sample_takes_no_more_rows_than_it_says(made: Pairs, data: Data):
    split = data.split.model_copy(update={"sample": 200, "test": 20, "validation": 20})
    splits = assign_splits(made[0].lazy(), data.model_copy(update={"split": split}))
    assert splits.height == 200


def test_questions_on_one_oil_and_on_one_effect_are_known_to_belong_together(made: Pairs):
    named: dict[str, set[tuple[str, ...]]] = {}
    for row in made[0].iter_rows(named=True):
        groups = json.loads(row["groups"])
        named.setdefault(row["kind"], set()).add(tuple(groups))
        oils = {oil for oil, _ in json.loads(row["facts"])}
        assert groups.get("subject") == (min(oils) if len(oils) == 1 else None)
    assert named["general"] == {("subject",)}
    assert named["reverse"] == {("item",), ("subject", "item")}
    assert named["denied_effect"] == named["specific_effect"] == {("subject", "item")}


def test_examples_of_a_table_carry_their_groups(made: Pairs, data: Data):
    prompt = Prompt(prompt="{question}", completion="{answer}")
    pairs = made[0].with_columns(pl.col("line").cast(pl.String))
    groups = dict(pairs.select(pl.col("line").cast(int), "groups").iter_rows())
    for split in build_examples(split_rows(pairs.lazy(), data), data, prompt):
        assert split
        for example in split:
            meta = example["meta"]
            assert meta.get("groups", {}) == json.loads(groups[meta["line"]])


def test_two_rows_about_one_subject_are_refused(clean: pl.DataFrame, data: Data, table: Table):
    twice = pl.concat([clean, clean.head(1)])
    with pytest.raises(TunelineError, match="several rows are about `Levandule lékařská`"):
        pair_table(twice, data, table)


def test_one_question_with_two_answers_is_refused(clean: pl.DataFrame, data: Data, table: Table):
    kinds = [kind for kind in table.kinds if kind.name == "general"]
    vague = [kind.model_copy(update={"questions": ["Řekni {subject}."]}) for kind in kinds]
    with pytest.raises(TunelineError, match=r"`řekni citron\.` has 3 answers"):
        pair_table(clean, data, table.model_copy(update={"kinds": vague}))


@pytest.mark.parametrize("key", ["only", "without"])
def test_a_category_that_no_cell_has_is_refused(
    clean: pl.DataFrame, data: Data, table: Table, key: str
):
    kind = table.kinds[0].model_copy(update={"only": [], "without": [], key: ["OBECNE"]})
    with pytest.raises(TunelineError, match=r"`OBECNE`.* did you mean `OBECNÉ`"):
        pair_table(clean, data, table.model_copy(update={"kinds": [kind]}))


def test_a_placeholder_that_nothing_fills_is_refused(table: Table):
    kind = table.kinds[0].model_dump() | {"answer": "Ano: {items}"}
    with pytest.raises(ValidationError, match=r"placeholder `\{items\}`"):
        Table.model_validate(table.model_dump() | {"kinds": [kind]})


DOCUMENTS = Documents.model_validate(
    {
        "column": "text",
        "parts": {
            "wish": {"headings": ["Cerințele clientului"]},
            "offer": {"headings": ["Oferta"], "sections": ["Scopul", "Preț și timp"]},
        },
    }
)


def write(wish: str = "Cerințele clientului", price: str = "Preț și timp") -> str:
    return f"Titlu\n{wish}\nVrem un site.\nOferta\nScopul\nUn site.\n{price}\n900 EUR\n"


@pytest.mark.parametrize(
    "price",
    [
        "PREȚ ȘI TIMP",
        "2. Preț și timp",
        "2 Preț și timp",
        "4.1 Preț și timp",
        "1.2.3. Preț și timp",
        "IV) Preţ şi timp:",
        "## Preț și timp",
        "**Pret si timp**",
        "(4) Preț și timp",
        "d) Preț și timp",
        "iv. Preț și timp",
        "§ 4: Preț și timp",
        "4 \u2013 Preț și timp",
        "=== Preț și timp ===",
        "• Preț și timp",
        "四、Preț și timp",
        "<h2>Preț și timp</h2>",
    ],
)
def test_a_heading_is_found_as_people_type_it_and_written_in_one_way(price: str):
    parts = find_parts(write(price=price), DOCUMENTS)
    assert parts.problems == []
    assert parts.texts == {
        "wish": "Vrem un site.",
        "offer": "# Scopul\nUn site.\n# Preț și timp\n900 EUR",
    }


def test_what_is_before_the_first_part_is_counted():
    assert find_parts(write(), DOCUMENTS).before == len("Titlu")


def test_a_sentence_with_the_words_of_a_heading_is_no_heading():
    text = write().replace("Vrem un site.", "Oferta să fie scurtă.")
    assert find_parts(text, DOCUMENTS).texts["wish"] == "Oferta să fie scurtă."


def test_a_missing_part_and_a_missing_section_are_named_with_the_nearest_line():
    parts = find_parts(write(wish="Cerintele noastre", price="Prețul"), DOCUMENTS)
    assert "`Cerințele clientului`" in parts.problems[0]
    assert "`Cerintele noastre`" in parts.problems[0]
    assert "`Prețul`" in parts.problems[1]


def test_sections_in_the_wrong_order_are_a_problem():
    text = "Cerințele clientului\na\nOferta\nPreț și timp\nb\nScopul\nc"
    assert "Preț și timp" in find_parts(text, DOCUMENTS).problems[0]


@pytest.mark.parametrize("end", ["\r", "\r\n", "\u2028", "\x0b"])
def test_a_line_may_end_as_any_program_ends_it(end: str):
    assert find_parts(write().replace("\n", end), DOCUMENTS) == find_parts(write(), DOCUMENTS)


@pytest.mark.parametrize(
    "contents",
    [
        "Cuprins\nCerințele clientului\nOferta\nScopul\nPreț și timp\n\n",
        "1. Cerințele clientului\n\n2. Oferta\n2.1 Scopul\n2.2 Preț și timp\n",
        "Cerințele clientului\nOferta\n",
    ],
)
def test_headings_of_a_table_of_contents_begin_no_part(contents: str):
    assert find_parts(contents + write(), DOCUMENTS).texts == find_parts(write(), DOCUMENTS).texts


def test_sections_listed_at_the_head_of_their_part_are_no_sections_yet():
    text = write().replace("Oferta\n", "Oferta\nScopul\nPreț și timp\n")
    parts = find_parts(text, DOCUMENTS)
    assert parts.problems == []
    assert parts.texts["offer"].endswith("# Scopul\nUn site.\n# Preț și timp\n900 EUR")
    assert parts.texts["offer"].count("#") == 2


def test_a_part_without_text_is_a_problem_and_loses_no_other():
    text = write().replace("Vrem un site.\n", " \n")
    parts = find_parts(text, DOCUMENTS)
    assert parts.problems == ["wish: nothing is under its heading"]
    assert parts.texts["offer"].startswith("# Scopul")


def test_a_heading_that_is_nothing_but_a_number_is_not_found_in_blank_lines():
    documents = Documents.model_validate(
        {"column": "text", "parts": {"one": {"headings": ["1."]}, "two": {"headings": ["2."]}}}
    )
    assert find_parts("\n1.\na shop\n\n2.\na plan", documents).texts == {
        "one": "a shop",
        "two": "a plan",
    }


@pytest.mark.parametrize("line", ["e-shop", "A/B", "I want a shop", "a shop", "C++"])
def test_a_line_of_prose_keeps_its_first_letter(line: str):
    assert fold_lines([line])[0].startswith(line[0].lower())


def test_the_number_of_a_heading_itself_is_part_of_it():
    documents = Documents.model_validate(
        {
            "column": "text",
            "parts": {"old": {"headings": ["2024 plan"]}, "new": {"headings": ["2025 plan"]}},
        }
    )
    parts = find_parts("2025 plan\nnew\n1. 2024 plan\nold", documents)
    assert parts.texts == {"old": "old", "new": "new"}
