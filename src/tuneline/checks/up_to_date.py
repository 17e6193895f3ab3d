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


def describe_stage(name: str, stage: Pipeline, catalog: DataCatalog) -> dict[str, Any]:
    """Describe everything that decides what a stage makes.

    Args:
        name: `<use_case>.<stage>`.
        stage: its nodes.
        catalog: its data and parameters.

    Returns:
        Plain values: hashes of the code, the parameters and the entries of the catalog, and the
        stamps of the files that are read.

    Raises:
        UncertainError: if it cannot be told.
    """
    use_case, _, kind = name.partition(".")
    own = {f"{use_case}.{one}" for one in STAGES[kind]}
    parameters = sorted(one for one in stage.inputs() if one.startswith("params:"))
    settled = sorted(filter(is_settled, stage.inputs()))
    read = sorted(stage.inputs() - {*parameters, *settled} - own)
    values = {one: catalog.load(one) for one in parameters}
    values |= {one: _load_settled(one, catalog) for one in settled}
    files = {path for one in read for path in _list_files(one, catalog)}
    for one, value in values.items():
        if one.endswith(".recipe"):
            files |= set(_list_base_files(_read_keys(value)))
        elif one.endswith(".recipe.start_from") and value:
            files |= set(_list_folder(Path(value)))
    return {
        "code": hash_code(),
        "parameters": {one: _hash(value) for one, value in values.items()},
        "base": [
            _find_commit(_read_keys(value))
            for one, value in values.items()
            if one.endswith(".recipe")
        ],
        "datasets": {one: _hash_entry(one, catalog) for one in (*read, *stage.all_outputs())},
        "files": _stamp(files),
    }


def describe_at_start(name: str, stage: Pipeline, catalog: DataCatalog) -> dict[str, Any] | None:
    """Describe a stage that is about to begin; None if it cannot be told what decides it."""
    try:
        inputs = describe_stage(name, stage, catalog)
        _wait_for_clock(inputs["files"])
    except UncertainError:
        return None
    return inputs


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
        inputs: as `describe_stage` gave them before the stage read anything. If they are others by
            now, nothing is recorded.
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
        if _leave_out(inputs, outputs) != now or stamp_outputs(stage, catalog) != outputs:
            return None
    except UncertainError:
        return None
    return {"inputs": now, "outputs": outputs}


def _leave_out(inputs: dict[str, Any], made: Stamps) -> dict[str, Any]:
    """Leave out what the stage wrote itself: an evaluation reads the scores of all of them.

    And what is not there: before the first evaluation that is the folder of all scores.
    """
    files = {one: stamp for one, stamp in inputs["files"].items() if stamp and one not in made}
    return {**inputs, "files": files}


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
