"""The expert's own rules, for all prompts and for one."""

import time

import pytest
from pydantic import ValidationError

from tests.metrics.measuring import PLAIN, measure
from tests.pipelines.evaluate.rows import make_row
from tuneline.metrics.answer_rules import list_broken
from tuneline.parameters import AnswerRules


def broken(answer: str, own: dict | None = None, language: str | None = None, **rules: object):
    evaluation = PLAIN.model_copy(update={"rules": AnswerRules(**rules), "language": language})
    return list_broken(make_row(0, "", answer, "A pot.", rules=own or {}), "tuned", evaluation)


def test_terms_are_found_at_the_start_of_a_word_whatever_their_case():
    assert broken("An OAK pot, with lids", contain=["oak", "lid"]) == []
    assert broken("A soak pot", contain=["oak"]) == ["does not contain “oak”"]
    assert broken("鞋模的溫度", contain=["溫度"]) == []
    assert broken("Our guarantee: none", exclude=["guarantee"]) == ["contains “guarantee”"]


def test_a_pattern_must_match_somewhere():
    assert broken("Code: AB-123.", pattern=r"[A-Z]{2}-\d{3}") == []
    assert broken("Code: 123.", pattern=r"[A-Z]{2}-\d{3}") == [r"does not match [A-Z]{2}-\d{3}"]


@pytest.mark.parametrize(
    ("answer", "number", "tolerance", "language", "kept"),
    [
        ("It holds 2.5 liters.", 2.5, 0, None, True),
        ("It holds 2,5 litru.", 2.5, 0, "cs", True),
        ("It holds 2.45 liters.", 2.5, 0.05, None, True),
        ("It holds 2.44 liters.", 2.5, 0.05, None, False),
        ("At \N{MINUS SIGN}18 °C", -18, 0, None, True),
        ("At 18 °C", -18, 0, None, False),
        ("It costs 1,250 euros", 1250, 0, None, True),
        ("None.", 0, 0, None, False),
    ],
)
def test_a_number_is_in_the_answer_within_its_tolerance(
    answer: str, number: float, tolerance: float, language: str | None, kept: bool
):
    found = broken(answer, number=number, tolerance=tolerance, language=language)
    assert (found == []) == kept


def test_a_row_has_rules_of_its_own_besides_those_for_all():
    own = {"contain": ["steel"], "number": 12.0}
    found = broken("A pot of 10 cm", own, exclude=["pot"])
    assert found == ["contains “pot”", "does not contain “steel”", "does not state 12"]


def test_rules_are_a_metric_where_any_is_stated_and_make_answers_unusable():
    rules = PLAIN.model_copy(update={"rules": AnswerRules(contain=["oak"])})
    found = measure("A pot.", evaluation=rules)
    assert (found["answer_rules"], found["usable"]) == (0, 0)
    assert measure("An oak pot.", evaluation=rules)["answer_rules"] == 100
    assert "answer_rules" not in measure("A pot.")
    assert measure("A pot.", rules={"contain": ["oak"]})["answer_rules"] == 0


def test_a_pattern_that_never_ends_is_given_up():
    start = time.monotonic()
    assert broken("a" * 5000 + "!", pattern=r"(a|aa|a+)+$|^(a+a+)+$") != []
    assert time.monotonic() - start < 60


def test_a_pattern_that_is_none_is_refused():
    with pytest.raises(ValidationError, match=r"the pattern `\(` is no regular expression"):
        AnswerRules(pattern="(")
