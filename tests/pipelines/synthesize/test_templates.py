import pytest

from tuneline.errors import TunelineError
from tuneline.parameters import Checks
from tuneline.parameters.synthesis import Quotas
from tuneline.pipelines.synthesize.filters import find_text_problem
from tuneline.pipelines.synthesize.offline import add_disfluency, garble
from tuneline.pipelines.synthesize.templates import fill, find_template_problems, read_vocabulary

VOCABULARY = read_vocabulary(
    {
        "placeholders": {
            "who": [{"nom": "kapitán", "dat": "kapitánovi"}],
            "cry": ["hrom do toho", "ticho"],
        },
        "phrases": {
            "anger": {"openings": ["{cry}!"], "cores": ["Psal {who:nom}."], "closings": ["Dost!"]}
        },
        "question_openings": ["Prosím,"],
        "questions": ["co je nového?"],
        "corrections": ["totiž"],
    }
)
GOOD = {"style": "anger", "text": "{cry}, {who:nom}!"}


def make_quotas(*styles: str) -> Quotas:
    return Quotas(styles={style: 1 / len(styles) for style in styles}, tolerance=0)


def find(*templates: dict) -> list[str]:
    return [
        str(one)
        for one in find_template_problems(list(templates), make_quotas("anger"), VOCABULARY)
    ]


def test_good_templates_have_no_problems():
    assert find(GOOD) == []


@pytest.mark.parametrize(
    ("template", "words"),
    [
        ({"style": "anger", "text": "{whom}!"}, "number 2 = whom: no placeholder of this name"),
        ({"style": "anger", "text": "{who:gen}!"}, "number 2 = who:gen: not every entry"),
        ({"style": "anger", "text": "{who}!"}, "number 2 = who: not every entry"),
        ({"style": "anger", "text": "{cry:nom}!"}, "number 2 = cry:nom: not every entry"),
        ({"style": "anger", "text": "{cry!"}, "number 2 = {cry!: its braces do not match"),
        ({"style": "anger", "text": " "}, "number 2: it has no text"),
        ({"style": "rage", "text": "{cry}!"}, "number 2 = rage: there is no such style"),
        ({"text": "{cry}!"}, "number 2 = no style: there is no such style"),
    ],
)
def test_what_could_not_be_filled_is_named_with_the_templates_number(template: dict, words: str):
    (problem,) = find(GOOD, template)
    assert words in problem


def test_a_placeholder_that_nobody_uses_and_one_without_entries_are_named():
    more = VOCABULARY.model_copy(
        update={"placeholders": {**VOCABULARY.placeholders, "idle": ["x"], "empty": []}}
    )
    problems = " ".join(
        str(one) for one in find_template_problems([GOOD], make_quotas("anger"), more)
    )
    assert "vocabulary.placeholders.idle: no template uses it" in problems
    assert "vocabulary.placeholders.empty: it has no entry" in problems


def test_a_style_without_templates_is_named():
    problems = find_template_problems([GOOD], make_quotas("anger", "irony"), VOCABULARY)
    assert "irony: no template has this style" in str(next(problems))


def test_a_vocabulary_of_another_shape_is_refused_in_words():
    with pytest.raises(TunelineError, match=r"vocabulary\.questions"):
        read_vocabulary({**VOCABULARY.model_dump(), "questions": ["co {who:nom}?"]})


def test_filling_keeps_an_entry_through_its_forms_and_begins_sentences_with_capitals():
    fillers = {"who": {"nom": "kapitán", "dat": "kapitánovi"}, "cry": "ticho"}
    text = fill("{cry}! {who:nom} píše {who:dat}. a dost", fillers)
    assert text == "Ticho! Kapitán píše kapitánovi. A dost"


@pytest.mark.parametrize(
    ("word", "garbled"), [("lucerna", "culerna"), ("přinesl", "nipřesl"), ("maminka", None)]
)
def test_a_slip_lets_two_clusters_of_consonants_change_places(word: str, garbled: str | None):
    assert garble(word) == garbled


def test_a_slip_is_in_the_text_before_the_right_word():
    text, word = add_disfluency("Ta lucerna zase nesvítí.", ["totiž"], 1) or ("", "")
    assert word in text
    assert f"{word}… totiž " in text
    assert add_disfluency("Ano. Ne.", ["totiž"], 1) is None


CHECKS = Checks(
    characters=(5, 60),
    question_characters=(5, 60),
    common_words=["a", "to", "je", "na"],
    least_common=0.2,
    similarity_threshold=0.85,
)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("To je maják na skále.", None),
        ("To je {place:kde}.", "`{` was not filled"),
        ("To je [jméno] a já.", "`[jméno]` was not filled"),
        ("To je <téma> a já.", "`<téma>` was not filled"),
        ("To je ____ a já.", "`____` was not filled"),
        ("To.", "it has 3 characters, not 5 to 60"),
        ("The light is on the rock again.", "only 0 of its 7 words are common in its language"),
    ],
)
def test_a_text_is_kept_only_if_it_is_filled_of_its_length_and_language(
    text: str, problem: str | None
):
    assert find_text_problem(text, CHECKS.characters, CHECKS) == problem
