"""A small copy of the project, and shortcuts into it."""

import contextlib
import gc
import gzip
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest
import yaml
from filelock import FileLock
from hypothesis import HealthCheck, settings
from kedro.framework.session import KedroSession
from kedro.framework.startup import bootstrap_project

from scripts.samples.product_descriptions import generate_lines
from tests.hub_server import TOKEN, HubServer, read_token, serve_hub
from tuneline.models.adapter import Adapter, read_adapter
from tuneline.parameters import Data, Hardware, Recipe, UseCase
from tuneline.parameters.chosen import PLACEHOLDERS
from tuneline.use_cases import list_use_cases

# How long an example takes says how busy the machine is, and nothing about the code.
settings.register_profile(
    "any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("any machine")

PROJECT = Path(__file__).parents[1]
PERSONA = Path("data/01_raw/persona_dialogues")
RAW = Path("data/01_raw/product_descriptions/trn.json.gz")
TINY_BASE = Path("data/06_models/tiny_base")
MAIN = "product_descriptions"
SAMPLE_ROWS = 1500
CPU = Hardware(
    name="test CPU",
    device="cpu",
    dtype="float32",  # on every processor, as conf/test states it
    memory_gb=8,
    tokens_per_batch=256,
    per_device_train_batch_size=4,
    per_device_eval_batch_size=8,
    gradient_checkpointing=False,
    attn_implementation="sdpa",
)


def write_raw(path: Path, lines: list[str]) -> None:
    """Write raw rows as the file that the catalog names."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress("".join(f"{line}\n" for line in lines).encode()))


def copy_project(folder: Path) -> Path:
    """Copy what a run needs: configuration, a part of the sample, the tiny base model."""
    mine = shutil.ignore_patterns("local")  # what a developer states there is no part of a test
    shutil.copytree(PROJECT / "conf", folder / "conf", ignore=mine)
    (folder / "conf/local").mkdir()
    for name in ("pyproject.toml", ".telemetry"):
        shutil.copy(PROJECT / name, folder)
    (folder / "src").mkdir()
    (folder / "src/tuneline").symlink_to(PROJECT / "src/tuneline")
    shutil.copytree(PROJECT / TINY_BASE, folder / TINY_BASE)
    shutil.copytree(PROJECT / PERSONA, folder / PERSONA)
    write_raw(folder / RAW, list(generate_lines(SAMPLE_ROWS)))
    return folder


def state_evaluation(folder: Path, **keys: object) -> None:
    """State keys of `evaluation` in the base of the main use case."""
    path = folder / "conf/base/product_descriptions/parameters.yml"
    values = yaml.safe_load(path.read_text("utf-8"))
    values["product_descriptions"]["evaluation"] |= keys
    path.write_text(yaml.safe_dump(values, sort_keys=False, allow_unicode=True), "utf-8")


def link_samples(folder: Path) -> Path:
    """Put the whole tracked samples of all use cases into a copy of the project."""
    shutil.rmtree(folder / "data/01_raw")
    (folder / "data/01_raw").symlink_to(PROJECT / "data/01_raw")
    return folder


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in a fresh copy of the project."""
    folder = copy_project(tmp_path / "project")
    monkeypatch.chdir(folder)
    return folder


def make_once(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], object]) -> Path:
    """Make a folder for all processes that test; who comes while it is made waits.

    Args:
        factory: of this process's folders.
        name: of the folder.
        make: makes it and fills it.
    """
    base = factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / name
    made = folder.with_suffix(".made")
    with FileLock(folder.with_suffix(".lock")):
        if not made.exists():
            make(folder)
            made.touch()
    return folder


