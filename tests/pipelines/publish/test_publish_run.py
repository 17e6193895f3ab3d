"""`kedro run --pipeline=publish`, as people type it, against a real local hub."""

import json
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from huggingface_hub import constants
from kedro.framework.session import KedroSession
from kedro.framework.startup import bootstrap_project
from safetensors.torch import load

from tests.conftest import run
from tests.hub_server import TOKEN, HubServer, serve_hub
from tests.pipelines.publish.hub_runs import (
    COMMIT,
    REAL,
    RELEASE,
    REPO,
    REPORTS,
    add_base,
    make_environment,
    move_to_hub,
    start,
    state,
)
from tests.pipelines.publish.test_card import is_same
from tuneline.datasets import AdapterDataset
from tuneline.errors import TunelineError
from tuneline.models.adapter import hash_adapter

pytestmark = pytest.mark.slow

WEIGHTS = "adapter_model.safetensors"
# What others do: the card's own code, with a prompt of the test split.
LOAD = """
import json, sys
from huggingface_hub import snapshot_download
print(json.dumps(snapshot_download("{repo}")))
{code}
"""


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[HubServer]:
    """Serve a hub that has the base model and knows our token."""
    with serve_hub(HubServer(tmp_path / "hub")) as server:
        add_base(server)
        yield server


@pytest.fixture
def nearby(hub: HubServer, monkeypatch: pytest.MonkeyPatch) -> HubServer:
    """Let this very process talk to the hub, too."""
    monkeypatch.setattr(constants, "ENDPOINT", hub.url)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    return hub


def test_a_killed_upload_goes_on_and_others_load_what_was_published(
    hub: HubServer, finished_run: Path, tmp_path: Path
):
    project = move_to_hub(finished_run, tmp_path / "project")
    environment = make_environment(hub, tmp_path / "home")

    hub.places = threading.Semaphore(1)
    process = start(project, environment, "--pipeline=publish", REAL)
    assert hub.stalled.wait(1200)
    wait_for(hub, lambda: len(hub.sent) == 1)
    process.send_signal(signal.SIGKILL)
    printed = process.communicate()[0]
    assert list(hub.repositories[REPO].commits) == [COMMIT]  # as it was made: nothing of ours
    assert hub.repositories[REPO].private
    (arrived,) = hub.sent

    hub.places = None
    hub.released.set()
    process = start(project, environment, "--pipeline=publish", REAL)
    printed += (last := process.communicate(timeout=1200)[0])
    assert process.returncode == 0, last
    assert last.strip().splitlines()[-1].endswith(f"private  {hub.url}/{REPO}")
    # Each content was taken once: what had arrived when the process was killed was not sent again.
    assert hub.sent == {digest: len(hub.content(digest)) for digest in hub.sent}
    assert hub.requests.count(f"PUT /lfs/{arrived}") == 1
    assert len(hub.repositories[REPO].commits) == 2
    published = json.loads((project / REPORTS / "published.json").read_text())
    for file in published["files"]:
        assert hub.read(REPO, file["path"]) == (project / RELEASE / file["path"]).read_bytes()
    assert TOKEN not in printed
    assert not [path for path in written(project) if TOKEN.encode() in path.read_bytes()]

    (code,) = re.findall(r"```python\n(.*?)\n```", hub.read(REPO, "README.md").decode(), re.DOTALL)
    answers = project / "data/test/07_model_output/product_descriptions/answers.jsonl"
    row = json.loads(answers.read_text().splitlines()[-1])
    assert row["reference"] is None  # a fixed question: what the card's code asks
    script = LOAD.format(repo=REPO, code=code)
    loaded = subprocess.run(
        [sys.executable, "-c", script],
        env=make_environment(hub, tmp_path / "another home"),
        capture_output=True,
        text=True,
        check=True,
    )
    snapshot, answer = loaded.stdout.split("\n", 1)
    assert is_same(answer, row["tuned_answer"])
    assert f"GET /api/models/maker/tiny-base/tree/{COMMIT}" in hub.requests or any(
        f"/maker/tiny-base/resolve/{COMMIT}/" in request for request in hub.requests
    )  # the very commit that it was trained on
    fetched = load((Path(json.loads(snapshot)) / WEIGHTS).read_bytes())
    adapters = project / "data/test/06_models/product_descriptions/adapter"
    trained = AdapterDataset(filepath=str(sorted(adapters.iterdir())[-1] / "adapter")).load()
    assert fetched.keys() == trained.tensors.keys()
    assert all(fetched[name].equal(tensor) for name, tensor in trained.tensors.items())
    scores = json.loads(hub.read(REPO, "scores.json"))
    assert scores["run"]["adapter"] == hash_adapter(trained)


def test_a_dry_run_asks_nobody_and_shows_every_file(
    nearby: HubServer,
    finished_run: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
):
    project = move_to_hub(finished_run, tmp_path / "project")
    monkeypatch.chdir(project)
    run(project, "publish")
    assert nearby.requests == []
    release = json.loads((project / REPORTS / "release.json").read_text())
    assert release["problems"] == []
    listed = {file["path"] for file in release["files"]}
    assert listed == {path.name for path in (project / RELEASE).iterdir()}
    assert {"README.md", WEIGHTS, "chat_template.jinja"} <= listed
    card = (project / REPORTS / "card.md").read_bytes()
    assert (project / RELEASE / "README.md").read_bytes() == card
    config = json.loads((project / RELEASE / "adapter_config.json").read_text())
    assert config["revision"] == COMMIT
    assert json.loads((project / REPORTS / "published.json").read_text())["dry_run"] is True


def test_what_would_stop_the_upload_stops_the_run_before_its_training(
    nearby: HubServer, finished_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    project = move_to_hub(
        finished_run, tmp_path / "project", repo_id="mee/descriptions", license="my-own"
    )
    state(project, recipe={"base_model": "data/06_models/tiny_base"})
    monkeypatch.chdir(project)
    nearby.tokens[TOKEN] = {"role": "read"}
    before = written(project)
    real = {"product_descriptions": {"publish": {"dry_run": False}}}
    with pytest.raises(TunelineError) as caught:
        run_all(project, ["train", "evaluate", "publish"], real)
    text = str(caught.value)
    assert "a base that is only a folder or a file on this machine" in text
    assert "`mee` is neither your account (`me`)" in text
    assert "this token may not write (its role is `read`)" in text
    assert "the hub would refuse the card" in text
    assert len(text.splitlines()) == 4
    assert written(project) == before
    assert REPO not in nearby.repositories


def run_all(project: Path, pipelines: list[str], parameters: dict) -> None:
    bootstrap_project(project)
    with KedroSession.create(project, env="test", runtime_params=parameters) as session:
        session.run(pipeline_names=pipelines)


def wait_for(hub: HubServer, happened: Callable[[], bool]) -> None:
    end = time.monotonic() + 1200
    while not happened():
        assert time.monotonic() < end, hub.requests
        time.sleep(0.02)


def written(project: Path) -> list[Path]:
    """List what runs have written."""
    return sorted(path for path in (project / "data").rglob("*") if path.is_file())
