"""The token, and what keeps one from asking the hub as oneself."""

import os
import re
from collections.abc import Iterator
from typing import Any

from tuneline.errors import Problem

# The token comes from this variable alone: never from a file of ours, never from a parameter.
TOKEN_VARIABLE = "HF_TOKEN"  # noqa: S105 - a name, not a secret
# What can stand in the head of a request: a token with any other sign was copied badly.
HEADER = re.compile(r"[!-~]+")
HUB_SECONDS = 10
NOTHING_SENT = "nothing was sent"


def read_token() -> str:
    """Read the token from the environment; empty if there is none."""
    return os.environ.get(TOKEN_VARIABLE, "").strip()


def find_access_problems() -> Iterator[Problem]:
    """Find out, without a network, what keeps one from asking the hub as oneself.

    Yields:
        That the hub is switched off, that there is no token, or one that cannot be sent.
    """
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


def word_refusal(error: Any) -> Problem:
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
