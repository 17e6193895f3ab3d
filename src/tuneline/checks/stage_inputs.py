"""What decides the result of a stage: code, parameters, catalog entries, base models and files."""

import platform
import sysconfig
from collections.abc import Collection, Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict, is_dataclass
from functools import cache
from pathlib import Path
from typing import Any

import orjson
from kedro.io import DataCatalog
from kedro.io.core import DatasetError
from kedro.pipeline import Pipeline
from pydantic import BaseModel, ValidationError

from tuneline.checks.file_stamps import (
    Stamps,
    UncertainError,
    list_files,
    stamp,
    wait_for_clock,
)
from tuneline.checks.recipes import RECIPE, is_settled, read_hardware
from tuneline.errors import TunelineError
from tuneline.hub.cache import find_commit
from tuneline.hub.gguf import find_gguf
from tuneline.models.vllm_engine import find_version
from tuneline.parameters import Hardware, Recipe
from tuneline.parameters.recipe import RecipeKeys
from tuneline.utils.disks import find_path
from tuneline.utils.hashing import hash_files, hash_text

# By stage, the inputs that are its own work of earlier times, with or without which it makes the
# same. The others ask servers, publish, answer, or depend on programs of this machine.
STAGES: dict[str, set[str]] = {
    "prepare": {"cleaning_folder"},
    "plan": set(),
    "train": {"checkpoints"},
    "evaluate": {"answer_cache"},
}
# By stage, the inputs of which only decides what it obeys, not when they were written: a plan that
# is made again says anew how long the training takes, and what the disks have free.
OBEYED = {"train": {"plan", "replay"}}


def list_inputs(name: str, stage: Pipeline) -> list[str]:
    """List what decides the result of a stage: parameters and datasets, without its own work."""
    use_case, _, kind = name.partition(".")
    return sorted(stage.inputs() - {f"{use_case}.{one}" for one in STAGES[kind]})


def describe_input(name: str, catalog: DataCatalog) -> dict[str, Any] | None:
    """Describe an input as it is now.

    Returns:
        The hash of its `value`, the commit of the `base` model, the stamps of the `files`; None if
        it cannot be told.
    """
    try:
        if name == "params:hardware":
            python = read_hardware(catalog).vllm_python
            engine = python and find_version(python)
            return _describe_value(name, [catalog.load(name), engine])
        if name.startswith("params:"):
            return _describe_value(name, catalog.load(name))
        if is_settled(name):
            return _describe_value(name, _load_settled(name, catalog))
        files = stamp(set(list_files(name, catalog)))
        return {"value": _hash_obeyed(name, catalog), "base": "", "files": files}
    except UncertainError:
        return None


def _hash_obeyed(name: str, catalog: DataCatalog) -> str:
    kind = name.rpartition(".")[2]
    if not any(kind in kinds for kinds in OBEYED.values()) or not catalog.exists(name):
        return ""
    try:
        found = catalog.load(name)
        if kind == "plan":
            chosen = {key: found["best_checkpoint"][key] for key in ("metric", "generation")}
            found = [found["inputs"], found["verdict"]["label"], chosen]
    except (DatasetError, TunelineError, KeyError) as error:  # its reader says what is wrong
        raise UncertainError(name) from error
    return _hash(found)


def _describe_value(name: str, value: Any) -> dict[str, Any]:
    files, base = set[str](), ""
    if name.endswith(RECIPE):
        keys = _read_keys(value)
        files, base = set(_list_base_files(keys)), _find_commit(keys)
    elif name.endswith(f"{RECIPE}.start_from") and value:
        files = set(_list_folder(Path(value)))
    return {"value": _hash(value), "base": base, "files": stamp(files)}


