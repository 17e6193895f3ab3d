"""One flipped bit in a file: the command that reads it names the file, or makes it anew."""

import json
import os
import re
import shutil
import signal
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.guarantees import commands
from tests.guarantees.comparison import find_differences, read_comparable
from tests.guarantees.moments import Watch
from tests.guarantees.names import is_final
from tests.guarantees.reference import Reference
from tests.guarantees.small_project import DATA, STEPS, Step
from tests.guarantees.system_calls import Call

pytestmark = pytest.mark.slow

STEP = {step.name: step for step in STEPS}
# A digit or a letter in the middle of a text, so that the file can still be parsed: what no
# parser finds. After a space it is in prose.
PROSE, WORD = re.compile(rb" [B-Zb-z](?=[a-z]{2})"), re.compile(rb"[2-9B-Zb-z](?=[0-9a-z])")
ADAPTER = "06_models/*/adapter/*/adapter"
CHECKPOINT = "06_models/*/checkpoints/*/checkpoint-4"
# Of a finished run this one is read: the step that its finished.json names.
RELEASED = "checkpoint-released"
CACHES = "07_model_output/*"


@dataclass(frozen=True)
class Case:
    """A file, the command that reads it, and after which step it lies there."""

    pattern: str
    reads: Step
    after: Step

    def __str__(self) -> str:
        return f"{self.pattern.removeprefix('06_models/*/')} read by {self.reads.name}"


def cases(folder: str, names: str, reads: str, after: str) -> list[Case]:
    return [Case(f"{folder}/{name}", STEP[reads], STEP[after]) for name in names.split()]


PEFT = "adapter_model.safetensors adapter_config.json tokenizer.json tokenizer_config.json"
INTERRUPTED = cases(
    CHECKPOINT,
    f"{PEFT} chat_template.jinja optimizer.pt scheduler.pt rng_state.pth training_args.bin "
    "trainer_state.json sealed.json",
    "train",
    "plan",
) + cases("06_models/*/checkpoints/*", "best_checkpoint.json", "train", "plan")
READ_AGAIN = [
    *cases(
        "06_models/*/checkpoints/*",
        f"finished.json {RELEASED}/optimizer.pt",
        "train",
        "train",
    ),
    *cases(ADAPTER, f"{PEFT} chat_template.jinja provenance.json", "evaluate", "train"),
    *cases(ADAPTER, "adapter_model.safetensors", "ask", "evaluate"),
    *cases(ADAPTER, "adapter_model.safetensors", "merge", "ask"),
    *cases(ADAPTER, "adapter_model.safetensors", "publish", "merge"),
    *cases(CACHES, "answer_cache.jsonl", "evaluate", "evaluate"),
    *cases(CACHES, "ask_cache.jsonl", "ask", "ask"),
    *cases("08_reporting/*", "plan.json", "train", "plan"),
    *cases("08_reporting/*", "scores.json/*/scores.json", "publish", "merge"),
    *cases("08_reporting/*", "training_record.json", "publish", "merge"),
]
MADE_ANEW = [
    *cases("06_models/*/merged", "model.safetensors config.json", "merge", "merge"),
    *cases("06_models/*/release", "adapter_model.safetensors README.md", "publish", "publish"),
]


def flip(path: Path) -> None:
    """Flip one bit near the middle."""
    content = bytearray(path.read_bytes())
    middle = len(content) // 2
    if path.suffix in {".json", ".jsonl", ".jinja", ".md"}:
        found = PROSE.search(content, middle) or PROSE.search(content)
        found = found or WORD.search(content, middle) or WORD.search(content)
        assert found
        middle = found.end() - 1
    content[middle] ^= 1
    path.write_bytes(content)


def find_one(data: Path, pattern: str) -> Path:
    """Find the file, the newest of several."""
    run, released, name = pattern.partition(RELEASED)
    if released:
        finished = json.loads(find_one(data, f"{run}finished.json").read_text("utf-8"))
        pattern = f"{run}checkpoint-{finished['released_step']}{name}"
    return sorted(path for path in data.glob(pattern) if is_final(path.relative_to(data)))[-1]


class KillBeforeFinished(Watch):
    """Kills a training that has sealed its last checkpoint."""

    def see(self, call: Call, event: object) -> bool:
        if "finished.json" in call.path.name:
            os.killpg(os.getpgid(call.process), signal.SIGKILL)
        return True


def check_named(reference: Reference, case: Case, project: Path) -> None:
    """Run what reads the file: it is named, and whatever ends well ends as it should."""
    path = find_one(project / DATA, case.pattern)
    flip(path)
    ended = commands.run(project, case.reads.command)
    # A checkpoint is given up as a whole.
    names = {path.name, path.parent.name if "checkpoint" in path.parent.name else path.name}
    named = any(name in ended.output for name in names)
    assert named, f"nothing names {path.name}: status {ended.status}, {ended.output[-1500:]}"
    assert "Traceback" not in ended.output
    if ended.status == 0:
        made = reference.made[case.reads.name].content
        differences = find_differences(project / DATA, made, newest=True)
        assert [one for one in differences if one.split(": ")[0] in made] == []


@pytest.fixture(scope="module")
def interrupted(reference: Reference, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project whose training was killed when its last checkpoint was sealed."""
    project = tmp_path_factory.mktemp("interrupted") / "project"
    reference.restore(STEP["plan"], project, after=True)
    killed = commands.run(project, STEP["train"].command, KillBeforeFinished(project))
    assert killed.status == -signal.SIGKILL, killed.output
    return project


@pytest.mark.parametrize("case", INTERRUPTED, ids=str)
def test_a_checkpoint_with_a_flipped_bit(
    reference: Reference, interrupted: Path, case: Case, tmp_path: Path
):
    project = shutil.copytree(interrupted, tmp_path / "project", symlinks=True)
    check_named(reference, case, project)


@pytest.mark.parametrize("case", READ_AGAIN, ids=str)
def test_a_file_with_a_flipped_bit(reference: Reference, case: Case, tmp_path: Path):
    project = tmp_path / "project"
    reference.restore(case.after, project, after=True)
    check_named(reference, case, project)


@pytest.mark.parametrize("case", MADE_ANEW, ids=str)
def test_a_made_file_with_a_flipped_bit_is_named_or_made_anew(
    reference: Reference, case: Case, tmp_path: Path
):
    project = tmp_path / "project"
    reference.restore(case.after, project, after=True)
    path = find_one(project / DATA, case.pattern)
    whole = read_comparable(path, project / DATA)
    flip(path)
    ended = commands.run(project, case.reads.command)
    anew = path.exists() and read_comparable(path, project / DATA) == whole
    assert anew or path.name in ended.output, ended.output
