"""Secrets and paths of one's own machine, which no release may hold."""

import re
from collections.abc import Iterator
from pathlib import Path

from tuneline.errors import Problem

# How the hub's, OpenAI's and GitHub's keys look.
TOKENS = re.compile(
    r"\b(?:hf_(?:oauth_|jwt_)?[A-Za-z0-9]{20,}|sk-[\w-]{20,}|gh[pousr]_[A-Za-z0-9]{30,})"
)
# A text of JSON that is a path from the root of a disk: records have no use for one.
ABSOLUTE = re.compile(r'"((?:/[^/\s"]+){2,}|[A-Z]:\\[^"]*)')


def find_leaked(path: Path) -> Iterator[Problem]:
    """Find what would be published by mistake.

    Args:
        path: a file of text.

    Yields:
        A token, whose value is not repeated; a path of this machine.
    """
    text = path.read_text(encoding="utf-8", errors="replace")
    if TOKENS.search(text):
        yield Problem(
            where=path.name,
            wrong="it holds what looks like a secret token",
            matters="everybody who reads the release could use it",
            remedy="take it out of the data or the parameters, and make it invalid",
        )
    found = ABSOLUTE.findall(text) if path.suffix == ".json" else []
    found += [own for own in _list_own_folders() if re.search(rf"{re.escape(own)}(?!\w)", text)]
    if found:
        yield Problem(
            where=path.name,
            value=found[0],
            wrong="it is a path on this machine",
            matters="it tells of your machine, and nobody else has it",
            remedy="state the path relative to the project's folder, and train again",
        )


def _list_own_folders() -> list[str]:
    """List the folders that tell of a person. `/root` and `/app` are the same for everybody."""
    return [str(own) for own in (Path.home(), Path.cwd()) if len(own.parts) > 2]