def describe_stage(
    name: str, stage: Pipeline, catalog: DataCatalog, later: Collection[str] = ()
) -> dict[str, Any]:
    """Describe everything that decides what a stage makes.

    `later` are datasets that other stages of the same run write: each is described then.

    Returns:
        Plain values: hashes of the code and of the entries of the catalog, and the `inputs`, each
        as `describe_input` gives it.
    """
    inputs = list_inputs(name, stage)
    read = [one for one in inputs if not one.startswith("params:") and not is_settled(one)]
    return {
        "code": hash_code(),
        "datasets": {one: _hash_entry(one, catalog) for one in {*read, *stage.all_outputs()}},
        "inputs": {one: describe_input(one, catalog) for one in inputs if one not in later},
    }


def describe_at_start(
    name: str, stage: Pipeline, catalog: DataCatalog, later: Collection[str]
) -> dict[str, Any]:
    """Describe a stage that is about to begin, so that a later change of a file has a later time.

    Args and returns: see `describe_stage`.
    """
    described = describe_stage(name, stage, catalog, later)
    with suppress(UncertainError):  # then no record is made at the end either
        wait_for_clock(gather_files(described))
    return described


def gather_files(described: Mapping[str, Any]) -> Stamps:
    """Gather the stamps of all files that a stage's description names."""
    files: Stamps = {}
    for one in described["inputs"].values():
        files |= one["files"] if one else {}
    return files


@cache
def hash_code() -> str:
    """Fingerprint this package, its libraries and Python."""
    package = Path(__file__).parents[1]
    files = [path for path in package.rglob("*") if path.suffix != ".pyc" and path.is_file()]
    places = {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}
    # The name of such a folder holds the version.
    libraries = sorted(path.name for one in places for path in Path(one).glob("*.dist-info"))
    return hash_text("\n".join([hash_files(files), platform.python_version(), *libraries]))


def _load_settled(name: str, catalog: DataCatalog) -> BaseModel:
    """Load recipe or machine: of a chain the plan's file, of a stage alone as it is settled."""
    kind = Recipe if name.endswith(RECIPE) else Hardware
    try:
        return kind.model_validate(_to_plain(catalog.load(name)))
    except (DatasetError, ValidationError) as error:
        raise UncertainError(name) from error


def _read_keys(recipe: Any) -> RecipeKeys:
    """Read what a recipe states by itself, whether or not the rest of it is settled."""
    return RecipeKeys.model_validate(_to_plain(recipe))


def _hash(value: Any) -> str:
    options = orjson.OPT_SORT_KEYS | orjson.OPT_NON_STR_KEYS
    return hash_text(orjson.dumps(_to_plain(value), default=repr, option=options).decode())


def _to_plain(value: Any) -> Any:
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json")
    if isinstance(value, list):
        return [_to_plain(one) for one in value]
    return asdict(value) if is_dataclass(value) and not isinstance(value, type) else value


def _hash_entry(name: str, catalog: DataCatalog) -> str:
    """Fingerprint how a dataset is read or written; of one in memory there is nothing to say."""
    if find_path(catalog, name) is None:
        return ""
    dataset: Any = catalog.get(name)
    entry = dataset._init_config()  # Kedro offers no public name
    # A run has a version of its own, which its files' names tell; what Kedro-Viz shows is no input.
    stated = {**entry, **entry.get("kwargs", {})}
    left_out = ("kwargs", "version", "metadata")
    return _hash({key: value for key, value in stated.items() if key not in left_out})


def _list_base_files(recipe: RecipeKeys) -> Iterator[str]:
    folder = Path(recipe.base_model)
    if gguf := find_gguf(recipe.base_model):
        yield str(gguf)
    elif folder.is_dir():
        yield from _list_folder(folder)
    if recipe.chat_template_path:
        yield recipe.chat_template_path
    if recipe.start_from:
        yield from _list_folder(Path(recipe.start_from))


def _list_folder(folder: Path) -> Iterator[str]:
    yield from (str(path) for path in folder.rglob("*") if path.is_file())


def _find_commit(recipe: RecipeKeys) -> str:
    if find_gguf(recipe.base_model) or Path(recipe.base_model).is_dir():
        return ""
    try:
        return find_commit(recipe.base_model, recipe.revision)
    except Exception as error:  # whatever the hub's library raises: it is not there
        raise UncertainError(recipe.base_model) from error
