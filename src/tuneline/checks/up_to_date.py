"""Whether a stage would only make again what is there already.

A stage that has ended well leaves a record of everything that decides what it makes, and of what
it has made. It is up to date if all of that is the same today. Nothing is guessed: whatever cannot
be told for certain (a remote file, a disk that keeps no exact times) counts as a change, and only
whole stages that act on nothing but their own files are looked at (`STAGES`).

Files are told by size, time of change, time of the change of their entry, and place on the disk.
No program can set the third back, and a record is written only once the last change is older than
the clock's grain, so that a later one cannot have the same time. A stage whose inputs have changed
while it ran leaves no record.
"""

import platform
import sysconfig
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict, is_dataclass
from functools import cache
from pathlib import Path
from typing import Any

import orjson
from kedro.io import AbstractVersionedDataset, DataCatalog
from kedro.io.core import DatasetError
from kedro.pipeline import Pipeline
from pydantic import BaseModel, ValidationError

from tuneline.checks.recipes import RECIPE, is_settled
from tuneline.errors import TunelineError
from tuneline.hub.cache import find_commit
from tuneline.hub.gguf import find_gguf
from tuneline.parameters import Hardware, Recipe
from tuneline.parameters.training import RecipeKeys
from tuneline.utils.hashing import hash_files, hash_text, read_sealed, write_sealed

# By stage, the inputs that are its own work of earlier times, with or without which it makes the
# same. The others ask servers, publish, answer, or depend on programs of this machine.
STAGES: dict[str, set[str]] = {
    "prepare": {"cleaning_folder"},
    "plan": set(),
    "train": {"checkpoints"},
    "evaluate": {"answer_cache"},
}
# Longer than the time between two ticks of the clock that files get their times from.
GRAIN_NS = 50_000_000
SECOND_NS = 1_000_000_000
FOLDER = ".stages"
AGAIN = "run the stage again"

Stamps = dict[str, list[int] | None]


class UncertainError(Exception):
    """Whether something has changed cannot be told."""


def name_stage(pipeline: Pipeline, whole: Mapping[str, Pipeline]) -> str | None:
    """Name the stage that a run is.

    Args:
        pipeline: what is to run.
        whole: all pipelines by their names.

    Returns:
        `<use_case>.<stage>`; None if it is a part of a stage, several, or one that always runs.
    """
    stages = list(list_stages(pipeline, whole))
    return stages[0] if len(stages) == 1 and _is_whole(pipeline, whole[stages[0]]) else None


def list_stages(pipeline: Pipeline, whole: Mapping[str, Pipeline]) -> Iterator[str]:
    """List the stages that a run has all nodes of, of those that can be up to date."""
    tags = {tag for node in pipeline.nodes for tag in node.tags} & STAGES.keys()
    written = {name.partition(".")[0] for name in pipeline.all_outputs() if "." in name}
    for use_case in sorted(written):
        for stage in sorted(tags):
            name = f"{use_case}.{stage}"
            if name in whole and set(whole[name].nodes) <= set(pipeline.nodes):
                yield name


def _is_whole(pipeline: Pipeline, stage: Pipeline) -> bool:
    return set(pipeline.nodes) == set(stage.nodes)


def list_inputs(name: str, stage: Pipeline) -> list[str]:
    """List what decides the result of a stage: parameters and datasets, without its own work."""
    use_case, _, kind = name.partition(".")
    return sorted(stage.inputs() - {f"{use_case}.{one}" for one in STAGES[kind]})


def describe_input(name: str, catalog: DataCatalog) -> dict[str, Any] | None:
    """Describe an input as it is now.

    Args:
        name: of a dataset or of parameters.
        catalog: has it.

    Returns:
        The hash of its `value`, the commit of the `base` model, the stamps of the `files`; None if
        it cannot be told.
    """
    try:
        if name.startswith("params:"):
            return _describe_value(name, catalog.load(name))
        if is_settled(name):
            return _describe_value(name, _load_settled(name, catalog))
        return {"value": "", "base": "", "files": _stamp(set(_list_files(name, catalog)))}
    except UncertainError:
        return None


def _describe_value(name: str, value: Any) -> dict[str, Any]:
    files, base = set[str](), ""
    if name.endswith(RECIPE):
        keys = _read_keys(value)
        files, base = set(_list_base_files(keys)), _find_commit(keys)
    elif name.endswith(f"{RECIPE}.start_from") and value:
        files = set(_list_folder(Path(value)))
    return {"value": _hash(value), "base": base, "files": _stamp(files)}


def describe_stage(
    name: str, stage: Pipeline, catalog: DataCatalog, later: set[str] | None = None
) -> dict[str, Any]:
    """Describe everything that decides what a stage makes.

    Args:
        name: `<use_case>.<stage>`.
        stage: its nodes.
        catalog: its data and parameters.
        later: what other stages of the same run write: each is described once it is written.

    Returns:
        Plain values: hashes of the code and of the entries of the catalog, and the `inputs`, each
        as `describe_input` gives it.
    """
    inputs = list_inputs(name, stage)
    read = [one for one in inputs if not one.startswith("params:") and not is_settled(one)]
    return {
        "code": hash_code(),
        "datasets": {one: _hash_entry(one, catalog) for one in {*read, *stage.all_outputs()}},
        "inputs": {one: describe_input(one, catalog) for one in inputs if one not in (later or ())},
    }


def wait_for_clock(described: Mapping[str, Any]) -> None:
    """Wait until a change of a described file would have a later time than it has."""
    with suppress(UncertainError):  # such a record is not written
        _wait_for_clock(_gather_files(described))


