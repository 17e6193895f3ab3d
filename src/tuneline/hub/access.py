"""Whether the hub lets one in and takes a release: token, names, owner, repository, metadata."""

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tuneline.errors import Problem, suggest
from tuneline.hub.gguf import SUFFIX
from tuneline.parameters import Publish

# The token comes from this variable alone: never from a file of ours, never from a parameter.
TOKEN_VARIABLE = "HF_TOKEN"  # noqa: S105 - a name, not a secret
# What can be in the head of a request: a token with any other sign was copied badly.
HEADER = re.compile(r"[!-~]+")
HUB_SECONDS = 10
NOTHING_SENT = "nothing was sent"
HUB_ID = re.compile(r"[\w.-]+/[\w.-]+")


def read_token() -> str:
    """Read the token from the environment; empty if there is none."""
    return os.environ.get(TOKEN_VARIABLE, "").strip()


def find_access_problems() -> Iterator[Problem]:
    """Find out, without a network, what keeps one from asking the hub as oneself."""
    from huggingface_hub import is_offline_mode

    if is_offline_mode():
        yield stop("HF_HUB_OFFLINE", "the hub is switched off", "unset it, or leave dry_run on")
    token = read_token()
    if not token:
        yield stop(
            TOKEN_VARIABLE,
            "the environment has no variable of this name",
            "make a token with write permission on the hub's page Settings, Access Tokens, and "
            f"put it into the environment ({TOKEN_VARIABLE}); see docs/publish.md",
        )
    elif not HEADER.fullmatch(token):
        yield name_unknown_token()


def shorten_error(error: Any) -> str:
    """Say in a line what went wrong: the hub's own words where it gave any, never the token."""
    said = getattr(error, "server_message", None) or error.__cause__ or error
    text = " ".join(str(said).split())
    token = read_token()
    text = text.replace(token, "…") if token else text
    return text[:200].rstrip(".")


def format_refusal(error: Any) -> Problem:
    """Say in words what the hub has answered instead of doing what was asked (HfHubHTTPError)."""
    if error.response.status_code == 401:
        return name_unknown_token()
    return stop("the hub", f"it answers: {shorten_error(error)}", "try again later")


def name_unknown_token() -> Problem:
    """Say that the hub knows no such token; its value is not told."""
    return stop(
        TOKEN_VARIABLE,
        "the hub does not know this token",
        "copy it again, whole, or make a new one on the hub's page Settings, Access Tokens",
    )


def stop(where: str, wrong: str, remedy: str) -> Problem:
    """Word a problem that stops a release before anything is sent."""
    return Problem(where=where, wrong=wrong, matters=NOTHING_SENT, remedy=remedy)


def find_name_problems(where: str, repo_id: str | None) -> Iterator[Problem]:
    """Find out, without a network, whether the hub would take a repository's name."""
    from huggingface_hub.errors import HFValidationError
    from huggingface_hub.utils import validate_repo_id  # type: ignore[attr-defined]

    if repo_id is None:
        yield Problem(
            where=where,
            wrong="it is not stated",
            matters="one publishes under a name",
            remedy="state it in the use case's parameters.yml, as owner/name",
        )
        return
    try:
        validate_repo_id(repo_id)
        reason = "" if "/" in repo_id else "it has no owner"
    except HFValidationError as error:
        reason = "the hub takes no such name (" + str(error).split(": '")[0].rstrip(".") + ")"
    if reason:
        yield Problem(
            where=where,
            value=repo_id,
            wrong=reason,
            matters=NOTHING_SENT,
            remedy="write owner/name, of letters, digits, `-`, `_` and `.`, such as "
            "my-account/oil-answers",
        )


def find_folder_base_problem(where: str, base: str) -> Iterator[Problem]:
    """Find out, without a network, whether a base model has a name that others can load."""
    if not HUB_ID.fullmatch(base) or Path(base).is_dir() or base.endswith(SUFFIX):
        yield Problem(
            where=where,
            value=base,
            wrong="it is a base that is only a folder or a file on this machine",
            matters="nobody else could load the adapter",
            remedy="train on a base model from the hub (another --env); the dry run and the card "
            "work with this one, too",
        )


def find_base_problem(where: str, base: str) -> Iterator[Problem]:
    """Find out whether others can get the base model that an adapter needs."""
    from huggingface_hub import HfApi, is_offline_mode
    from huggingface_hub.errors import GatedRepoError, RepositoryNotFoundError

    local = list(find_folder_base_problem(where, base))
    yield from local
    if local or is_offline_mode():
        return
    try:
        HfApi(token=read_token() or False).model_info(base, timeout=HUB_SECONDS)
    except GatedRepoError:  # it is there; who wants to use it accepts its license
        return
    except RepositoryNotFoundError:
        yield Problem(
            where=where,
            value=base,
            wrong="the hub has no such base model any more, or hides it",
            matters="an adapter without its base is of no use to anybody",
            remedy="look the base up on the hub; if it has moved, train again under its new name",
        )
    except Exception:  # the check of the permissions meets the same, and says it
        return


