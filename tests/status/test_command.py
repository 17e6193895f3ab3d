import shutil
import subprocess
import sys
import time
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from tests.commands import kedro
from tests.conftest import MAIN
from tuneline.status.command import format_time
from tuneline.use_cases import list_use_cases
from tuneline.utils.locks import find_holder, hold

pytestmark = pytest.mark.slow


def test_a_fresh_clone_shows_the_first_command_of_each(project: Path):
    done = kedro(project, "status", COLUMNS="60")
    assert done.returncode == 0, done.stderr
    for use_case in list_use_cases():
        assert f"{use_case}: not run yet; next: kedro run" in done.stdout
    assert f"{MAIN}: not run yet; next: kedro run\n" in done.stdout
    assert "next: kedro run --pipeline=essential_oils\n" in done.stdout


@pytest.mark.parametrize("columns", [60, 80, 120])
def test_a_finished_and_damaged_run_fits_the_terminal(
    finished_run: Path, tmp_path: Path, columns: int
):
    folder = shutil.copytree(finished_run, tmp_path / "project", symlinks=True)
    (folder / f"data/test/08_reporting/{MAIN}/plan.json").write_text("{")
    done = kedro(folder, "status", "--env=test", COLUMNS=str(columns))
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    long = [line for line in lines if len(line) > columns and "next" not in line]
    assert [line for line in long if "/plan.json" not in line] == []
    assert "  next         kedro run --pipeline=plan --env=test" in lines
    words = " ".join(done.stdout.split())
    assert "damaged plan: data/test/08_reporting/product_descriptions/plan.json: it can" in words
    assert "train " in words
    assert "on test CPU" in words


def test_a_run_at_work_is_named(project: Path):
    lock = hold(project / "data/test/.locks", f"{MAIN}.train")
    done = kedro(project, "status", "--env=test")
    lock.release()
    words = " ".join(done.stdout.split())
    assert f"{MAIN}: running running train (process " in words
    assert "--pipeline=train" not in words
    assert find_holder(project / "data/test/.locks", f"{MAIN}.train") is None
    assert "running" not in kedro(project, "status", "--env=test").stdout


def test_it_loads_no_model_library(project: Path):
    script = (
        "import sys; from pathlib import Path; from tuneline.status.command import show_status\n"
        "from kedro.framework.startup import bootstrap_project\n"
        "bootstrap_project(Path.cwd()); show_status(Path.cwd(), 'test', print)\n"
        "print(sorted({'torch', 'transformers', 'trl'} & sys.modules.keys()))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=project, capture_output=True, text=True, check=True
    )
    assert done.stdout.endswith("[]\n")


def test_a_time_of_today_has_no_date():
    now = datetime(2026, 11, 27, 15, 0)
    made = now - timedelta(hours=3)
    assert format_time(time.mktime(made.timetuple()), now) == "12:00"
    assert format_time(time.mktime((made - timedelta(days=1)).timetuple()), now) == "2026-11-26"
