"""Two runs of one use case at once: one waits, and every file is whole."""

import subprocess
import sys
import threading
from pathlib import Path

import pytest

from tests.commands import start_kedro
from tests.conftest import copy_project
from tuneline.utils.files import replace_whole, replace_whole_folder
from tuneline.utils.locks import hold

pytestmark = pytest.mark.slow


def test_a_second_run_waits_for_the_first_and_says_so(tmp_path: Path):
    folder = copy_project(tmp_path / "project")
    lock = hold(folder / "data/test/.locks", "product_descriptions.prepare")
    waiting = start_kedro(folder, "run", "--env=test", "--pipeline=prepare")
    waiting.wait_for("waiting for it")
    clean = folder / "data/test/03_primary/product_descriptions/clean.csv"
    assert not clean.exists()
    lock.release()
    ended = waiting.wait()
    assert ended.returncode == 0, ended.stderr
    assert clean.is_file()


def test_what_a_killed_run_held_is_free(tmp_path: Path):
    script = (
        "import sys; from pathlib import Path; from tuneline.utils.locks import hold\n"
        "lock = hold(Path(sys.argv[1]), 'tea.prepare')\n"
        "print('held', flush=True); sys.stdin.read()\n"
    )
    command = [sys.executable, "-c", script, str(tmp_path)]
    holder = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert holder.stdout
    assert holder.stdout.readline() == "held\n"
    holder.kill()
    holder.wait()
    hold(tmp_path, "tea.prepare").release()


def test_two_writers_of_one_file_never_mix(tmp_path: Path):
    path = tmp_path / "rows.csv"
    inside = threading.Barrier(2)

    def write(letter: bytes) -> None:
        with replace_whole(path) as file:
            file.write(letter * 100_000)
            inside.wait()
            file.write(letter * 100_000)

    writers = [threading.Thread(target=write, args=(letter,)) for letter in (b"a", b"b")]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert path.read_bytes() in {b"a" * 200_000, b"b" * 200_000}
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("folder", [False, True])
def test_what_a_killed_process_left_is_removed_and_a_living_one_keeps_its_own(
    tmp_path: Path, folder: bool
):
    path = tmp_path / "made"
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    left, living = (tmp_path / f".made.{process}-0.partial" for process in (ended.pid, 1))
    for one in (left, living):
        one.mkdir() if folder else one.write_bytes(b"half")
    with replace_whole_folder(path) if folder else replace_whole(path):
        pass
    assert living.exists()
    assert not left.exists()
