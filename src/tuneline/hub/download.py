"""Base models are fetched before a run: downloads, and GGUF files that are converted once.

Both are checked before they start, and survive a full disk.
"""

import logging
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import Any

from tqdm import tqdm

from tuneline.errors import Problem, TunelineError
from tuneline.hub.cache import (
    HubFile,
    find_hub_cache,
    has_small_files,
    has_weights,
    list_base_files,
    read_storage,
)
from tuneline.hub.cleanup import find_removable, remove
from tuneline.hub.gguf import count_converted_bytes, find_gguf
from tuneline.hub.gguf_conversion import convert_gguf
from tuneline.parameters import Recipe
from tuneline.utils.disks import format_bytes, measure_volume
from tuneline.utils.files import is_full
from tuneline.utils.progress import BYTES, Progress

log = logging.getLogger(__name__)


def fetch_base(recipe: Recipe, weights: bool = True) -> None:
    """Fetch what is missing of a base model, if it fits; it is then loaded from local files.

    All comes before a run: config and tokenizer, which follow the branch, while it is checked; the
    weights once nothing else speaks against it. Where they are cached, the hub is not asked again.

    Raises:
        TunelineError: if the disk of the hub's cache has not enough free space for it; before the
            download, or, where something else fills the disk meanwhile, after a second try.
    """
    if weights and has_small_files(recipe) and has_weights(recipe):
        return
    if path := find_gguf(recipe.base_model):
        convert_gguf(path, weights)
    elif files := list_base_files(recipe, weights):
        _fetch_files(recipe, files, weights)


def _fetch_files(recipe: Recipe, files: list[HubFile], weights: bool) -> None:
    needed = _sum_missing(files)
    if _count_lacking(needed):
        free_space(needed, recipe.base_model)
        _refuse_if_lacking(recipe, needed)
    if needed:
        cache = find_hub_cache()
        log.info("Downloading %s (%s) into %s.", recipe.base_model, format_bytes(needed), cache)
    try:
        _download(recipe, files)
    except Exception as error:  # the hub's downloader in Rust raises errors of no particular type
        if not is_full(error):
            raise
        files = list_base_files(recipe, weights)
        free_space(_sum_missing(files), recipe.base_model)
        _download_again(recipe, files)


def find_space_problems(recipes: Iterable[tuple[str, Recipe]]) -> list[Problem]:
    """Find out which base models of a run, from the first on, have no room, before any download."""
    problems, planned, seen = [], 0, set()
    for where, recipe in recipes:
        if (recipe.base_model, recipe.revision) in seen:
            continue
        seen.add((recipe.base_model, recipe.revision))
        needed = 0 if has_weights(recipe) else _measure_missing(recipe)
        planned += needed
        if needed and _count_lacking(planned) > _count_removable(recipe.base_model):
            problems.append(_format_lacking(where, recipe, planned))
    return problems


def free_space(
    needed: int | None = None, keep: str | None = None, folder: Path | None = None
) -> int:
    """Remove from the hub's cache what the allow-list lets go, if the settings say so.

    `needed` is in bytes, None for as much as there is; `keep` is the base model that stays. Nothing
    is removed if `folder`, which is written, lies on another disk than the cache. Gives the bytes
    freed.
    """
    storage, cache = read_storage(), find_hub_cache()
    volume = measure_volume(cache)
    if not storage.free_when_full or (folder and measure_volume(folder).device != volume.device):
        return 0
    freed = 0
    for item in find_removable(cache, storage, keep):
        if needed is not None and measure_volume(cache).free >= needed:
            break
        freed += remove(item)
    return freed


def retry_when_full(write: Callable[[], None], folder: Path) -> None:
    """Write, and once more if the disk was full and something could be removed."""
    try:
        write()
    except Exception as error:
        if not is_full(error) or not free_space(folder=folder):
            raise
        write()


def _download(recipe: Recipe, files: list[HubFile]) -> None:
    from huggingface_hub import snapshot_download

    names = [file.name for file in files]
    with Progress(f"Downloading {recipe.base_model}", BYTES, 0) as progress:
        bars: Any = partial(_choose_bar, progress)  # any function that makes a bar will do
        snapshot_download(
            recipe.base_model, revision=recipe.revision, allow_patterns=names, tqdm_class=bars
        )


def _choose_bar(progress: Progress, *args: Any, **options: Any) -> tqdm:
    """Show of the hub's three bars the one that counts the bytes of all files that are there."""
    is_ours = options.get("desc", "").startswith("Reconstructing")
    return progress if is_ours else tqdm(*args, **options, disable=True)


def _download_again(recipe: Recipe, files: list[HubFile]) -> None:
    needed = _sum_missing(files)
    _refuse_if_lacking(recipe, needed)
    try:
        _download(recipe, files)
    except Exception as error:
        if not is_full(error):
            raise
        raise TunelineError(_format_lacking("recipe.base_model", recipe, needed)) from error


def _measure_missing(recipe: Recipe) -> int:
    path = find_gguf(recipe.base_model)
    return count_converted_bytes(path) if path else _sum_missing(list_base_files(recipe))


def _sum_missing(files: list[HubFile]) -> int:
    return sum(file.missing for file in files)


def _refuse_if_lacking(recipe: Recipe, needed: int) -> None:
    if _count_lacking(needed):
        raise TunelineError(_format_lacking("recipe.base_model", recipe, needed))


def _count_lacking(needed: int) -> int:
    return max(0, needed - measure_volume(find_hub_cache()).free)


def _count_removable(keep: str) -> int:
    storage = read_storage()
    if not storage.free_when_full:
        return 0
    return sum(item.size for item in find_removable(find_hub_cache(), storage, keep))


def _format_lacking(where: str, recipe: Recipe, needed: int) -> Problem:
    volume = measure_volume(find_hub_cache())
    free = format_bytes(volume.free)
    wrong = f"{format_bytes(needed)} are to be downloaded into {volume.folder}, and "
    if needed > volume.free:
        wrong += (
            f"its disk ({volume.mount}) has {free} free; "
            f"{format_bytes(needed - volume.free)} are missing"
        )
    else:  # a quota, or a limit on the size of files
        wrong += f"the disk takes no more, although {free} are free"
    return Problem(
        where=where,
        value=recipe.base_model,
        wrong=wrong,
        matters="the download would end with a full disk",
        remedy="see what may go with `kedro storage --clean`, or let storage.hub_cache name a "
        "folder on a larger disk",
    )
