"""Permissions, asked of a real server that speaks the hub's protocol."""

from pathlib import Path
from typing import Any

import pytest
from huggingface_hub import constants

from tests.hub_server import TOKEN, HubServer, fine_grained, read_token
from tuneline.hub.access import find_base_problem, find_name_problems
from tuneline.hub.permissions import find_hub_problems
from tuneline.parameters import Publish


def ask(repo_id: str = "me/new", **stated: Any) -> list[str]:
    publish = Publish(repo_id=repo_id, **stated)
    return [str(one) for one in find_hub_problems("x.publish", publish)]


@pytest.mark.parametrize(
    ("repo_id", "words"),
    [
        (None, "it is not stated"),
        ("no-owner", "it has no owner"),
        ("me/a b", "the hub takes no such name"),
        ("me/a--b", "the hub takes no such name"),
        ("me/x/y", "the hub takes no such name"),
        ("me/" + "x" * 100, "the hub takes no such name"),
        ("me/model.git", "the hub takes no such name"),
    ],
)
def test_a_name_that_the_hub_refuses_is_one_sentence(repo_id: str | None, words: str):
    (problem,) = find_name_problems("x.publish.repo_id", repo_id)
    assert words in str(problem)


@pytest.mark.parametrize(
    ("token", "repo_id", "words"),
    [
        (read_token("write"), "me/new", None),
        (read_token("admin"), "team/new", None),
        (read_token("write"), "ME/new", None),
        (read_token("read"), "me/new", "this token may not write (its role is `read`)"),
        ({}, "me/new", "its role is `not told by the hub`"),
        (fine_grained("user", "me", "repo.write"), "me/new", None),
        (fine_grained("org", "team", "repo.write"), "team/new", None),
        (fine_grained("user", "me", "repo.content.read"), "me/new", "may not write to me/new"),
        (fine_grained("user", "me", "repo.write"), "team/new", "may not write to team/new"),
        (fine_grained("model", "me/new", "repo.write"), "me/new", "has yet to be made"),
        (fine_grained("model", "me/there", "repo.write"), "me/there", None),
        (read_token("write"), "mee/new", "did you mean `me`"),
        (read_token("write"), "nobody-i-know/new", "it belongs to someone else"),
        (read_token("write"), "readers/new", "in the organization `readers` you may only read"),
        (read_token("write"), "team/theirs", "you may not write to it"),
        (read_token("write"), "me/public", "this repository is public"),
    ],
)
def test_what_a_token_may_do_is_known_beforehand(
    hub: HubServer, token: dict, repo_id: str, words: str | None
):
    hub.tokens[TOKEN] = token
    hub.add("me/there", {}, private=True)
    hub.add("me/public", {})
    hub.add("team/theirs", {}, private=False, writer="someone-else")
    problems = [one for one in ask(repo_id) if "is public" not in one or repo_id == "me/public"]
    assert len(problems) == (words is not None)
    assert all(words in one for one in problems)
    changing = [request for request in hub.requests if not request.startswith("GET")]
    assert set(changing) <= {"POST /api/validate-yaml"}


def test_all_that_is_wrong_is_said_at_once(hub: HubServer):
    hub.tokens[TOKEN] = read_token("read")
    assert len(ask("mee/new", license="my-own")) == 3


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("", "the environment has no variable"),
        ("hf_unknown", "the hub does not know this token"),
        ("hf_unknown, copied with its coma\u0301", "the hub does not know this token"),
        ("hf_unknown\nhf_twice", "the hub does not know this token"),
    ],
)
def test_a_missing_or_unknown_token_is_one_sentence(
    hub: HubServer, monkeypatch: pytest.MonkeyPatch, value: str, words: str
):
    monkeypatch.setenv("HF_TOKEN", value)
    (problem,) = ask()
    assert problem.startswith("HF_TOKEN: ")
    assert words in problem
    assert "hf_unknown" not in problem


def test_a_hub_that_is_switched_off_or_away_is_one_sentence(
    monkeypatch: pytest.MonkeyPatch, hub: HubServer
):
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    (problem,) = ask()
    assert problem.startswith("HF_HUB_OFFLINE: the hub is switched off")
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")
    (problem,) = ask()
    assert problem.startswith("the hub: it cannot be reached")


def test_a_base_that_has_gone_or_is_a_folder_is_one_sentence(hub: HubServer, tmp_path: Path):
    hub.add("maker/base", {})
    assert list(find_base_problem("base", "maker/base")) == []
    (gone,) = find_base_problem("base", "maker/gone")
    assert "no such base model any more" in str(gone)
    (local,) = find_base_problem("base", str(tmp_path))
    assert "a base that is only a folder or a file on this machine" in str(local)


def test_a_license_that_the_hub_does_not_know_is_one_sentence(hub: HubServer):
    assert ask(license="mit", language=["cs"], datasets=["me/rows"]) == []
    (problem,) = ask(license="Apache 2")
    assert problem.startswith("x.publish: the hub would refuse the card")
    assert "must be one of those known, not Apache 2" in problem
