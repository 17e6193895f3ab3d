"""A terminal that is set to ASCII: commands work there, or say in one sentence what to do."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import copy_project

pytestmark = pytest.mark.slow

ASCII = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "PYTHONIOENCODING": "ascii"}
TABLE = "id,tîtle,text\n" + "".join(
    f"{number},Čaj číslo {number} des Jahres,Dobrý čaj 油 pro zimní večery číslo {number}\n"
    for number in range(60)
)
SENTENCE = "this name cannot be used in a terminal that is not set to UTF-8"


def kedro(folder: Path, *options: str, ascii_only: bool = True) -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, "-m", "kedro", *options],
        cwd=folder,
        env={**os.environ, "KEDRO_ENV": "test", **(ASCII if ascii_only else {"PYTHONUTF8": "1"})},
        capture_output=True,
        check=False,
    )
    said = (done.stdout + done.stderr).decode("ascii" if ascii_only else "utf-8")
    assert "Traceback" not in said
    return done.returncode, said


def test_other_letters_in_a_table_work(project: Path):
    (project / "tea.csv").write_text(TABLE, "utf-8")
    assert kedro(project, "new-use-case", "tea", "tea.csv")[0] == 0
    assert kedro(project, "run", "--pipeline=tea.prepare")[0] == 0
    (clean,) = project.glob("data/test/*/tea/clean.csv")
    assert "Čaj číslo 1 des Jahres" in clean.read_text("utf-8")
    assert kedro(project, "storage")[0] == 0
    status, said = kedro(project, "run", "--pipeline=油")
    assert status == 1
    assert said.startswith(r"Error: --pipeline = \u")


def test_other_letters_in_the_name_of_a_file(project: Path):
    (project / "tée.csv").write_text(TABLE, "utf-8")
    status, said = kedro(project, "new-use-case", "tea", "tée.csv")
    assert status == 1
    assert r"t\udcc3\udca9e.csv: the name holds" in said
    assert "export LC_ALL=C.UTF-8" in said
    assert kedro(project, "new-use-case", "tea", "tée.csv", ascii_only=False)[0] == 0
    status, said = kedro(project, "run", "--pipeline=tea.prepare")
    assert status == 1
    assert SENTENCE in said


def test_other_letters_in_the_name_of_the_projects_folder(tmp_path: Path):
    folder = tmp_path / "Ölmühle 油"
    folder.mkdir()
    copy_project(folder)
    for options in (["run", "--pipeline=prepare"], ["storage"], ["new-use-case", "a", "b.csv"]):
        status, said = kedro(folder, *options)
        assert status == 1
        assert SENTENCE in said
    (folder / "tée.csv").write_text(TABLE, "utf-8")
    assert kedro(folder, "new-use-case", "tea", "tée.csv", ascii_only=False)[0] == 0
    command = ("run", "--pipeline=tea.prepare")
    assert kedro(folder, *command, ascii_only=False)[0] == 0
