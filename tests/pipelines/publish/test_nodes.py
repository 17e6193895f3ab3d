"""Uploads to a real server that speaks the hub's protocol."""

from pathlib import Path
from typing import Any

import pytest
from huggingface_hub import HfApi, constants

from tests.hub_server import TOKEN, HubServer, _Handler, read_token
from tuneline.errors import TunelineError
from tuneline.models.adapter import Adapter
from tuneline.models.seen_examples import record_seen
from tuneline.pipelines.publish.nodes import assemble_release, upload

CARD = "---\nlicense: mit\n---\n\n# Card\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Make a small release: a card, and weights that go by LFS."""
    folder = tmp_path / "release"
    folder.mkdir()
    (folder / "README.md").write_text(CARD)
    (folder / "adapter_model.safetensors").write_bytes(b"weights" * 1000)
    return folder


def send(folder: Path, repo_id: str = "me/new", private: bool = True) -> dict[str, Any]:
    return upload(folder, sorted(path.name for path in folder.iterdir()), repo_id, private)


def test_a_release_is_one_commit_in_a_private_repository(hub: HubServer, folder: Path):
    done = send(folder)
    repository = hub.repositories["me/new"]
    assert repository.visibility == ["created private"]
    assert list(repository.commits)[1:] == [done["commit"]]
    for path in folder.iterdir():
        assert hub.read("me/new", path.name) == path.read_bytes()


def test_public_comes_last_and_only_if_asked_for(hub: HubServer, folder: Path):
    send(folder, private=False)
    assert hub.repositories["me/new"].visibility == ["created private", "public"]
    commit = hub.requests.index("POST /api/models/me/new/commit/main")
    assert commit < hub.requests.index("PUT /api/models/me/new/settings")


def test_the_same_release_again_changes_nothing(hub: HubServer, folder: Path):
    first, second = send(folder), send(folder)
    assert first["commit"] == second["commit"]
    assert list(hub.sent.values()) == [7000]


def test_a_newer_release_leaves_what_people_have_added(hub: HubServer, folder: Path):
    hub.add("me/new", {"photo.txt": b"mine", "README.md": b"old"}, private=True)
    send(folder)
    assert hub.read("me/new", "photo.txt") == b"mine"
    assert hub.read("me/new", "README.md") == CARD.encode()


def test_a_card_that_the_hub_refuses_makes_no_repository(hub: HubServer, folder: Path):
    (folder / "README.md").write_text(CARD.replace("mit", "mine-alone"))
    with pytest.raises(TunelineError, match=r"must be one of those known.*nothing was published"):
        send(folder)
    assert hub.repositories == {}


def test_large_files_go_by_xet_where_the_hub_offers_it(
    hub: HubServer, folder: Path, monkeypatch: pytest.MonkeyPatch
):
    """The real hf_xet, with its local store in the server's place."""
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", False)
    hub.xet = True
    done = send(folder)
    assert list(hub.repositories["me/new"].commits)[1:] == [done["commit"]]
    assert not [request for request in hub.requests if "/lfs" in request]
    assert any((hub.folder / "xet").rglob("*"))


def test_a_hub_without_xet_says_so_and_nothing_is_published(
    hub: HubServer, folder: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", False)
    with pytest.raises(TunelineError, match="nothing was published") as caught:
        send(folder)
    assert TOKEN not in str(caught.value)
    assert len(hub.repositories["me/new"].commits) == 1  # as it was made: no file of ours


def test_a_repository_that_has_become_public_since_the_checks_gets_nothing(
    hub: HubServer, folder: Path
):
    hub.add("me/new", {})
    with pytest.raises(TunelineError, match="this repository is public"):
        send(folder)
    assert len(hub.repositories["me/new"].commits) == 1
    assert hub.sent == {}


def test_a_refusal_is_told_in_the_words_of_the_hub(hub: HubServer, folder: Path):
    hub.tokens[TOKEN] = read_token("read")
    with pytest.raises(TunelineError, match=r"don't have the rights to create.*nothing was"):
        send(folder)


def test_what_is_there_and_damaged_is_not_said_to_be_away(
    hub: HubServer, folder: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(_Handler, "_size", lambda *_: 1)
    with pytest.raises(TunelineError, match=r"another size of README\.md") as caught:
        send(folder, private=False)
    assert "nothing was published" not in str(caught.value)
    assert hub.repositories["me/new"].visibility == ["created private"]


def test_what_could_not_be_made_public_is_said_to_be_there(
    hub: HubServer, folder: Path, monkeypatch: pytest.MonkeyPatch
):
    def break_off(*_: Any, **__: Any) -> None:
        raise ConnectionResetError("connection reset by peer")

    monkeypatch.setattr(HfApi, "update_repo_settings", break_off)
    with pytest.raises(TunelineError, match="is there, whole, but still private"):
        send(folder, private=False)
    assert len(hub.repositories["me/new"].commits) == 2


def test_a_release_leaves_out_what_the_adapter_has_seen():
    adapter = Adapter({}, {}, None, {"base": {}}, record_seen([]))
    assert assemble_release(adapter, "", {}, {}).adapter.seen is None
