"""Whether others can get a base model."""

from collections.abc import Iterator
from pathlib import Path

from tuneline.errors import Problem
from tuneline.hub.access import HUB_SECONDS, read_token
from tuneline.hub.names import HUB_ID


def find_folder_base_problem(where: str, base: str) -> Iterator[Problem]:
    """Find out, without a network, whether a base model has a name that others can load.

    Args:
        where: the parameter or the file that names it.
        base: its name.

    Yields:
        That it is only a folder here.
    """
    if not HUB_ID.fullmatch(base) or Path(base).is_dir():
        yield Problem(
            where=where,
            value=base,
            wrong="it is a base that is only a folder on this machine",
            matters="nobody else could load the adapter",
            remedy="train on a base model from the hub (another --env); the dry run and the card "
            "work with this one, too",
        )


def find_base_problem(where: str, base: str) -> Iterator[Problem]:
    """Find out whether others can get the base model that an adapter needs.

    Args:
        where: the parameter or the file that names it.
        base: its name.

    Yields:
        That it is only a folder here, or that the hub does not have it.
    """
    from huggingface_hub import HfApi, is_offline_mode
    from huggingface_hub.errors import GatedRepoError, RepositoryNotFoundError

    local = list(find_folder_base_problem(where, base))
    yield from local
    if local or is_offline_mode():
        return
    try:
        HfApi(token=read_token() or False).model_info(base, timeout=HUB_SECONDS)
    except GatedRepoError:  # it is there; who wants to use it accepts its licence
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