def _gather_files(described: Mapping[str, Any]) -> Stamps:
    files: Stamps = {}
    for one in described["inputs"].values():
        files |= one["files"] if one else {}
    return files


def stamp_outputs(stage: Pipeline, catalog: DataCatalog) -> Stamps:
    """Stamp the files that a stage writes; what passes through memory alone has none."""
    names = [one for one in stage.all_outputs() if _find_path(one, catalog) is not None]
    return _stamp({path for one in names for path in _list_files(one, catalog)})


def is_up_to_date(folder: Path, name: str, stage: Pipeline, catalog: DataCatalog) -> bool:
    """Tell whether a stage would make again what is there.

    Args:
        folder: of all data.
        name: `<use_case>.<stage>`.
        stage: its nodes.
        catalog: its data and parameters.
    """
    path = _name_record(folder, name)
    if not path.is_file():
        return False
    try:
        record = read_sealed(path, AGAIN)
        made = stamp_outputs(stage, catalog)
        if None in made.values() or record["outputs"] != made:
            return False
        return bool(record["inputs"] == _leave_out(describe_stage(name, stage, catalog), made))
    except (UncertainError, TunelineError, KeyError):
        return False


def record_stage(
    folder: Path, name: str, stage: Pipeline, catalog: DataCatalog, inputs: dict[str, Any]
) -> None:
    """Record that a stage is up to date.

    Args:
        folder: of all data.
        name: `<use_case>.<stage>`.
        stage: its nodes.
        catalog: its data and parameters.
        inputs: as `describe_stage` gave them before the stage read anything, with those that the
            run has written. If they are others by now, nothing is recorded.
    """
    path = _name_record(folder, name)
    record = _make_record(stage, name, catalog, inputs)
    if record is None:
        path.unlink(missing_ok=True)
    else:
        write_sealed(path, record)


def _make_record(
    stage: Pipeline, name: str, catalog: DataCatalog, inputs: dict[str, Any]
) -> dict[str, Any] | None:
    try:
        outputs = stamp_outputs(stage, catalog)
        _wait_for_clock(outputs)
        now = _leave_out(describe_stage(name, stage, catalog), outputs)
        _wait_for_clock(_gather_files(now))
        if None in now["inputs"].values() or _leave_out(inputs, outputs) != now:
            return None
        if stamp_outputs(stage, catalog) != outputs:
            return None
    except UncertainError:
        return None
    return {"inputs": now, "outputs": outputs}


def _leave_out(described: dict[str, Any], made: Stamps) -> dict[str, Any]:
    """Leave out what the stage wrote itself: an evaluation reads the scores of all of them.

    And what is not there: before the first evaluation that is the folder of all scores.
    """
    inputs = dict(described["inputs"])
    for name, one in inputs.items():
        if one:
            files = {path: at for path, at in one["files"].items() if at and path not in made}
            inputs[name] = {**one, "files": files}
    return {**described, "inputs": inputs}


def _name_record(folder: Path, name: str) -> Path:
    return folder / FOLDER / f"{name}.json"


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
    if _find_path(name, catalog) is None:
        return ""
    dataset: Any = catalog.get(name)
    entry = dataset._init_config()  # Kedro offers no public name
    # A run has a version of its own, which its files' names tell; what Kedro-Viz shows is no input.
    stated = {**entry, **entry.get("kwargs", {})}
    left_out = ("kwargs", "version", "metadata")
    return _hash({key: value for key, value in stated.items() if key not in left_out})


def _find_path(name: str, catalog: DataCatalog) -> str | None:
    dataset: Any = catalog.get(name)
    if isinstance(dataset, AbstractVersionedDataset) and dataset.exists():
        return str(dataset._get_load_path())
    path = getattr(dataset, "_filepath", None) or getattr(dataset, "_path", None)
    return None if path is None else str(path)


def _list_files(name: str, catalog: DataCatalog) -> Iterator[str]:
    """List the files of a dataset; one that is not there is listed, too."""
    place = _find_path(name, catalog)
    if place is None or "::" in place or "://" in place.removeprefix("file://"):
        raise UncertainError(name)
    path = Path(place.removeprefix("file://"))
    if "*" in place:
        root = Path(place.partition("*")[0]).parent
        found = list(root.glob(str(path.relative_to(root))))
    elif path.is_dir():
        found = list(path.glob(getattr(catalog.get(name), "_pattern", "**/*")))
    else:
        found = [path]
    for one in found:
        if not one.is_dir() and not one.name.startswith("."):
            yield str(one)


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


def _stamp(paths: set[str]) -> Stamps:
    stamps: Stamps = {}
    for path in sorted(paths):
        try:
            state = Path(path).stat()
        except FileNotFoundError:
            stamps[path] = None
            continue
        if state.st_ctime_ns % SECOND_NS == 0:  # this disk keeps whole seconds, or no such time
            raise UncertainError(path)
        stamps[path] = [state.st_size, state.st_mtime_ns, state.st_ctime_ns, state.st_ino]
    return stamps


def _wait_for_clock(stamps: Stamps) -> None:
    """Wait until a change from now on would have a later time than all that are recorded."""
    last = max((max(one[1:3]) for one in stamps.values() if one), default=0)
    left = GRAIN_NS - (time.time_ns() - last)
    if 0 < left <= GRAIN_NS:
        time.sleep(left / SECOND_NS)
    elif left > GRAIN_NS:
        raise UncertainError("a file is from the future")
