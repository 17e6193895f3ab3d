"""Which of a base model's files are cached, in the hub's own layout."""

import json
from pathlib import Path

import pytest

from tuneline.hub.cache import has_weights
from tuneline.parameters import Recipe

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
