"""Disk space: where the hub's cache lies, and what may ever be removed."""

from pydantic import Field

from tuneline.parameters.block import Block


class Cleaning(Block):
    """The allow-list: what cleaning may remove. Whatever it does not name is never removed."""

    interrupted_downloads: bool = Field(
        default=False, description="parts of files in the hub's cache that no download writes to"
    )
    unreferenced_revisions: bool = Field(
        default=False,
        description="revisions of a cached repository that no branch or tag points to any more, "
        "while it has one that is pointed to",
    )
    unused_repos: list[str] = Field(
        default=[],
        description="hub ids or patterns (`owner/*`) of cached repositories; a model that is named "
        "in conf/ goes only if its whole id stands here",
    )
    unused_days: int = Field(
        default=30, ge=0, description="days after its last use that a repository is kept"
    )
    finished_runs: bool = Field(
        default=False, description="checkpoints of trainings that are through, with their adapter"
    )
    killed_runs: bool = Field(
        default=False,
        description="half-written files and temporary folders of processes that are no more",
    )


class Storage(Block):
    """Disk space on this machine."""

    hub_cache: str | None = Field(
        default=None, description="folder of the hub's cache; null: where the hub's client keeps it"
    )
    free_when_full: bool = Field(
        default=False,
        description="when a disk is full, remove from the hub's cache what `clean` allows and try "
        "once more",
    )
    clean: Cleaning = Field(default=Cleaning(), description="what cleaning may remove")
