import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import orjson
import pytest

from tests.hub_cache.test_cleaning import add_part, add_repo

CHECKPOINTS = Path("data/test/06_models/product_descriptions/checkpoints")
ADAPTER = Path("data/test/06_models/product_descriptions/adapter")


def kedro(folder: Path, *arguments: str, **environment: str) -> str:
    """Type a command."""
    variables = {name: os.environ[name] for name in os.environ if name != "TUNELINE_STORAGE"}
    done = subprocess.run(
        [sys.executable, "-m", "kedro", *arguments],
        cwd=folder,
        env={**variables, "HF_HUB_OFFLINE": "1", **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=200,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture
def project(finished_run: Path, tmp_path: Path) -> Path:
    """Copy the finished project; its hub cache is stated for the machine."""
    folder = tmp_path / "project"
    shutil.copytree(finished_run, folder, symlinks=True)
    block = {"storage": {"hub_cache": str(tmp_path / "hub")}}
    (folder / "conf/test/parameters_storage.yml").write_text(json.dumps(block))
    return folder


def test_it_shows_first_removes_only_when_told_to_and_keeps_what_is_needed(
    project: Path, tmp_path: Path
):
    part = add_part(add_repo(tmp_path / "hub", "owner/one"))
    (run,) = (project / CHECKPOINTS).iterdir()
    unfinished = project / CHECKPOINTS / "unfinished"
    shutil.copytree(run, unfinished)
    (unfinished / "finished.json").unlink()
    other = project / CHECKPOINTS / "other"  # finished, and its adapter is not there
    shutil.copytree(run, other)
    inputs = orjson.loads((other / "inputs.json").read_bytes())
    (other / "inputs.json").write_bytes(orjson.dumps(inputs | {"recipe.seed": 1}))

    said = kedro(project, "storage", "--env=test")
    for words in (
        f"Hub cache {tmp_path / 'hub'}",
        "product_descriptions hub cache",
        "temporary files",
        "fits",
        "owner/one",
        "100 days ago",
        "finished, adapter ",
        "unfinished; the same command goes on with it",
        "finished, no adapter",
    ):
        assert words in said, said

    said = kedro(project, "storage", "--env=test", "--clean")
    assert "Nothing was removed. `kedro storage --clean --yes` removes it." in said
    assert f"checkpoints product_descriptions/{run.name}" in said
    assert part.exists()
    assert run.exists()

    assert "Removed." in kedro(project, "storage", "--env=test", "--clean", "--yes")
    assert not part.exists()
    assert sorted(path.name for path in (project / CHECKPOINTS).iterdir()) == [
        "other",
        "unfinished",
    ]
    (weights,) = (project / ADAPTER).rglob("adapter_model.safetensors")
    assert weights.stat().st_size > 0


def test_a_run_measures_the_disk_of_the_stated_cache(project: Path, tmp_path: Path):
    """The plan is made in a node; it names the cache that the hub's client uses there."""
    kedro(project, "run", "--env=test", "--nodes=product_descriptions.make_plan")
    plan = json.loads(
        (project / "data/test/08_reporting/product_descriptions/plan.json").read_text()
    )
    folders = {place["purpose"]: place["folder"] for place in plan["disk"]}
    assert folders["hub_cache"] == str(tmp_path / "hub")


def test_a_cache_moves_only_when_told_to(project: Path, tmp_path: Path):
    add_repo(tmp_path / "hub", "owner/one")
    command = ["storage", "--env=test", f"--move-cache={tmp_path / 'drive'}"]
    assert "Nothing was copied. Add --yes to move it." in kedro(project, *command)
    assert not (tmp_path / "drive").exists()
    said = kedro(project, *command, "--yes")
    assert f"hub_cache: {tmp_path / 'drive'}" in said
    assert (tmp_path / "drive/models--owner--one/refs/main").is_file()
