"""The order in which the versions of a dataset were made: by a record, not by their names.

Kedro names a version after the time, and a clock may be set back.
"""

import logging
from collections.abc import Iterable
from pathlib import Path

import orjson

from tuneline.files import replace_whole

log = logging.getLogger(__name__)

RECORD = ".versions.json"


def order_versions(folder: Path, names: Iterable[str]) -> list[str]:
    """Order versions as they were made.

    Args:
        folder: of all versions.
        names: the versions that are there.

    Returns:
        The names, the last one made at the end. What is not in the record was put there by other
        means, and comes first, by name.
    """
    recorded = {name: place for place, name in enumerate(_read(folder))}
    return sorted(names, key=lambda name: (recorded.get(name, -1), name))


def record_version(folder: Path, name: str) -> None:
    """Record a version as the last one, before it is there: a reader passes over what is not.

    Args:
        folder: of all versions.
        name: the version that is about to be saved.
    """
    there = [path.name for path in folder.iterdir() if path.is_dir()] if folder.is_dir() else []
    made = order_versions(folder, {*there, *_read(folder)} - {name})
    if made and name < max(made):
        log.warning(
            "%s = %s: an older name than %s, which was made before it, so the clock was set back; "
            "this is the last one made all the same, and the one that is used.",
            folder,
            name,
            max(made),
        )
    with replace_whole(folder / RECORD) as file:
        file.write(orjson.dumps([*made, name], option=orjson.OPT_INDENT_2))


def _read(folder: Path) -> list[str]:
    path = folder / RECORD
    if not path.is_file():
        return []
    try:
        return [str(name) for name in orjson.loads(path.read_bytes())]
    except (orjson.JSONDecodeError, TypeError):
        log.warning("%s cannot be read: versions are taken in the order of their names.", path)
        return []
