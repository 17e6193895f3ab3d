"""The hub's cache: where it lies, and which files of a base model are in it or on the hub.

huggingface_hub reads its variables once, when it is first imported; transformers and datasets
import it. Kedro creates the context of a session before it imports a node's heavy libraries, and
knows the environment by then, so that a hook on the context is the first place that knows and the
last that is in time. Processes that a training starts inherit the variables.
"""

import json
import logging
import os
import re
import sys
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from tuneline.errors import Problem, TunelineError
from tuneline.hub.access import HUB_SECONDS
from tuneline.hub.gguf import find_converted, find_gguf, locate_base
from tuneline.parameters import Recipe, Storage

log = logging.getLogger(__name__)


# Any of them, set by the user, says where the cache is (huggingface_hub.constants).
VARIABLES = ("HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE", "HF_HOME")
# The settings travel as the hub's own do: to every function that downloads, in every process.
SETTINGS = "TUNELINE_STORAGE"
# Names that `save_pretrained` gives. Other weights of a repository (consolidated.safetensors,
# original/, *.bin, *.gguf) are copies that transformers does not load.
SINGLE = "model.safetensors"
INDEX = "model.safetensors.index.json"
SHARD = re.compile(r"model-\d+-of-\d+\.safetensors")
# Config, tokenizer and chat template.
SMALL = {".json", ".jinja", ".model", ".txt"}


def configure_storage(storage: Storage) -> None:
    """Let huggingface_hub keep its cache where the settings say.

    A variable that the user has set wins.

    Raises:
        TunelineError: if the folder could not be where it is meant to be: its disk is not there,
            or huggingface_hub has been imported already.
    """
    settled = read_storage()
    if settled.hub_cache and os.environ.get("HF_HUB_CACHE") == settled.hub_cache:
        del os.environ["HF_HUB_CACHE"]  # ours, from an earlier session of this process
    typed = next((name for name in VARIABLES if os.environ.get(name)), None)
    if storage.hub_cache and typed:
        log.info(
            "storage.hub_cache = %s is not used: the environment variable %s = %s wins.",
            storage.hub_cache,
            typed,
            os.environ[typed],
        )
        storage = storage.model_copy(update={"hub_cache": None})
    if storage.hub_cache:
        folder = str(Path(storage.hub_cache).expanduser().absolute())
        _check_folder(storage.hub_cache, folder)
        os.environ["HF_HUB_CACHE"] = folder
        storage = storage.model_copy(update={"hub_cache": folder})
    os.environ[SETTINGS] = storage.model_dump_json()


def read_storage() -> Storage:
    """Read the settings of the session; without one, those that remove nothing."""
    settings = os.environ.get(SETTINGS)
    return Storage.model_validate_json(settings) if settings else Storage()


def find_hub_cache() -> Path:
    """Tell where huggingface_hub keeps its cache."""
    from huggingface_hub.constants import HF_HUB_CACHE

    return Path(HF_HUB_CACHE)


def _check_folder(stated: str, folder: str) -> None:
    place = Path(folder) if Path(folder).is_file() else Path(folder).parent
    if not place.is_dir():
        raise TunelineError(
            Problem(
                where="storage.hub_cache",
                value=stated,
                wrong=f"there is no folder {place}",
                matters="its disk does not seem to be there, and downloads would fill another one",
                remedy="mount the disk (on a Colab: the Drive) or make the folder, or correct the "
                "setting",
            )
        )
    constants = sys.modules.get("huggingface_hub.constants")
    if constants and folder != constants.HF_HUB_CACHE:
        raise TunelineError(
            Problem(
                where="storage.hub_cache",
                value=stated,
                wrong="huggingface_hub was imported before the setting was read, and keeps to "
                f"{constants.HF_HUB_CACHE}",
                matters="downloads would go to the wrong disk",
                remedy="restart the notebook or the process, and import transformers, datasets or "
                f"huggingface_hub only after Kedro; or set HF_HUB_CACHE={folder} before it starts",
            )
        )


