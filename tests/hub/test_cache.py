import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import PROJECT
from tuneline.errors import TunelineError
from tuneline.hub.cache import SETTINGS, VARIABLES, configure_storage, has_weights
from tuneline.parameters import Hardware, Recipe, Storage

# Two processes, started as a training starts them; each writes where the hub's cache is.
SCRIPT = """
import os
import sys
from pathlib import Path

from tuneline.hub.cache import configure_storage
from tuneline.parameters import Hardware, Storage
from tuneline.training.launch import launch

def tell(folder):
    from huggingface_hub.constants import HF_HUB_CACHE

    Path(folder, os.environ["RANK"]).write_text(HF_HUB_CACHE)

if __name__ == "__main__":
    folder = sys.argv[1]
    configure_storage(Storage(hub_cache=f"{folder}/hub"))
    launch(tell, Hardware.model_validate_json(sys.argv[2]), folder)
"""


@pytest.fixture(autouse=True)
def _clear(monkeypatch: pytest.MonkeyPatch):
    """Start without settings, and put back what a test sets."""
    for name in (SETTINGS, *VARIABLES):
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)


def environment() -> dict[str, str]:
    return {**os.environ, "HF_HUB_OFFLINE": "1", "PYTHONPATH": str(PROJECT / "src")}


@pytest.mark.slow
def test_the_processes_of_a_training_keep_to_the_setting(tmp_path: Path, hardware: Hardware):
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    two = hardware.model_copy(update={"processes": 2}).model_dump_json()
    command = [sys.executable, str(script), str(tmp_path), two]
    subprocess.run(command, env=environment(), check=True, timeout=1200)
    assert [(tmp_path / rank).read_text() for rank in "01"] == [f"{tmp_path}/hub"] * 2


@pytest.mark.slow
def test_a_later_session_settles_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delitem(sys.modules, "huggingface_hub.constants", raising=False)
    for name in ("one", "two"):
        configure_storage(Storage(hub_cache=str(tmp_path / name)))
        assert os.environ["HF_HUB_CACHE"] == str(tmp_path / name)
    configure_storage(Storage())
    assert "HF_HUB_CACHE" not in os.environ


@pytest.mark.slow
def test_a_disk_that_is_not_mounted_is_missed_before_another_one_is_filled(tmp_path: Path):
    with pytest.raises(TunelineError, match=r"there is no folder .*MyDrive; its disk"):
        configure_storage(Storage(hub_cache=str(tmp_path / "MyDrive" / "hub")))
    assert "HF_HUB_CACHE" not in os.environ


@pytest.mark.slow
def test_a_file_is_no_place_for_a_cache(tmp_path: Path):
    (tmp_path / "hub").write_text("words")
    with pytest.raises(TunelineError, match=r"there is no folder .*hub; "):
        configure_storage(Storage(hub_cache=str(tmp_path / "hub")))


@pytest.mark.slow
def test_a_setting_that_comes_too_late_is_no_silent_wrong_disk(tmp_path: Path):
    import huggingface_hub.constants  # noqa: F401

    with pytest.raises(TunelineError, match="huggingface_hub was imported before"):
        configure_storage(Storage(hub_cache=str(tmp_path)))


@pytest.mark.slow
@pytest.mark.parametrize("name", VARIABLES)
def test_a_variable_that_the_user_has_set_wins_and_is_told(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    name: str,
):
    monkeypatch.setenv(name, "/mine")
    with caplog.at_level("INFO"):
        configure_storage(Storage(hub_cache=str(tmp_path)))
    assert f"the environment variable {name} = /mine wins" in caplog.text
    assert os.environ[name] == "/mine"


COMMIT = "0" * 40


@pytest.fixture
def snapshot(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make an empty cache that knows one commit; answer with its folder."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    repo = tmp_path / "models--owner--large"
    (repo / "refs").mkdir(parents=True)
    (repo / "refs/main").write_text(COMMIT)
    folder = repo / "snapshots" / COMMIT
    folder.mkdir(parents=True)
    return folder


def test_weights_are_there_when_the_last_shard_is(snapshot: Path, recipe: Recipe):
    large = recipe.model_copy(update={"base_model": "owner/large"})
    shards = [f"model-0000{number}-of-00002.safetensors" for number in (1, 2)]
    assert not has_weights(large)
    index = {"weight_map": dict(zip("ab", shards, strict=True))}
    (snapshot / "model.safetensors.index.json").write_text(json.dumps(index))
    (snapshot / shards[0]).touch()
    assert not has_weights(large)
    (snapshot / shards[1]).touch()
    assert has_weights(large)
