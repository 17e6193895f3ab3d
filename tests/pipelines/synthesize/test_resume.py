"""A run that is killed and started again."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.conftest import copy_project
from tests.scripted_server import ScriptedServer, serve

pytestmark = pytest.mark.slow

BLOCK = "persona_dialogues.synthesize"
MADE = Path("data/test/02_intermediate/persona_dialogues")


def start(folder: Path, server: ScriptedServer) -> subprocess.Popen[bytes]:
    changes = {"provider": "server", "templates.count": 40, "server.base_url": server.url}
    changes |= {
        "server.timeout_seconds": 60,
        "server.retries": 0,
        "templates.quotas.tolerance": 0.1,
    }
    parameters = ",".join(f"{BLOCK}.{key}={value}" for key, value in changes.items())
    options = ["--env=test", "--pipeline=persona_dialogues.synthesize"]
    return subprocess.Popen(
        [sys.executable, "-m", "kedro", "run", *options, f"--params={parameters}"],
        cwd=folder,
        env={**os.environ, "OPENAI_API_KEY": "nobody's"},
        stdout=subprocess.DEVNULL,
    )


def count_responses(folder: Path) -> int:
    path = folder / MADE / "responses.jsonl"
    return path.read_bytes().count(b"\n") if path.exists() else 0


def read_files(folder: Path) -> dict[str, bytes | list[bytes]]:
    """Read what a run has made; responses are kept in the order in which they came."""
    files = (path for path in (folder / "data/test").rglob("*") if path.is_file())
    return {
        str(path.relative_to(folder)): sorted(path.read_bytes().splitlines())
        if path.name == "responses.jsonl"
        else path.read_bytes()
        for path in files
        if path.parent.name != ".locks"  # who held them, and since when
    }


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes | list[bytes]]:
    """Run the stage once without a break; answer with its files."""
    folder = copy_project(tmp_path_factory.mktemp("whole") / "project")
    with serve(ScriptedServer()) as server:
        assert start(folder, server).wait(1200) == 0
    return read_files(folder)


@pytest.mark.parametrize("responses", [4, 17])
def test_a_killed_run_ends_with_the_same_files_and_pays_for_no_item_twice(
    whole: dict[str, bytes | list[bytes]], tmp_path: Path, responses: int
):
    killed = copy_project(tmp_path / "killed")
    with serve(ScriptedServer()) as server:
        server.hold_after = responses
        process = start(killed, server)
        assert server.holding.wait(1200)
        while count_responses(killed) < responses:
            assert process.poll() is None, "the process ended before it could be killed"
            time.sleep(0.05)
        process.send_signal(signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL
        server.hold_after = None
        server.release.set()
        assert start(killed, server).wait(1200) == 0
    assert len(server.delivered) == 240
    assert set(server.delivered.values()) == {1}
    assert not server.asked_again
    assert read_files(killed) == whole
