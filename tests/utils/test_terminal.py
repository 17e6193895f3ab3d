"""What others wrote is shown as what it is: no byte of it is obeyed by a terminal."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import RAW, write_raw
from tuneline.errors import Problem
from tuneline.utils.terminal import shorten, show

pytestmark = pytest.mark.slow

# Clears the screen, fills the clipboard, colors by a C1 control, turns the direction, overwrites.
HOSTILE = "a\x1b[2J\x1b]52;c;QUJD\x07\x9b31m\u202eb\u2066c\u200f\r\x08\x7f"
SHOWN = r"a\x1b[2J\x1b]52;c;QUJD\x07\x9b31m\u202eb\u2066c\u200f\r\x08\x7f"
HARMLESS = "Ölmühle 油 שלום नमस्ते 👩‍👩‍👧 🏴󠁧󠁢󠁥󠁮󠁧󠁿\t|"
UNSAFE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]")

TALK = """
import logging, sys, threading, warnings
from pathlib import Path
from kedro.framework.startup import bootstrap_project
bootstrap_project(Path.cwd())
from kedro.framework.project import settings
settings.HOOKS
text = sys.argv[1]
logging.getLogger("tuneline").info("The model wrote: %s", text)
logging.getLogger("other").error(text)
import transformers
transformers.logging.get_logger("transformers.models").warning("config: %s", text)
try:
    raise ValueError(text)
except ValueError:
    logging.getLogger("tuneline").exception("It failed.")
warnings.warn(text)
def fail(): raise OSError(text)
thread = threading.Thread(target=fail); thread.start(); thread.join()
raise RuntimeError(text)
"""


def call(folder: Path, *command: str) -> tuple[int, str]:
    """Run a command, look at every byte it leaves, and give all that it shows."""
    done = subprocess.run(
        [sys.executable, *command],
        cwd=folder,
        env={**os.environ, "HF_HUB_OFFLINE": "1", "KEDRO_ENV": "test", "PYTHONUTF8": "1"},
        capture_output=True,
        check=False,
    )
    log = folder / "tuneline.log"
    streams = [done.stdout, done.stderr, log.read_bytes() if log.exists() else b""]
    texts = [stream.decode() for stream in streams]
    for text in texts:
        assert not UNSAFE.search(text), text.encode("unicode_escape")
    return done.returncode, "".join(texts)


def kedro(folder: Path, *options: str) -> tuple[int, str]:
    return call(folder, "-m", "kedro", *options)


def test_what_a_terminal_would_obey_is_shown_and_all_else_is_left_alone():
    assert show(HOSTILE) == SHOWN
    assert show(HARMLESS + "\n") == HARMLESS + "\n"
    assert show("\udcff\u2028") == r"\udcff\u2028"


def test_a_problem_is_one_line():
    assert str(Problem("a\nb", "w", "m", "r", value="c\nd")) == r"a\nb = c\nd: w; m; r."


def test_a_csv_header(project: Path):
    (project / "tea.csv").write_text(f"id,{HOSTILE[:14]},text\n1,question,answer\n", "utf-8")
    status, shown = kedro(project, "new-use-case", "tea", "tea.csv")
    assert status == 1
    assert SHOWN[:20] in shown


def test_a_header_that_the_parameters_do_not_fit(project: Path):
    write_raw(project / RAW, [f'{{"id": 1, "{name}": "x"}}' for name in (r"titl\u001b[2J", "a")])
    status, shown = kedro(project, "run", "--pipeline=prepare")
    assert status == 1
    assert r"titl\x1b[2J" in shown


def test_the_name_of_a_file(project: Path):
    name = f"{HOSTILE}\n12:00:00  Forged.csv"
    (project / name).write_text("id,title,text\n1,a question,an answer\n", "utf-8")
    status, shown = kedro(project, "new-use-case", "tea", name)
    assert status == 1
    assert SHOWN + r"\n12:00:00  Forged.csv" in shown
    assert not list(project.glob("conf/*/tea"))


def test_the_name_of_a_file_that_is_read(project: Path):
    catalog = project / "conf/test/catalog.yml"
    name = f"{HOSTILE}\n12:00:00  Forged".encode("unicode_escape").decode()
    catalog.write_text(f'product_descriptions.raw: {{filepath: "{name}.jsonl"}}\n', "utf-8")
    status, shown = kedro(project, "run", "--pipeline=prepare")
    assert status == 1
    assert SHOWN in shown
    assert not re.search("^12:00:00  Forged", shown, re.MULTILINE)


def test_the_name_of_a_folder_that_a_command_shows(project: Path):
    value = HOSTILE.encode("unicode_escape").decode()
    path = project / "conf/test/parameters_storage.yml"
    path.write_text(f'storage: {{hub_cache: "{value}"}}\n', "utf-8")
    _, shown = kedro(project, "storage")
    assert SHOWN in shown


def test_a_value_of_a_use_case(project: Path):
    path = project / "conf/test/product_descriptions/parameters.yml"
    value = HOSTILE.encode("unicode_escape").decode()
    text = path.read_text("utf-8").replace("data/06_models/tiny_base", f'"{value}"')
    path.write_text(text, "utf-8")
    status, shown = kedro(project, "run", "--pipeline=plan")
    assert status == 1
    assert SHOWN in shown


@pytest.mark.parametrize(
    "options",
    [("run", f"--env={HOSTILE}"), ("run", f"--pipeline={HOSTILE}"), ("run", f"--{HOSTILE}")],
)
def test_what_was_pasted_into_the_command(project: Path, options: tuple[str, ...]):
    status, shown = kedro(project, *options)
    assert status
    assert SHOWN[:20] in shown


def test_what_a_library_logs_warns_of_and_fails_with(project: Path):
    status, shown = call(project, "-c", TALK, HOSTILE + HARMLESS)
    assert status == 1
    assert shown.count(SHOWN + HARMLESS) >= 9  # on the terminal, and of the log's in the file


def test_a_text_that_is_cut_says_so_and_is_as_long_as_it_may_be():
    assert shorten("12345", 5) == "12345"
    assert shorten("123456", 5) == "1234…"
    assert shorten(123456, 3) == "12…"
