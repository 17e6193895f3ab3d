"""An answer can be used or not, and it is said what is wrong with one that cannot."""

from random import Random

import pytest

from tests.metrics.measuring import PLAIN, measure
from tests.pipelines.evaluate.rows import make_row
from tuneline.metrics.usable import find_flaws, find_loop

GOOD = "A round oak pot that holds three liters of tea and pours without a drop."


def flaws(answer: str, language: str | None = None, **row: object) -> list[str]:
    evaluation = PLAIN.model_copy(update={"language": language})
    return find_flaws(make_row(0, "", answer, "A pot.", **row), "tuned", evaluation)


@pytest.mark.parametrize(
    "answer",
    [
        "It's a cassette by Cassette. It's a cassette by Cassette. It's a cassette by Cassette.",
        "The pot is blue. The pot is blue.\nThe pot is blue.\n\nThe pot is blue.",
        "A pot and a pot and a pot and a pot and a pot and a pot and a pot and a pot",
        "鞋模的溫度很高。鞋模的溫度很高。鞋模的溫度很高。鞋模的溫度很高。",
        "| pot | 3 l |\n" * 5,
        "Good. " + "no, " * 30,
        " ".join(f"Pot {n} is a round and blue pot of solid oak and steel." for n in "abcdefgh"),
    ],
)
def test_an_answer_that_repeats_itself_loops(answer: str):
    assert flaws(answer) == ["loops"]
    assert measure(answer)["usable"] == 0


@pytest.mark.parametrize(
    "answer",
    [
        GOOD,
        "Very, very, very good.",
        "No. No. No.",
        "-" * 80 + "\nA pot.\n" + "=" * 80,
        "1. A pot.\n2. A lid.\n3. A cup.\n4. A pot, a lid and a cup.",
        "| 1 | 1 | 1 | 1 | 1 | 1 | 1 | 1 |",
        "Ha ha ha ha ha!",
        "x",
    ],
)
def test_emphasis_rules_and_lists_are_no_loops(answer: str):
    assert flaws(answer) == []
    assert measure(answer)["usable"] == 100


def test_the_repeated_passage_is_found_from_its_second_time_on():
    text = "It is good. The pot is blue. The pot is blue. The pot is blue. End"
    start, end = find_loop(text) or (0, 0)
    assert text[:start].count("The pot is blue") == 1
    assert text[start:end].count("The pot is blue") == 2
    assert text[end:].strip(". ") == "End"
    assert find_loop(GOOD) is None


def test_a_long_text_is_searched_in_no_time():
    """Each start tries at most 200 lengths: no text makes it explode."""
    random = Random(1)
    assert find_loop("ab" * 9 + "".join(random.choice("abcdefgh ") for _ in range(20_000))) is None


def test_empty_cut_and_foreign_answers_are_unusable():
    assert flaws(" \n") == ["empty"]
    assert flaws(GOOD, tuned_stopped=False) == ["cut at the length limit"]
    assert flaws(GOOD, language="cs") == ["in another language"]
    assert flaws(GOOD, language="en") == []


def test_a_loop_that_is_cut_is_named_as_a_loop_first():
    assert flaws("The pot is blue. " * 20, tuned_stopped=False)[0] == "loops"
