"""Whether the hub would take a release with this token."""

from collections.abc import Iterator
from typing import Any

from tuneline.errors import Problem, suggest
from tuneline.hub.access import (
    HUB_SECONDS,
    NOTHING_SENT,
    TOKEN_VARIABLE,
    find_access_problems,
    format_refusal,
    read_token,
    shorten_error,
    stop,
)
from tuneline.parameters import Publish


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
