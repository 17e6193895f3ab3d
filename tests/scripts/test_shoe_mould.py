"""The tracked questions and answers are what the generator makes, and hold their key terms."""

import json
from collections import Counter
from difflib import SequenceMatcher
from itertools import combinations
from pathlib import Path

import pytest
import yaml

from scripts.samples.shoe_mould.table import SOURCE, main

TRACKED_FILE = Path(__file__).parents[2] / "data/01_raw/shoe_mould/questions.json"


@pytest.fixture(scope="module")
def rows() -> list[dict]:
    return json.loads(TRACKED_FILE.read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def fixed_questions() -> list[str]:
    return yaml.safe_load(SOURCE.with_name("questions.yml").read_text(encoding="utf-8"))


def test_tracked_file_is_what_the_generator_makes_today(tmp_path: Path):
    path = tmp_path / "deep" / "questions.json"
    main(["--out", str(path)])
    assert path.read_bytes() == TRACKED_FILE.read_bytes()


def test_ten_categories_have_ten_rows_each(rows: list[dict]):
    assert set(Counter(row["category"] for row in rows).values()) == {10}
    assert len(rows) == 100


def test_rows_have_the_columns_of_the_raw_format(rows: list[dict]):
    for row in rows:
        assert list(row) == ["category", "question", "answer", "level", "key_terms"]
        assert all(isinstance(row[key], str) for key in ("category", "question", "answer"))


def test_every_level_is_in_every_category(rows: list[dict]):
    levels = {(row["category"], row["level"]) for row in rows}
    assert {level for _, level in levels} == {"基礎", "診斷", "處理"}
    assert len(levels) == 30


def test_answers_are_of_expert_length(rows: list[dict]):
    assert all(60 <= len(row["answer"]) <= 200 for row in rows)


def test_key_terms_are_word_for_word_in_their_answer(rows: list[dict]):
    for row in rows:
        assert 2 <= len(row["key_terms"]) <= 4
        missing = [term for term in row["key_terms"] if term not in row["answer"]]
        assert not missing, row["question"]


def test_few_texts_carry_the_spaces_that_cleaning_must_meet(rows: list[dict]):
    texts = [row[key] for row in rows for key in ("question", "answer")]
    assert sum(text != text.strip() for text in texts) == 3


def test_no_question_is_nearly_another(rows: list[dict], fixed_questions: list[str]):
    questions = [row["question"] for row in rows] + fixed_questions
    for first, second in combinations(questions, 2):
        assert SequenceMatcher(None, first, second).ratio() < 0.65, (first, second)


def test_ten_questions_of_the_domain(fixed_questions: list[str]):
    assert len(set(fixed_questions)) == 10
