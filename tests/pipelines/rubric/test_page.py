"""The page in a real browser: keys, the file that it saves, and what the stage makes of it."""

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.pipelines.rubric.stage import ANSWERS, CRITERIA, Stage

pytestmark = pytest.mark.slow

PLANTED = "</script><script>document.title = 'planted'</script><img src=x onerror=alert(1)>"
BETTER = 'NA\n=1+1 <b> & "quoted" ]]> 鞋 \U0001f45e\x07'


@pytest.fixture(scope="module")
def browser() -> Iterator:
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None:
        pytest.skip("there is no Chromium on this machine")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        started = driver.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield started
        started.close()


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    """Run the stage once: the page is there."""
    answers = [row | {"tuned_answer": f"tuned {row['id']} {PLANTED}"} for row in ANSWERS]
    stage = Stage(tmp_path / "data", answers)
    stage.run()
    return stage


@pytest.fixture
def context(browser) -> Iterator:
    """Give each test a browser of its own, as wide as a phone, which keeps what pages keep."""
    context = browser.new_context(viewport={"width": 390, "height": 844})
    yield context
    context.close()


def open_page(context, stage: Stage):
    tab = context.new_page()
    tab.said, tab.asked = [], []
    tab.on("console", lambda message: tab.said.append(message.text))
    tab.on("pageerror", lambda error: tab.said.append(str(error)))
    tab.on("dialog", lambda dialog: dialog.accept())
    tab.on("request", lambda request: tab.asked.append(request.url))
    tab.goto(stage.find("rating_page").as_uri())
    return tab


def press(tab, *keys: str) -> None:
    for key in keys:
        tab.keyboard.press(key)


def save(tab, stage: Stage, rater: str) -> Path:
    tab.fill("#rater", rater)
    press(tab, "Escape")
    with tab.expect_download() as waiting:
        press(tab, "s")
    stage.ratings.mkdir(exist_ok=True)
    path = stage.ratings / waiting.value.suggested_filename
    waiting.value.save_as(path)
    return path


def rate_all(tab, stage: Stage, tuned: str = "8", base: str = "5") -> None:
    """Prefer the tuned answers with the keyboard alone."""
    for number in range(1, len(stage.answers) + 1):
        side = stage.find_tuned(number)
        press(tab, side.lower(), "r")
        for place in range(2 * len(CRITERIA)):
            press(tab, *(["Tab"] if place else []), *(tuned if "AB"[place % 2] == side else base))
        press(tab, "n")


def test_what_is_pressed_is_saved_read_back_and_counted(stage: Stage, context):
    tab = open_page(context, stage)
    rate_all(tab, stage, tuned="10")
    assert tab.inner_text("#finished") == "12 finished"
    path = save(tab, stage, "Ann Nováková")
    assert path.name == "Ann_Nováková.xlsx"
    people = stage.run()["people"]
    assert people["raters"] == 1
    for criterion in ("completeness", "readability"):
        found = people["criteria"][criterion]
        assert (found["base"], found["tuned"], found["rows"]) == (5, 10, 12)
    assert people["choices"]["tuned"] == 12
    assert people["choices"]["compared"]["difference"] == 100
    assert set(stage.load("ratings")["rater"]) == {"Ann Nováková"}
    assert tab.said == []
    assert [url for url in tab.asked if not url.startswith(("file:", "data:", "blob:"))] == []


def test_every_choice_and_a_rating_taken_back_come_back_as_they_were(stage: Stage, context):
    tab = open_page(context, stage)
    press(tab, "g", "n", "x", "n", "a", "b", "n", "g", "Tab")
    tab.focus("input[name=choice]:checked")
    press(tab, "Backspace", "r", "7", "Backspace", "Tab", "3")
    save(tab, stage, "ann")
    people = stage.run()["people"]
    tuned_is_b = stage.find_tuned(3) == "B"
    counted = {name: people["choices"][name] for name in ("base", "tuned", "both good", "both bad")}
    assert counted == {"base": 1 - tuned_is_b, "tuned": tuned_is_b, "both good": 1, "both bad": 1}
    (account,) = people["sheets"]
    assert (account["chosen"], account["rated"], account["invalid"]) == (3, 1, 0)


def test_what_a_model_wrote_is_shown_as_text_and_does_not_run(stage: Stage, context):
    tab = open_page(context, stage)
    assert tab.title() == "Pots: which answer is better?"
    assert PLANTED in tab.inner_text(f"#answer-{stage.find_tuned(1)}")
    assert tab.locator("img").count() == 0
    tab.evaluate(
        "document.body.append(Object.assign(document.createElement('script'),"
        " {textContent: 'document.title = 1'}))"
    )
    assert tab.title() != "1"
    assert any("Content Security Policy" in said for said in tab.said)