@pytest.fixture(scope="session")
def finished_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Run the whole chain once, in the environment `test`; answer with a copy of the project."""
    made = make_once(tmp_path_factory, "finished", run_main_use_case)
    mine = tmp_path_factory.mktemp("finished") / "project"
    return Path(shutil.copytree(made, mine, symlinks=True))


@pytest.fixture(scope="session")
def finished_runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Run every use case once, and the overview; answer with a copy of the project."""
    main = make_once(tmp_path_factory, "finished", run_main_use_case)

    def run_others(folder: Path) -> None:
        link_samples(shutil.copytree(main, folder, symlinks=True))
        run_in(folder, *(name for name in list_use_cases() if name != MAIN), "overview")

    made = make_once(tmp_path_factory, "all_finished", run_others)
    mine = tmp_path_factory.mktemp("all_finished") / "project"
    return Path(shutil.copytree(made, mine, symlinks=True))


def run_main_use_case(folder: Path) -> None:
    run_in(copy_project(folder), "__default__")


def run_in(folder: Path, *names: str) -> None:
    """Run pipelines one after the other, as if typed in a project's folder."""
    with contextlib.chdir(folder):
        for name in names:
            run(folder, name)


def run(folder: Path, pipeline: str = "__default__", **options: object) -> None:
    """Run a pipeline in the environment `test`."""
    bootstrap_project(folder)
    with KedroSession.create(folder, env="test", **options) as session:  # type: ignore[arg-type]
        session.run(pipeline_names=[pipeline])


@pytest.fixture
def read_lines() -> Callable[[Path], list[dict]]:
    """Read a file of JSON lines."""
    return lambda path: [orjson.loads(line) for line in path.read_bytes().splitlines()]


def load_parameters() -> UseCase:
    """Read the typed parameters of the main use case in the environment `test`."""
    from tuneline.settings import CONFIG_LOADER_ARGS, CONFIG_LOADER_CLASS

    loader = CONFIG_LOADER_CLASS(str(PROJECT / "conf"), env="test", **CONFIG_LOADER_ARGS)
    loaded = UseCase.model_validate(loader["parameters"]["product_descriptions"])
    stated = loaded.recipe.model_copy(update={"base_model": str(PROJECT / TINY_BASE)})
    recipe = stated.settle({**PLACEHOLDERS, "global_batch_size": 8})
    return loaded.model_copy(update={"recipe": recipe})


@pytest.fixture(scope="session")
def parameters() -> UseCase:
    """Give the typed parameters of the main use case in the environment `test`."""
    return load_parameters()


@pytest.fixture
def data(parameters: UseCase) -> Data:
    """Give the data block."""
    return parameters.data


@pytest.fixture
def recipe(parameters: UseCase) -> Recipe:
    """Give the recipe, whose base model is the tiny one."""
    return parameters.recipe


def extract_adapter(model: Any, tokenizer: Any, provenance: dict[str, Any]) -> Adapter:
    """Take the adapter out of a PeftModel, by way of the files that PEFT writes."""
    with tempfile.TemporaryDirectory() as folder:
        model.save_pretrained(folder)
        return read_adapter(Path(folder), tokenizer, provenance)


@pytest.fixture
def hardware() -> Hardware:
    """Give a CPU."""
    return CPU


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[HubServer]:
    """Let the client talk to a hub of our own, whose large files come by LFS."""
    from huggingface_hub import constants

    with serve_hub(HubServer(tmp_path / "hub")) as server:
        monkeypatch.setattr(constants, "ENDPOINT", server.url)
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
        monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
        monkeypatch.setenv("HF_TOKEN", TOKEN)
        server.tokens[TOKEN] = read_token("write")
        yield server


@pytest.hookimpl(tryfirst=True)  # before `-m` chooses
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark as slow what needs a whole run or a browser, and begin with the file that takes longest.

    A process works on one file at a time.
    """
    for item in items:
        if {"finished_run", "finished_runs", "browser"} & {*getattr(item, "fixturenames", ())}:
            item.add_marker("slow")
    items.sort(key=lambda item: item.path.name != "test_documentation.py")


def pytest_collection_finish() -> None:
    """Spare all that was imported from the collection of garbage, which every training does."""
    gc.collect()
    gc.freeze()
