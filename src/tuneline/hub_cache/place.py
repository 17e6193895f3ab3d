"""Where the hub's cache lies, decided before any library reads it.

huggingface_hub reads its variables once, when it is first imported; transformers and datasets
import it. Kedro creates the context of a session before it imports a node's heavy libraries, and
knows the environment by then, so that a hook on the context is the first place that knows and the
last that is in time. Processes that a training starts inherit the variables.
"""

import logging
import os
import sys
from pathlib import Path

from tuneline.errors import Problem, TunelineError
from tuneline.parameters import Storage

log = logging.getLogger(__name__)

# Any of them, set by the user, says where the cache is (huggingface_hub.constants).
VARIABLES = ("HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE", "HF_HOME")
# The settings travel as the hub's own do: to every function that downloads, in every process.
SETTINGS = "TUNELINE_STORAGE"


def settle_storage(storage: Storage) -> None:
    """Let the hub's client keep its cache where the settings say.

    A variable that the user has set wins.

    Args:
        storage: the settings of this machine.

    Raises:
        TunelineError: if the folder could not be where it is meant to be: its disk is not there,
            or the hub's client has been imported already.
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
    """Tell where the hub's client keeps its cache."""
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
