"""Whether a stage would only make again what is there already.

A stage that has ended well leaves a record of everything that decides what it makes, and of what
it has made. It is up to date if all of that is the same today. Nothing is guessed: whatever cannot
be told for certain (a remote file, a disk that keeps no exact times) counts as a change, and only
whole stages that act on nothing but their own files are looked at (`stage_inputs.STAGES`).

A stage whose inputs have changed while it ran leaves no record.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from kedro.io import DataCatalog
from kedro.pipeline import Pipeline

from tuneline.checks.file_stamps import (
    Stamps,
    UncertainError,
    list_files,
    stamp,
    wait_for_clock,
)
from tuneline.checks.stage_inputs import OBEYED, STAGES, describe_stage, gather_files
from tuneline.errors import TunelineError
from tuneline.utils.disks import find_path
from tuneline.utils.hashing import read_sealed, write_sealed

FOLDER = ".stages"
AGAIN = "run the stage again"


def name_stage(pipeline: Pipeline, whole: Mapping[str, Pipeline]) -> str | None:
    """Name the stage that a run is.

    None if it is a part of a stage, several, or one that always runs.
    """
    stages = list(list_stages(pipeline, whole))
    is_one = len(stages) == 1 and {*pipeline.nodes} == {*whole[stages[0]].nodes}
    return stages[0] if is_one else None


def list_stages(pipeline: Pipeline, whole: Mapping[str, Pipeline]) -> Iterator[str]:
    """List the stages that a run has all nodes of, of those that can be up to date."""
    tags = {tag for node in pipeline.nodes for tag in node.tags} & STAGES.keys()
    written = {name.partition(".")[0] for name in pipeline.all_outputs() if "." in name}
    for use_case in sorted(written):
        for stage in sorted(tags):
            name = f"{use_case}.{stage}"
            if name in whole and set(whole[name].nodes) <= set(pipeline.nodes):
                yield name


def stamp_outputs(stage: Pipeline, catalog: DataCatalog) -> Stamps:
    """Stamp the files that a stage writes; what passes through memory alone has none."""
    names = [one for one in stage.all_outputs() if find_path(catalog, one) is not None]
    return stamp({path for one in names for path in list_files(one, catalog)})


def is_up_to_date(folder: Path, name: str, stage: Pipeline, catalog: DataCatalog) -> bool:
    """Tell whether a stage would make again what is there."""
    path = _name_record(folder, name)
    if not path.is_file():
        return False
    try:
        record = read_sealed(path, AGAIN)
        made = stamp_outputs(stage, catalog)
        if None in made.values() or record["outputs"] != made:
            return False
        return bool(
            record["inputs"] == _leave_out(name, describe_stage(name, stage, catalog), made)
        )
    except (UncertainError, TunelineError, KeyError):
        return False


def record_stage(
    folder: Path, name: str, stage: Pipeline, catalog: DataCatalog, inputs: dict[str, Any]
) -> None:
    """Record that a stage is up to date.

    `inputs` are as `describe_stage` gave them before the stage read anything, with those that the
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
        wait_for_clock(outputs)
        now = _leave_out(name, describe_stage(name, stage, catalog), outputs)
        wait_for_clock(gather_files(now))
        if None in now["inputs"].values() or _leave_out(name, inputs, outputs) != now:
            return None
        if stamp_outputs(stage, catalog) != outputs:
            return None
    except UncertainError:
        return None
    return {"inputs": now, "outputs": outputs}


def _leave_out(stage: str, described: dict[str, Any], made: Stamps) -> dict[str, Any]:
    """Leave out what the stage wrote itself: an evaluation reads the scores of all of them.

    And what is not there: before the first evaluation that is the folder of all scores. And when
    that was written of which the stage obeys what it says.
    """
    inputs, obeyed = dict(described["inputs"]), OBEYED.get(stage.partition(".")[2], set())
    for name, one in inputs.items():
        if one:
            files = {path: at for path, at in one["files"].items() if at and path not in made}
            inputs[name] = {**one, "files": {} if name.rpartition(".")[2] in obeyed else files}
    return {**described, "inputs": inputs}


def _name_record(folder: Path, name: str) -> Path:
    return folder / FOLDER / f"{name}.json"
