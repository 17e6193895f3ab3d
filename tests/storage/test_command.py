import errno
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import huggingface_hub.constants
import orjson
import pytest
from kedro.framework.startup import bootstrap_project

from tests.conftest import CPU, PROJECT, state_evaluation
from tests.hub.test_cleanup import add_part, add_repo
from tuneline.hub.cache import SETTINGS, VARIABLES
from tuneline.models.fingerprints import describe_inputs
from tuneline.models.tokenizer import load_tokenizer
from tuneline.parameters import Recipe
from tuneline.storage.command import ProjectStorage
from tuneline.training.checkpoints import finish, open_run, seal
from tuneline.use_cases import list_use_cases
from tuneline.utils.disks import Volume, measure_volume

pytestmark = pytest.mark.slow

MODELS = Path("data/test/06_models/product_descriptions")
EXAMPLE = {
    "id": "1",
    "prompt": [{"role": "user", "content": "Tea?"}],
    "completion": [{"role": "assistant", "content": "Tea."}],
    "meta": {},
}
PURPOSES = ("hub_cache", "checkpoints", "output")
Speak = Callable[..., str]


def kedro(folder: Path, *arguments: str, status: int = 0) -> str:
    """Type a command; give back what it says."""
    unset = {SETTINGS, *VARIABLES}
    done = subprocess.run(
        [sys.executable, "-m", "kedro", *arguments],
        cwd=folder,
        env={**{name: os.environ[name] for name in os.environ.keys() - unset}, "KEDRO_ENV": "test"},
        capture_output=True,
        text=True,
        check=False,
        timeout=1200,
    )
    assert done.returncode == status, done.stdout + done.stderr
    return done.stdout + done.stderr


def state_cache(project: Path, cache: Path) -> None:
    block = {"storage": {"hub_cache": str(cache)}}
    (project / "conf/test/parameters_storage.yml").write_text(json.dumps(block))


@pytest.fixture
def cache(project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """State a cache of its own for the machine, in a process that has imported its client."""
    for name in (SETTINGS, *VARIABLES):
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)
    state_cache(project, tmp_path / "hub")
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    # What killed processes of this very machine have left is no part of a test.
    monkeypatch.setattr("tuneline.storage.training_runs.find_scratch", list)
    return tmp_path / "hub"


@pytest.fixture
def speak(project: Path) -> Speak:
    """Do what the command does; give back what it says."""
    bootstrap_project(project)

    def do(action: str, *arguments: object) -> str:
        lines: list[str] = []
        getattr(ProjectStorage(project, "test", lines.append), action)(*arguments)
        return "\n".join(lines)

    return do


def add_run(recipe: Recipe, finished: bool = True, adapter: bool = True) -> Path:
    """Leave what a training leaves: a sealed checkpoint, and its adapter."""
    tokenizer, splits = load_tokenizer(recipe), ([EXAMPLE], [EXAMPLE])
    inputs = describe_inputs(*splits, tokenizer, recipe, CPU)
    run = open_run(MODELS / "checkpoints", inputs)
    checkpoint = run / "checkpoint-7"
    checkpoint.mkdir()
    (checkpoint / "optimizer.pt").write_bytes(b"x" * 50_000)
    seal(checkpoint)
    if finished:
        finish(run, {"released_step": 7})
    if adapter:
        folder = MODELS / "adapter" / f"version-{recipe.seed}" / "adapter"
        folder.mkdir(parents=True)
        (folder / "adapter_model.safetensors").write_bytes(b"x")
        (folder / "provenance.json").write_bytes(orjson.dumps(inputs))
    return run