@dataclass(frozen=True)
class HubFile:
    """A file of a base model, and the bytes of it that have yet to be downloaded."""

    name: str
    missing: int


def ask_hub(recipe: Recipe) -> Any | str:
    """Ask the hub for a base model's commit and files with sizes; a text says why there is none."""
    from huggingface_hub import HfApi
    from huggingface_hub.errors import HfHubHTTPError

    try:
        return HfApi().model_info(
            recipe.base_model, revision=recipe.revision, files_metadata=True, timeout=HUB_SECONDS
        )
    except HfHubHTTPError as error:
        return f"the hub answers: {str(error).splitlines()[0].rstrip('.')}"
    except Exception:  # whatever the network's layers raise, it means the same to a user
        return "it is neither in the local cache nor can the hub be reached"


def list_base_files(recipe: Recipe, weights: bool = True) -> list[HubFile]:
    """Ask the hub which files of a base model are read, and what of them has to be downloaded.

    There are none if the model is a folder, or the hub cannot be asked: what is cached has to do
    then.
    """
    from huggingface_hub.constants import is_offline_mode

    if Path(locate_base(recipe.base_model)).is_dir() or is_offline_mode():
        return []
    info = ask_hub(recipe)
    if isinstance(info, str):
        return []
    wanted = choose_files([file.rfilename for file in info.siblings or []], weights)
    return [
        HubFile(file.rfilename, 0 if _is_cached(recipe, info.sha, file) else file.size or 0)
        for file in info.siblings or []
        if file.rfilename in wanted
    ]


def choose_files(names: list[str], weights: bool = True) -> set[str]:
    """Choose the top-level files of a repository that `from_pretrained` reads."""
    # The hub's progress bar shows names as they are; one that cannot be shown is none of these.
    named = (name for name in names if "/" not in name and name.isprintable())
    small = {name for name in named if PurePosixPath(name).suffix in SMALL}
    if not weights:
        return small
    shards = {SINGLE} if SINGLE in names else {name for name in names if SHARD.fullmatch(name)}
    return small | shards


def find_commit(name: str, revision: str) -> str:
    """Find the commit that a cached revision of a model points to."""
    from huggingface_hub import HfApi

    return HfApi().resolve_revision(name, revision=revision, local_files_only=True).resolved


def has_small_files(recipe: Recipe) -> bool:
    """Tell whether a base model's config and tokenizer are here: in a folder, or cached."""
    return Path(locate_base(recipe.base_model)).is_dir() or all(
        _find(recipe, name) for name in ("config.json", "tokenizer_config.json")
    )


def has_weights(recipe: Recipe) -> bool:
    """Tell whether all of a base model's weights are here: in a folder, or cached to the last."""
    if path := find_gguf(recipe.base_model):
        return any((find_converted(path) / name).is_file() for name in (SINGLE, INDEX))
    if Path(recipe.base_model).is_dir() or _find(recipe, SINGLE):
        return True
    index = _find(recipe, INDEX)
    if index is None:
        return False
    shards = json.loads(index.read_text(encoding="utf-8"))["weight_map"].values()
    return all(_find(recipe, shard) for shard in set(shards))


def _find(recipe: Recipe, name: str, revision: str | None = None) -> Path | None:
    from huggingface_hub import try_to_load_from_cache
    from huggingface_hub.errors import HFValidationError

    revision = revision or recipe.revision
    try:
        found = try_to_load_from_cache(recipe.base_model, name, revision=revision)
    except HFValidationError:  # it names a folder that is not there
        return None
    return Path(found) if isinstance(found, str) else None


def _is_cached(recipe: Recipe, commit: str | None, file: Any) -> bool:
    """Look for the file of this commit, and for its content under another commit."""
    from huggingface_hub.file_download import repo_folder_name

    if _find(recipe, file.rfilename, commit):
        return True
    repo = repo_folder_name(repo_id=recipe.base_model, repo_type="model")
    content = file.lfs.sha256 if file.lfs else file.blob_id
    return bool(content) and (find_hub_cache() / repo / "blobs" / content).is_file()
