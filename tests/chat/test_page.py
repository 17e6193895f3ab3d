"""The page in a real browser, served by `kedro chat` with a real adapter."""

import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from transformers import AutoTokenizer

from tests.conftest import PROJECT, TINY_BASE
from tuneline.models.rendering import find_end_tokens

pytestmark = pytest.mark.slow

PLANTED = "<script>document.title = 'planted'</script> <img src=x onerror=alert(1)>"
SYSTEM = f"You sell pots. {PLANTED}"
PARAMETERS = Path("conf/test/product_descriptions/parameters.yml")
SECONDS = 1200


def make_models_say(text: str) -> list:
    """Make a decoding (GenerationConfig's `sequence_bias`) in which every answer is this text."""
    tokenizer = AutoTokenizer.from_pretrained(PROJECT / TINY_BASE, trust_remote_code=False)
    ids = [*tokenizer(text, add_special_tokens=False)["input_ids"], find_end_tokens(tokenizer)[0]]
    # The longer the part of the text that is there already, the surer its next token.
    return [[ids[:length], 100.0 * length] for length in range(1, len(ids) + 1)]


@pytest.fixture(scope="module")
def address(finished_run: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Serve the page from a copy of the project whose models say what they should not."""
    folder = tmp_path_factory.mktemp("chat") / "project"
    shutil.copytree(finished_run, folder, symlinks=True)
    text = (folder / PARAMETERS).read_text()
    text = text.replace(
        "max_new_tokens: 48", f"max_new_tokens: 80\n      sequence_bias: {make_models_say(PLANTED)}"
    )
    text += f"  prompt:\n    system: {SYSTEM!r}\n"
    (folder / PARAMETERS).write_text(text)
    environment = {
        **os.environ,
        "PYTHONPATH": str(PROJECT / "src"),
        "OMP_NUM_THREADS": "1",
        "DO_NOT_TRACK": "1",  # the copy has no `.telemetry`
    }
    log = folder / "chat.log"
    with log.open("w") as output:
        server = subprocess.Popen(
            [sys.executable, "-m", "kedro", "chat", "--env=test"],
            cwd=folder,
            env=environment,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        yield _wait_for_address(server, log)
    finally:
        server.terminate()
        server.wait()


def _wait_for_address(server: subprocess.Popen, log: Path) -> str:
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline:
        found = re.search(r"chat page is at (http://\S+)", log.read_text())
        if found:
            return found[1]
        assert server.poll() is None, log.read_text()
        time.sleep(0.2)
    raise AssertionError(log.read_text())


@pytest.fixture(scope="module")
def opened(browser, address: str) -> Iterator:
    """Open the page in a browser, which notes what it says and what it asks for."""
    tab = browser.new_page(viewport={"width": 390, "height": 844})
    tab.set_default_timeout(SECONDS * 1000)
    tab.said, tab.asked = [], []
    tab.on("pageerror", lambda error: tab.said.append(str(error)))
    tab.on("dialog", lambda dialog: (tab.said.append(dialog.message), dialog.dismiss()))
    tab.on("request", lambda request: tab.asked.append(request.url))
    tab.goto(address)
    tab.wait_for_selector("#question textarea")
    for number, question in enumerate(("Blue teapot", f"And in red? {PLANTED}"), start=1):
        tab.fill("#question textarea", question)
        tab.click("#ask")
        tab.wait_for_function("document.querySelector('#question textarea').value === ''")
        tab.fill("#question textarea", "typed meanwhile")
        # Or the rest of the answers would bring back what it clears.
        tab.wait_for_selector("#restart:disabled")
        _wait_for_answers(tab, number)
    yield tab
    tab.close()


def _wait_for_answers(tab, number: int) -> None:
    tab.wait_for_function(
        "number => document.querySelectorAll('#tuned [data-testid=bot]').length === number"
        " && document.querySelector('#tuned-speed textarea').value.includes('tokens/s')",
        arg=number,
    )


def texts(tab, who: str, role: str) -> list[str]:
    return [text.strip() for text in tab.locator(f"#{who} [data-testid={role}]").all_inner_texts()]


def test_the_page_is_served_to_this_machine_only_and_asks_nobody_else(opened, address: str):
    assert address.startswith("http://127.0.0.1:")
    assert [url for url in opened.asked if not url.startswith((address, "data:"))] == []
    assert len(opened.asked) > 10


def test_what_a_model_or_a_user_writes_does_not_run_and_is_there_to_be_read(opened):
    assert opened.said == []
    assert opened.title() == "Product descriptions · Tuneline"
    assert opened.locator("#base img, #tuned img, #base script, #tuned script").count() == 0
    for who in ("base", "tuned"):
        assert texts(opened, who, "bot") == [PLANTED, PLANTED]


def test_both_columns_hold_the_whole_conversation(opened):
    for who in ("base", "tuned"):
        assert texts(opened, who, "user") == [
            "Write a product description for: Blue teapot",
            f"And in red? {PLANTED}",
        ]
        speed = opened.input_value(f"#{who}-speed textarea")
        assert re.fullmatch(r"\d+ tokens in [\d.]+ s, [\d.]+ tokens/s, ended by itself", speed)


def test_what_is_typed_while_the_models_answer_is_not_lost(opened):
    assert opened.input_value("#question textarea") == "typed meanwhile"


def test_the_system_prompt_is_shown_and_nothing_sticks_out_of_a_phone(opened):
    assert opened.input_value("#system textarea") == SYSTEM
    assert opened.evaluate("document.documentElement.scrollWidth") <= 390


def test_a_question_that_cannot_be_asked_is_answered_in_words_and_kept(opened):
    opened.fill("#question textarea", "oak " * 1500)
    opened.click("#ask")
    opened.wait_for_selector("#notice textarea")
    assert "the base model reads" in opened.input_value("#notice textarea")
    assert opened.input_value("#question textarea").startswith("oak oak")
    assert len(texts(opened, "base", "bot")) == 2


def test_both_models_are_side_by_side_before_anything_is_asked(opened, address: str):
    tab = opened.context.browser.new_page(viewport={"width": 1280, "height": 800})
    tab.goto(address)
    tab.wait_for_selector("#question textarea")
    base, tuned = (tab.locator(f"#{who}").bounding_box() for who in ("base", "tuned"))
    tab.close()
    assert base["y"] == tuned["y"]
    assert base["width"] > 500


def test_a_new_conversation_starts_empty(opened):
    opened.click("#restart")
    opened.wait_for_function("document.querySelectorAll('[data-testid=bot]').length === 0")
    assert texts(opened, "base", "user") == []
    assert opened.input_value("#base-speed textarea") == ""
    assert opened.locator("#notice textarea").count() == 0