def test_runs_whose_adapter_is_saved_may_go_and_all_others_stay(
    project: Path, cache: Path, recipe: Recipe, speak: Speak
):
    done, unfinished, without = (
        add_run(recipe.model_copy(update={"seed": seed}), finished, adapter)
        for seed, finished, adapter in ((1, True, True), (2, False, False), (3, True, False))
    )
    part = add_part(add_repo(cache, "owner/one"))
    (MODELS / "merged").mkdir()
    (MODELS / "merged/model.safetensors").write_bytes(b"x")

    said = speak("show")
    for words in (
        f"Hub cache {cache}: 1.2 kB in 1 repository",
        f"hf cache ls --cache-dir={cache}",
        "There is no plan yet",
        "temporary files",
        "Parts of interrupted or running downloads: 1, 4 bytes",
        "finished, its adapter is saved",
        "adapter version-1",
        "merged model",
        "unfinished; the same command goes on with it",
        "finished, no adapter",
    ):
        assert words in said, said

    said = speak("clean", False)
    assert f"checkpoints product_descriptions/{done.name}" in said
    assert unfinished.name not in said
    assert without.name not in said
    assert said.endswith("Nothing was removed. `kedro storage --clean --yes` removes it.")
    assert part.exists()
    assert done.exists()

    assert speak("clean", True).endswith(" kB were freed.")
    assert [path.exists() for path in (part, done, unfinished, without)] == [
        False,
        False,
        True,
        True,
    ]
    assert (MODELS / "adapter/version-1/adapter/adapter_model.safetensors").exists()
    assert "Nothing was removed" in speak("clean", True)


def test_what_the_folds_of_a_use_case_left_may_go_too(
    project: Path, cache: Path, recipe: Recipe, speak: Speak
):
    run = add_run(recipe)
    fold = MODELS.with_name("product_descriptions.fold_2")
    MODELS.rename(fold)
    assert run.name not in speak("show")
    state_evaluation(project, cross_fit=2)
    assert f"checkpoints product_descriptions.fold_2/{run.name}" in speak("clean", False)
    speak("clean", True)
    assert list((fold / "checkpoints").iterdir()) == []
    assert list(fold.glob("adapter/*/adapter/adapter_model.safetensors"))


def test_checkpoints_that_lie_elsewhere_stay(
    project: Path, cache: Path, recipe: Recipe, speak: Speak, tmp_path: Path
):
    run = add_run(recipe)
    shutil.move(MODELS / "checkpoints", tmp_path / "elsewhere")
    (MODELS / "checkpoints").symlink_to(tmp_path / "elsewhere")
    assert "Nothing was removed" in speak("clean", True)
    assert (tmp_path / "elsewhere" / run.name).is_dir()


def test_the_plan_is_compared_with_what_is_free_now(project: Path, cache: Path, speak: Speak):
    disk = [
        {"purpose": "hub_cache", "needed_gb": 7.6},  # the tiny base model is there: nothing needed
        {"purpose": "checkpoints", "needed_gb": 10.0**6},
        {"purpose": "output", "needed_gb": 0.1},
    ]
    path = project / "data/test/08_reporting/product_descriptions/plan.json"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps({"disk": disk}))
    said = speak("show")
    (row,) = (line for line in said.splitlines() if "1,000,000.0 GB" in line)
    assert row.split()[:5] == ["product_descriptions", "0", "bytes", "1,000,000.0", "GB"]
    assert row.endswith(f" GB missing on {measure_volume(Path()).mount}")


def test_the_documentation_shows_what_the_command_says(
    project: Path, cache: Path, recipe: Recipe, speak: Speak, monkeypatch: pytest.MonkeyPatch
):
    shown = (PROJECT / "docs/storage.md").read_text("utf-8").split("```\n")[2]
    add_run(recipe)
    for name in ("owner/one", "owner/two"):
        add_repo(cache, name)
    disk = [
        {"purpose": purpose, "needed_gb": needed}
        for purpose, needed in zip(PURPOSES, (9.0, 1.0, 0.2), strict=True)
    ]
    path = project / "data/test/08_reporting/product_descriptions/plan.json"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps({"disk": disk}))
    # Any other base model than the tiny one would have to be downloaded.
    monkeypatch.setattr("tuneline.storage.command.has_weights", lambda _: False)

    def measure(folder: Path) -> Volume:
        own = "06_models" in str(folder)
        return Volume(folder, Path("/data" if own else "/"), device=1 + own, free=int(7.6e9))

    monkeypatch.setattr("tuneline.storage.command.measure_volume", measure)
    assert generalize(shown) == generalize(speak("show"))