def test_the_page_does_not_know_whose_answer_is_whose(stage: Stage):
    page = stage.find("rating_page").read_text("utf-8")
    sheet = json.loads(re.search(r'<script id="sheet"[^>]*>(.*?)</script>', page, re.DOTALL)[1])
    assert {key for row in sheet["rows"] for key in row} == {
        *("sheet", "number", "prompt", "reference", "answer A", "answer B", "choice"),
        *(f"{side}: {criterion.name}" for criterion in CRITERIA for side in "AB"),
        *("better answer", "better than"),
    }
    shown = re.sub(r"<style>.*?</style>", "", page, flags=re.DOTALL)
    assert not re.search(r"\bbase\b(?!-uri)|\btuned\b", re.sub(r"\b(?:base|tuned) \d+", "", shown))
    sides = [stage.find_tuned(number) for number in range(1, 13)]
    assert {"A", "B"} == set(sides)
    for number, side in enumerate(sides, start=1):
        assert sheet["rows"][number - 1][f"answer {side}"].startswith("tuned")


def test_it_goes_on_where_it_was(stage: Stage, context):
    first = open_page(context, stage)
    press(first, "a", "r", "1", "0", "n", "e")
    first.keyboard.type("Better.")
    first.fill("#rater", "ann")
    first.close()
    second = open_page(context, stage)
    assert second.inner_text("#place") == "Prompt 2 of 12"
    assert second.input_value("#better") == "Better."
    assert second.input_value("#rater") == "ann"
    press(second, "p")
    assert second.is_checked("input[name='A: completeness'][value='10']")
    assert second.is_checked("input[name=choice][value=A]")
    assert second.is_hidden("#unkept")


@pytest.mark.parametrize(
    "kept",
    [
        "no JSON",
        "[1]",
        '{"place": 99, "rater": 7, "cells": {"1": {"A: completeness": 99, "choice": "C"}}}',
    ],
)
def test_what_another_page_kept_under_its_name_does_no_harm(stage: Stage, context, kept: str):
    name = stage.find("rating_page").stem
    tab = open_page(context, stage)
    tab.evaluate(
        "([key, value]) => localStorage.setItem(key, value)", [f"tuneline-ratings-{name}", kept]
    )
    tab.reload()
    assert tab.inner_text("#place") == "Prompt 1 of 12"
    assert tab.inner_text("#finished") == "0 finished"
    press(tab, "a")
    save(tab, stage, "ann")
    assert stage.run()["people"]["sheets"][0]["chosen"] == 1


def test_it_works_where_the_browser_keeps_nothing(stage: Stage, context):
    context.add_init_script(
        "Object.defineProperty(window, 'localStorage', {get() { throw new DOMException('no'); }})"
    )
    tab = open_page(context, stage)
    assert tab.is_visible("#unkept")
    press(tab, "g")
    save(tab, stage, "ann")
    assert stage.run()["people"]["choices"]["both good"] == 1


def test_a_better_answer_is_kept_once_and_more_are_added(stage: Stage, context):
    tab = open_page(context, stage)
    press(tab, "e")
    tab.fill("#better", BETTER)
    press(tab, "Escape")
    tab.check("input[name=better-than][value=both]")
    press(tab, "n")
    tab.click("#from-A")
    tab.keyboard.type(" And more.")
    press(tab, "Escape")
    save(tab, stage, "ann")
    assert stage.run()["people"]["better_answers"] == 2
    first, second = stage.load("collected_feedback")
    assert first["better_answer"] == BETTER.replace("\x07", "\ufffd")
    assert (first["answer_of"], first["rater"], first["adapter"]) == ("both", "ann", "a" * 64)
    assert second["better_answer"].endswith("And more.")
    assert second["answer_of"] == ("tuned" if stage.find_tuned(2) == "A" else "base")
    stage.ratings.joinpath("ann.xlsx").rename(stage.ratings / "copy.xlsx")
    press(tab, "n", "e")
    tab.keyboard.type("Third.")
    save(tab, stage, "ann")
    assert stage.run()["people"]["better_answers"] == 3
    assert stage.load("collected_feedback")[:2] == [first, second]


def test_every_key_is_on_the_page_and_nothing_is_wider_than_a_phone(stage: Stage, context):
    tab = open_page(context, stage)
    keys = tab.inner_text(".keys")
    for key in ("A", "B", "G", "X", "R", "Tab", "Backspace", "E", "Esc", "N", "P", "U", "S"):
        assert re.search(rf"\b{key}\b", keys), key
    assert tab.evaluate("document.documentElement.scrollWidth") <= 390
    press(tab, "s")
    assert "Enter your name" in tab.inner_text("#said")
    assert tab.evaluate("document.activeElement.id") == "rater"
