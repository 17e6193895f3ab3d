"""Replies that were paid for, kept one by one."""

from typing import Protocol

from tuneline.providers.interface import Failure, Reply


class Replies(Protocol):
    """A store that keeps every reply as soon as it has come; see `ReplyFolderDataset`."""

    def read(self, step: str, key: str) -> Reply | Failure | None:
        """Look a reply up.

        Args:
            step: what it was asked for.
            key: its name, as `Request.key` gives it.

        Returns:
            The reply, or the failure that was kept in its place; none if it was never asked for.
        """
        ...

    def write(self, step: str, key: str, reply: Reply | Failure) -> None:
        """Keep a reply; once this returns, a killed run has it still."""
        ...