def find_hub_problems(where: str, publish: Publish) -> Iterator[Problem]:
    """Ask the hub whether it would take a release with this token; asking changes nothing.

    `publish.repo_id` is a name that the hub takes.
    """
    from huggingface_hub import HfApi
    from huggingface_hub.errors import HfHubHTTPError, RepositoryNotFoundError

    problems = list(find_access_problems())
    yield from problems
    if problems:
        return
    api, repo_id = HfApi(token=read_token()), str(publish.repo_id)
    try:
        # First what takes a time-out: the other calls would wait for a dead line for ever.
        try:
            there = api.model_info(repo_id, timeout=HUB_SECONDS)
        except RepositoryNotFoundError:
            there = None  # also the answer to a token that the hub does not know
        who = api.whoami()
        yield from _find_owner_problems(f"{where}.repo_id", repo_id, who)
        yield from _find_token_problems(repo_id, who, exists=there is not None)
        if there is not None:
            yield from _find_repository_problems(f"{where}.repo_id", api, there, publish.private)
        yield from _find_metadata_problems(where, publish)
    except HfHubHTTPError as error:
        yield format_refusal(error)
    except Exception:  # whatever the network's layers raise, it means the same to a user
        yield stop("the hub", "it cannot be reached", "check the connection, or leave dry_run on")


def find_public_problem(where: str, there: Any) -> Problem | None:
    """Find out whether everybody sees a repository that is to be private.

    `there` is what the hub says of it.
    """
    if there.private:
        return None
    return Problem(
        where=where,
        value=there.id,
        wrong="this repository is public, and `private: true` is stated",
        matters="everybody would see the release",
        remedy="make the repository private on its settings page, or state `private: false`",
    )


def _find_owner_problems(where: str, repo_id: str, who: dict[str, Any]) -> Iterator[Problem]:
    owner = repo_id.split("/", maxsplit=1)[0]
    roles = {org["name"]: org.get("roleInOrg") for org in who.get("orgs", [])}
    roles[who["name"]] = "owner"
    role = {name.casefold(): role for name, role in roles.items()}.get(owner.casefold(), "none")
    if role == "none":
        yield Problem(
            where=where,
            value=repo_id,
            wrong=f"`{owner}` is neither your account (`{who['name']}`) nor one of your "
            "organizations",
            matters="it belongs to someone else",
            remedy=suggest(owner, roles),
        )
    elif role == "read":
        yield Problem(
            where=where,
            value=repo_id,
            wrong=f"in the organization `{owner}` you may only read",
            matters=NOTHING_SENT,
            remedy="ask its administrators for the right to write, or publish under your account",
        )


def _find_token_problems(repo_id: str, who: dict[str, Any], *, exists: bool) -> Iterator[Problem]:
    """Find out what a token may do; only its kind and scopes are looked at, never its value."""
    token = who.get("auth", {}).get("accessToken", {})
    role = token.get("role")
    if role in ("write", "admin"):
        return
    if role == "fineGrained":
        if _is_in_scope(repo_id, token.get("fineGrained", {}), exists=exists):
            return
        wrong = f"this fine-grained token may not write to {repo_id}"
        if not exists:
            wrong += ", which has yet to be made in its owner's name"
    else:
        wrong = f"this token may not write (its role is `{role or 'not told by the hub'}`)"
    yield stop(
        TOKEN_VARIABLE,
        wrong,
        "make a token with write permission for that owner's repositories on the hub's page "
        "Settings, Access Tokens",
    )


def _is_in_scope(repo_id: str, granted: dict[str, Any], *, exists: bool) -> bool:
    """Tell whether a fine-grained token covers a repository: by its owner, or by itself."""
    owners = {"user": repo_id.split("/", maxsplit=1)[0], "org": repo_id.split("/", maxsplit=1)[0]}
    covered = owners | {"model": repo_id} if exists else owners
    return any(
        "repo.write" in scope.get("permissions", [])
        and covered.get(scope["entity"].get("type"), "").casefold()
        == scope["entity"].get("name", "").casefold()
        != ""
        for scope in granted.get("scoped", [])
    )


def _find_repository_problems(where: str, api: Any, there: Any, private: bool) -> Iterator[Problem]:
    from huggingface_hub.errors import HfHubHTTPError

    if private and (problem := find_public_problem(where, there)):
        yield problem
    try:
        api.auth_check(there.id, write=True)
    except HfHubHTTPError as error:
        if error.response.status_code not in (401, 403, 404):
            raise
        yield Problem(
            where=where,
            value=there.id,
            wrong="this repository is there, and you may not write to it",
            matters=NOTHING_SENT,
            remedy="choose another name, or ask its owner for the right to write",
        )


def _find_metadata_problems(where: str, publish: Publish) -> Iterator[Problem]:
    """Find out whether the hub takes what the card's metadata will say."""
    from huggingface_hub import ModelCard, ModelCardData

    data = ModelCardData(
        library_name="peft",
        license=publish.license,
        language=publish.language or None,
        datasets=publish.datasets or None,
    )
    try:
        ModelCard(f"---\n{data.to_yaml()}\n---\n").validate()
    except ValueError as error:
        yield Problem(
            where=where,
            wrong=f"the hub would refuse the card ({shorten_error(error)})",
            matters=NOTHING_SENT,
            remedy="correct `license`, `language` or `datasets`, as docs/publish.md explains them",
        )
