"""Whether the hub lets one in and takes a release: token, names, owner, repository, metadata."""

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tuneline.errors import Problem
from tuneline.hub.gguf import SUFFIX

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