def generalize(said: str) -> list[str]:
    """Leave out of a text what differs from machine to machine: sizes, paths, names of runs."""
    said = re.sub(r"[\d,.]+ (?:bytes|kB|MB|GB)", "SIZE", said)
    said = re.sub(r"(?<=[ =])(?:/|data/)\S*", "PATH", said)
    said = re.sub(r"(checkpoints|adapter) \S+", r"\1 NAME", said)
    return [" ".join(line.split()) for line in said.strip().splitlines()]


def test_each_disk_is_there_once_and_lines_fit_a_terminal(
    project: Path, cache: Path, speak: Speak, monkeypatch: pytest.MonkeyPatch
):
    cache.mkdir()
    here = project.stat().st_dev

    def measure(folder: Path) -> Volume:
        mount = Path("/content/drive" if folder == cache else "/")
        return Volume(folder, mount, here + (folder == cache), free=int(7.6e9))

    monkeypatch.setattr("tuneline.storage.command.measure_volume", measure)
    unplanned = speak("show").splitlines()
    for use_case in list_use_cases():
        path = project / f"data/test/08_reporting/{use_case}/plan.json"
        path.parent.mkdir(parents=True)
        path.write_text(
            json.dumps({"disk": [{"purpose": purpose, "needed_gb": 0.1} for purpose in PURPOSES]})
        )
    said = speak("show").splitlines()
    disks = said[2 : said.index("")]
    assert [line.split()[0] for line in disks if line[2] != " "] == ["/content/drive", "/"]
    assert "checkpoints       data/test/06_models" in disks[1]
    long = [line for line in (*unplanned, *said) if len(line) > 80 and str(cache) not in line]
    assert long == []


def test_where_no_disk_takes_a_byte_the_command_still_answers(
    project: Path, cache: Path, speak: Speak, monkeypatch: pytest.MonkeyPatch
):
    """Python finds a folder for temporary files by writing into it."""

    def find_none() -> str:
        raise FileNotFoundError("No usable temporary directory found")

    monkeypatch.setattr("tempfile.gettempdir", find_none)
    assert "temporary files" in speak("show")


def test_what_the_system_does_not_let_go_is_said(
    project: Path,
    cache: Path,
    speak: Speak,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
):
    add_part(add_repo(cache, "owner/one"))

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    for name in ("os.unlink", "os.remove", "shutil.rmtree"):
        monkeypatch.setattr(name, refuse)
    monkeypatch.setattr(Path, "unlink", refuse)
    assert speak("clean", True) == "0 bytes were freed."
    assert caplog.text.count("Not removed: ") == 2
    assert "(permission denied)" in caplog.text


def test_the_command_shows_the_stated_cache(project: Path, tmp_path: Path):
    state_cache(project, tmp_path / "hub")
    assert f"Hub cache {tmp_path / 'hub'}: nothing has been" in kedro(project, "storage")


def test_the_chat_page_keeps_to_the_stated_cache(project: Path, tmp_path: Path):
    """Gradio imports huggingface_hub."""
    state_cache(project, tmp_path / "hub")
    said = kedro(project, "chat", status=1)
    assert "`product_descriptions.adapter` is not there" in said


def test_a_run_measures_the_disk_of_the_stated_cache(project: Path, tmp_path: Path):
    """The plan is made in a node; it names the cache that huggingface_hub uses there."""
    state_cache(project, tmp_path / "hub")
    reporting = project / "data/test/08_reporting/product_descriptions"
    examples = project / "data/test/05_model_input/product_descriptions"
    reporting.mkdir(parents=True)
    examples.mkdir(parents=True)
    for split in ("train", "validation", "test"):
        (examples / f"{split}.jsonl").write_bytes(orjson.dumps(EXAMPLE) + b"\n")
    (examples / "replay.jsonl").write_bytes(b"")
    (reporting / "token_report.csv").write_text(
        "split,id,prompt_tokens,completion_tokens,tokens,fits,control_tokens\ntrain,1,3,3,6,True,\n"
    )
    kedro(project, "run", "--nodes=plan.choose_recipe,plan.make_plan")
    plan = json.loads((reporting / "plan.json").read_text())
    folders = {place["purpose"]: place["folder"] for place in plan["disk"]}
    assert folders["hub_cache"] == str(tmp_path / "hub")
