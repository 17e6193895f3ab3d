"""Names of repositories on the hub."""

import re
from collections.abc import Iterator

from tuneline.errors import Problem
from tuneline.hub.access import NOTHING_SENT

HUB_ID = re.compile(r"[\w.-]+/[\w.-]+")


def find_name_problems(where: str, repo_id: str | None) -> Iterator[Problem]:
    """Find out, without a network, whether the hub would take a repository's name.

    Args:
        where: the parameter.
        repo_id: its value.

    Yields:
        What is wrong with it.
    """
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
