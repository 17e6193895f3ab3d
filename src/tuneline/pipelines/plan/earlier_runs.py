"""What earlier runs of the same kind took, and how far their answers differed."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

from tuneline.errors import TunelineError
from tuneline.models.machine import name_processor
from tuneline.models.run_differences import (
    RunInputs,
    counts_for_answering_speed,
    counts_for_speed,
    find_differences,
)
from tuneline.parameters import Evaluation, Hardware

Record = dict[str, Any]
# What reads the scores of each evaluation of a use case, the oldest first.
ScoreVersions = dict[str, Callable[[], Record]]


@dataclass(frozen=True)
class EarlierRuns:
    """The record of the last training of the same kind, and the scores of the last evaluation."""

    training: Record | None
    evaluation: Record | None


def find_earlier_runs(
    training_records: list[Record],
    score_versions: ScoreVersions,
    inputs: RunInputs,
    evaluation: Evaluation,
    hardware: Hardware,
) -> EarlierRuns:
    """Find the last runs of the same kind on this machine."""
    return EarlierRuns(
        find_last_training(training_records, inputs, hardware),
        find_last_evaluation(score_versions, inputs, evaluation, hardware),
    )


def find_last_training(
    records: list[Record], inputs: RunInputs, hardware: Hardware
) -> Record | None:
    """Find the last record with the same base model, quantization, LoRA, packing and machine."""
    same = partial(_is_same, hardware=hardware, counts=counts_for_speed)
    return next((one for one in records if same(one.get("inputs"), one, inputs)), None)


def find_last_evaluation(
    versions: ScoreVersions, inputs: RunInputs, evaluation: Evaluation, hardware: Hardware
) -> Record | None:
    """Find the last evaluation with the same base model, decoding and machine."""
    for scores in read_scores(versions):
        run = scores["run"]
        theirs = {
            "base": run.get("base", {}),
            "recipe": {"settings": run.get("recipe", {})},
            "hardware": run.get("hardware", {}),
        }
        same = run.get("generation") == evaluation.generation and "seconds" in scores["metrics"]
        same &= bool(run.get("engine")) == bool(hardware.vllm_python)
        if same and _is_same(theirs, run, inputs, hardware, counts_for_answering_speed):
            return scores
    return None


def read_scores(versions: ScoreVersions) -> Iterator[Record]:
    """Read the scores of all versions that can be read, the newest first."""
    for load in reversed(versions.values()):
        try:
            yield load()
        except TunelineError:
            continue  # the comparison of the evaluations names it


def _is_same(
    theirs: Any,
    record: Record,
    inputs: RunInputs,
    hardware: Hardware,
    counts: Callable[[str], bool],
) -> bool:
    """Compare settings, and the processor where the one that is planned for is here."""
    if not theirs or find_differences(theirs, inputs, counts):
        return False
    return name_processor(hardware.device) in {None, record.get("device")}
