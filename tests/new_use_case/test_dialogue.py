"""Keys are pressed at a terminal: from any file to a report with two commands and no edit."""

from pathlib import Path

import pytest
import yaml

from tests.commands import Terminal, kedro, start_in_terminal
from tests.new_use_case.making import WRITERS, write_csv, write_sharegpt
from tuneline.new_use_case.dialogue import NO_BREAK

pytestmark = pytest.mark.slow

KEYS = "[q]"


def read_parameters(project: Path, name: str) -> dict:
    text = (project / f"conf/base/{name}/parameters.yml").read_text("utf-8")
    return yaml.safe_load(text)[name]


@pytest.mark.parametrize(
    ("file", "found", "prompt"),
    [
        ("shop.csv", "CSV, semicolons between the cells, encoding utf-8, header in", "{title}"),
        ("shop.xlsx", "workbook, sheet `Goods`, header in row 3", "{title}"),
        ("shop.json", "JSON, ShareGPT", "{user}"),
        ("talks.jsonl", "JSON, conversations of 2.0 turns on average in `messages`", "{user}"),
        ("shop.parquet", "Parquet, an object for each row", "{title}"),
        ("shop", "4 documents, 80 headings with a text below them", "{heading}"),
    ],
)
def test_from_any_file_to_a_report(
    project: Path, tmp_path: Path, file: str, found: str, prompt: str
):
    path = WRITERS[file](tmp_path / file)
    terminal = start_in_terminal(project, "new-use-case", "shop", str(path))
    terminal.wait_for(KEYS)
    terminal.press("n")  # five more rows
    shown = terminal.wait_for(KEYS)
    assert found in shown
    assert "<|assistant|>" in shown or "<|im_start|>assistant" in shown
    terminal.press("y")
    status, shown = terminal.wait()
    assert (status, "Next: kedro run --pipeline=shop" in shown) == (0, True)
    assert read_parameters(project, "shop")["prompt"]["prompt"] == prompt
    done = kedro(project, "run", "--pipeline=shop", "--env=test")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "</html>" in (project / "data/test/08_reporting/shop/report.html").read_text("utf-8")


def test_columns_template_and_system_message_are_changed_by_keys(project: Path, tmp_path: Path):
    path = write_csv(tmp_path / "shop.csv")
    terminal = start_in_terminal(project, "new-use-case", "shop", str(path), columns=120)
    for keys, words in (
        ("", KEYS),
        ("p", "press the sign"),
        ("4", KEYS),  # text, which changes places with title
        ("t", "Prompt:"),
        ("\x01About {aisle}: \x05\\nIn short\r", KEYS),
        ("s", "System message:"),
        ("You sell {brace}.\r", "name one of"),
        ("s", "System message:"),
        ("You sell goods.\r", KEYS),
    ):
        terminal.press(keys)
        terminal.wait_for(words)
    terminal.press("y")
    status, shown = terminal.wait()
    assert status == 0, shown
    written = read_parameters(project, "shop")
    assert written["data"]["columns"] == ["aisle", "text", "title"]
    assert "category" not in written["data"]
    assert written["prompt"] == {
        "system": "You sell goods.",
        "prompt": "About {aisle}: {text}\nIn short",
        "completion": "{title}",
    }


@pytest.mark.parametrize("columns", [60, 80, 120])
def test_the_dialogue_fits_a_terminal(project: Path, tmp_path: Path, columns: int):
    path = write_sharegpt(tmp_path / "shop.json")
    terminal = start_in_terminal(project, "new-use-case", "shop", str(path), columns=columns)
    shown = terminal.wait_for(KEYS)
    said = " ".join(shown.replace(NO_BREAK, " ").split())
    for words in (
        "system message [n] next rows",
        "messages have more than one user (2, first in line 81)",
    ):
        assert words in said
    assert f"user{' ' * 6}" in shown  # the table of columns is whole
    terminal.press("q")
    status, shown = terminal.wait()
    assert (status, shown.endswith("Nothing was written.")) == (0, True)
    assert not list(project.glob("*/*/shop"))


@pytest.mark.parametrize("keys", [["\x03"], ["t", "\x03"], ["p", "\x03"]])
def test_ctrl_c_writes_nothing(project: Path, tmp_path: Path, keys: list[str]):
    path = write_csv(tmp_path / "shop.csv")
    terminal = start_in_terminal(project, "new-use-case", "shop", str(path))
    expected = {"t": "Prompt: {", "p": "press the sign"}
    terminal.wait_for(KEYS)
    for key in keys:
        terminal.press(key)
        if key in expected:
            terminal.wait_for(expected[key])
    status, shown = terminal.wait()
    assert status == 130
    assert shown.endswith("Stopped (Ctrl+C): nothing was written.")
    assert not list(project.glob("*/*/shop"))


def test_without_a_terminal_the_guess_is_printed_and_taken(project: Path, tmp_path: Path):
    path = write_csv(tmp_path / "shop.csv")
    stated = ("--prompt-column=text", "--answer-column=title", "--template=Name {text}")
    done = kedro(project, "new-use-case", "shop", str(path), *stated, "--system=You sell.")
    assert done.returncode == 0, done.stderr
    assert "Name " in done.stdout
    assert read_parameters(project, "shop")["prompt"] == {
        "system": "You sell.",
        "prompt": "Name {text}",
        "completion": "{title}",
    }


def test_a_yes_can_be_said_before(project: Path, tmp_path: Path):
    path = write_csv(tmp_path / "shop.csv")
    terminal: Terminal = start_in_terminal(project, "new-use-case", "shop", str(path), "--yes")
    status, shown = terminal.wait()
    assert (status, "Next: kedro run --pipeline=shop" in shown) == (0, True)
