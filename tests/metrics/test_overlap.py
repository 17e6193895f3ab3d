"""Words, signs and symbols: what makes two texts the same, and what does not."""

import random
import unicodedata

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rouge_score.rouge_scorer import RougeScorer
from rouge_score.tokenizers import DefaultTokenizer

from tests.metrics.measuring import measure
from tuneline.metrics.overlap import split_words


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Čaj, ČAJ 70 %", ["čaj", "čaj", "70", "%"]),
        ("鞋模70%濕", ["鞋", "模", "70", "%", "濕"]),
        (
            "It's well-known (so they say): yes!",
            ["it", "s", "well", "known", "so", "they", "say", "yes"],
        ),
        ("-5 °C, −5 °C, –5 °C", ["−5", "°", "c"] * 3),
        ("70-90 %, 70 – 90, 2024-11-26", ["70", "90", "%", "70", "90", "2024", "11", "26"]),
        ("from -5 to (-10), x=-1", ["from", "−5", "to", "−10", "x", "=", "−1"]),
        ("12.125 and 12,125 and v1.2", ["12.125", "and", "12,125", "and", "v1", "2"]),
        ("## C# and `C++`", ["c", "#", "and", "c", "+", "+"]),
        ("10³ m² 5½ >= 3", ["10", "^", "3", "m", "^", "2", "5", "1⁄2", "≥", "3"]),
        ("ﬁne exam\u00adple 70％", ["fine", "example", "70", "%"]),
        ("😀 ok", ["😀", "ok"]),
        ("...", [".", ".", "."]),
        ("  ", []),
    ],
)
def test_texts_are_cut_into_words_of_any_script_numbers_and_symbols(text: str, words: list[str]):
    assert split_words(text) == words


@pytest.mark.parametrize(
    ("answer", "reference"),
    [
        ("5 °C", "-5 °C"),
        ("5 °C", "−5 °C"),
        ("It is 5.", "It is –5."),
        ("$5", "-$5"),
        ("≥ 5", "≤ 5"),
        (">= 5", "<= 5"),
        ("± 5", "5"),
        ("C++", "C#"),
        ("C", "C#"),
        ("a = b", "a != b"),
        ("5 €", "5 $"),
        ("5 %", "5 ‰"),
        ("5′", "5″"),
        ("12.125", "12 125"),
        ("1.5", "1:5"),
        ("10³", "103"),
        ("5½", "51/2"),
        ("x + y", "x − y"),
        ("x × y", "x ÷ y"),
        ("", "😀"),
        ("😢", "😀👍"),
        ("👍🏽", "👍"),
        ("", "?"),
        ("!", "?"),
        ("→", "←"),
        ("♂", "♀"),
    ],
)
def test_signs_and_symbols_count(answer: str, reference: str):
    for one, other in ((answer, reference), (reference, answer)):
        found = measure(one, other)
        assert found["exact_match"] == 0
        assert found["rouge_l"] < 100
    assert measure(reference, reference)["exact_match"] == 100
    assert measure(reference, reference)["rouge_l"] == pytest.approx(100)


@pytest.mark.parametrize(
    ("answer", "reference"),
    [
        ("a POT", "A pot."),
        ("-5 °C", "−5\u00a0℃"),
        (">= 5", "≥ 5"),
        ("“Yes”, she said…", '"Yes" she said'),
        ("ｐｏｔ　７０％", "pot 70 %"),
        ("鞋模，濕度。", "鞋模濕度"),
        ("❤️", "❤"),
        ("**Pot**", "Pot"),
        ("STRASSE", "Straße"),
    ],
)
def test_exact_match_looks_past_letter_case_typography_and_punctuation(answer: str, reference: str):
    assert measure(answer, reference)["exact_match"] == 100


def test_exact_match_wants_every_word():
    assert measure("a big pot", "A pot.")["exact_match"] == 0


def test_plain_words_are_scored_as_by_rouge_scores_own_tokenizer():
    scorer = RougeScorer(["rouge1", "rougeL"], tokenizer=DefaultTokenizer())
    draw = random.Random(0)
    words = ["pot", "oak", "tea", "lid", "of", "b12", "2024", "well-known", "a,", "it's", "end."]
    for _ in range(200):
        answer, reference = (" ".join(draw.choices(words, k=draw.randrange(1, 15))) for _ in "ab")
        expected = scorer.score(reference, answer)
        found = measure(answer, reference)
        assert found["rouge_l"] == pytest.approx(100 * expected["rougeL"].fmeasure)
        assert found["token_f1"] == pytest.approx(100 * expected["rouge1"].fmeasure)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.text(max_size=30))
def test_every_text_is_an_exact_match_of_itself_and_of_its_composed_form(text: str):
    assert split_words(text) == split_words(unicodedata.normalize("NFC", text))
    if text.split():
        assert measure(text, text)["exact_match"] == 100
