"""Thumbs and better answers: what is kept of them, and a person who gives them in a browser."""

from typing import Any

import pytest

from tests.chat.conftest import Served
from tuneline.chat.feedback import Collector
from tuneline.datasets import GrowingJSONLinesDataset
from tuneline.errors import TunelineError
from tuneline.examples import Feedback, Message
from tuneline.parameters import Prompt

MINUTES = 1200 * 1000
BETTER = 'Round, <img src=x onerror="document.title = 1"> & "red"\nčajník'


def talk(who: str, system: bool = True) -> list[Message]:
    said = [("system", "Be brief.")] if system else []
    said += [
        ("user", "Pot"),
        ("assistant", f"{who} 1"),
        ("user", "Red?"),
        ("assistant", f"{who} 2"),
    ]
    return [{"role": role, "content": text} for role, text in said]


@pytest.fixture
def kept() -> list[Feedback]:
    return []


@pytest.fixture
def collector(kept: list[Feedback]) -> Collector:
    return Collector("a" * 64, Prompt(prompt="{title}", completion="{content}"), kept.extend)


@pytest.mark.parametrize("system", [True, False])
def test_a_row_has_the_true_turns_before_the_answer_and_both_answers(
    collector: Collector, kept: list[Feedback], system: bool
):
    said: Any = {who: talk(who, system) for who in ("base", "tuned")}
    for who, place in (("tuned", 3), ("base", 1)):
        collector.improve(collector.rate(said, True, who, place, liked=False), f" {BETTER} ")
    assert [row["better_answer"] for row in kept] == ["", BETTER, "", BETTER]
    _, second, _, first = kept
    assert [*second["context"], {"role": "user", "content": second["prompt"]}] == said["tuned"][:-1]
    assert (second["base_answer"], second["tuned_answer"]) == ("base 2", "tuned 2")
    assert first["context"] == said["base"][:1] * system
    assert (first["prompt"], first["base_answer"], first["answer_of"]) == ("Pot", "base 1", "base")
    assert {(row["rating"], row["adapter"]) for row in kept} == {("bad", "a" * 64)}


def test_a_thumb_on_what_is_no_whole_answer_is_refused(collector: Collector, kept: list[Feedback]):
    said: Any = {who: talk(who) for who in ("base", "tuned")}
    for place in (-2, -1, 0, 2, 4, 99):
        with pytest.raises(TunelineError, match="it is not whole, or not there any more"):
            collector.rate(said, True, "tuned", place, liked=True)
    with pytest.raises(TunelineError, match="wait until both models have answered"):
        collector.rate(said, False, "base", 3, liked=True)
    assert kept == []
    assert collector.rate(said, False, "base", 1, liked=True)["rating"] == "good"


def test_a_better_answer_that_says_nothing_new_is_refused(
    collector: Collector, kept: list[Feedback]
):
    row = collector.rate({"base": talk("b"), "tuned": talk("t")}, True, "tuned", 1, liked=False)
    for text, wrong in ((" \n", "is empty"), ("a" * 50_001, "50,001"), ("t 1", "is there")):
        with pytest.raises(TunelineError, match=wrong):
            collector.improve(row, text)
    assert len(kept) == 1


@pytest.mark.slow
@pytest.mark.parametrize("width", [1280, 390])
def test_a_person_thumbs_an_answer_and_writes_a_better_one(
    served: Served, browser: Any, feedback: GrowingJSONLinesDataset, width: int
):
    before = len(feedback.load())
    tab = browser.new_page(viewport={"width": width, "height": 844})
    tab.set_default_timeout(MINUTES)
    tab.goto(served.url)
    tab.fill("#question textarea", f"Teapot {width}")
    tab.click("#ask")
    tab.wait_for_selector("#ask:disabled")
    tab.wait_for_selector("#ask:enabled")
    tab.click("#tuned button[title=Dislike]")
    tab.fill("#better textarea", BETTER)
    tab.click("#save")
    tab.wait_for_function("document.querySelector('#rated textarea').value.includes('in place')")
    assert tab.evaluate("document.documentElement.scrollWidth") <= width
    assert tab.title() == "Pots · Tuneline"
    thumb, better = feedback.load()[before:]
    assert (thumb["rating"], thumb["better_answer"]) == ("bad", "")
    assert (better["prompt"], better["better_answer"]) == (f"Describe: Teapot {width}", BETTER)
    answer = tab.inner_text("#tuned [data-testid=bot]").strip()
    assert " ".join(better["tuned_answer"].split()) == " ".join(answer.split())
    tab.click("#base button[title=Like]")
    tab.wait_for_function("document.querySelector('#rated textarea').value.endsWith('is good.')")
    assert (feedback.load()[-1]["answer_of"], feedback.load()[-1]["rating"]) == ("base", "good")
    tab.close()
