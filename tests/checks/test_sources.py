"""Where settings come from: `base`, the machine, `conf/local`, the command line."""

from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import ValidationError

from tests.commands import kedro
from tests.conftest import PROJECT
from tuneline.checks.configuration_files import SoftConfigLoader
from tuneline.checks.merged_settings import find_source, list_settings
from tuneline.parameters import UseCase
from tuneline.parameters.base import flatten
from tuneline.settings import CONFIG_LOADER_ARGS
from tuneline.use_cases import list_use_cases

USE_CASE = "product_descriptions"


@pytest.fixture
def local(project: Path) -> Path:
    """State something of one's own in a copy of the project."""
    path = project / "conf/local/parameters.yml"
    path.parent.mkdir(exist_ok=True)
    path.write_text(
        f"{USE_CASE}: {{recipe: {{max_length: 77}}}}\nhardware: {{memory_gb: 3.5}}\n", "utf-8"
    )
    (project / "conf/local/globals.yml").write_text("data: elsewhere\n", "utf-8")
    (project / "conf/local/credentials.yml").write_text("mine: {key: secret}\n", "utf-8")
    return project


def load(project: Path, env: str | None, params: dict[str, Any] | None = None) -> SoftConfigLoader:
    return SoftConfigLoader(
        str(project / "conf"), env=env, runtime_params=params, **CONFIG_LOADER_ARGS
    )


@pytest.mark.parametrize("env", [None, "base", "test", "colab_free", "multi_gpu"])
def test_what_conf_local_states_counts_on_every_machine(env: str | None, local: Path):
    loader = load(local, env)
    assert loader["parameters"][USE_CASE]["recipe"]["max_length"] == 77
    assert loader["parameters"]["hardware"]["memory_gb"] == 3.5
    assert loader["globals"]["data"] == "elsewhere"
    assert loader["credentials"]["mine"] == {"key": "secret"}
    assert loader["catalog"]["{use_case}.clean"]["filepath"].startswith("elsewhere/")
    assert find_source(loader, f"{USE_CASE}.recipe.max_length") == "conf/local/parameters.yml"


def test_the_command_line_counts_most(local: Path):
    loader = load(local, "test", {USE_CASE: {"recipe": {"max_length": 5}}})
    assert loader["parameters"][USE_CASE]["recipe"]["max_length"] == 5
    assert find_source(loader, f"{USE_CASE}.recipe.max_length") == "--params"


def test_local_as_a_machine_is_read_once(local: Path):
    parameters = load(local, "local")["parameters"]
    assert parameters["hardware"]["memory_gb"] == 3.5
    assert parameters["hardware"]["device"] == "cuda"  # of base


def test_blocks_have_the_seed_of_their_use_case_unless_they_state_one(project: Path):
    block = {"seed": 11, "recipe": {"seed": 12}}
    found = load(project, "test", {USE_CASE: block})["parameters"][USE_CASE]
    seeds = (found["data"]["split"]["seed"], found["recipe"]["seed"], found["evaluation"]["seed"])
    assert seeds == (11, 12, 11)
    assert "synthesize" not in found


def test_every_setting_is_listed_with_what_states_it(local: Path):
    listed = {one.key: one for one in list_settings(load(local, "test"), USE_CASE)}
    stated = {name: (one.value, one.source) for name, one in listed.items()}
    assert stated[f"{USE_CASE}.recipe.max_length"] == ("77", "conf/local/parameters.yml")
    assert stated["hardware.memory_gb"] == ("3.5", "conf/local/parameters.yml")
    assert stated[f"{USE_CASE}.recipe.packing"] == ("true", "default")
    own = f"conf/base/{USE_CASE}/parameters.yml"
    assert stated[f"{USE_CASE}.recipe.lora.r"][1] in {own, own.replace("base", "test")}
    assert stated[f"{USE_CASE}.data.split.seed"] == ("3407", own)


def test_the_command_prints_them_for_a_use_case_on_a_machine(local: Path):
    done = kedro(local, "settings", "shoe_mould", "--env=test")
    assert done.returncode == 0, done.stderr
    rows = [line.split() for line in done.stdout.splitlines()]
    assert ["hardware.memory_gb", "3.5", "conf/local/parameters.yml"] in rows
    assert ["shoe_mould.seed", "8888", "conf/base/shoe_mould/parameters.yml"] in rows
    assert not any(row[0].startswith(USE_CASE) for row in rows)


@pytest.mark.parametrize("use_case", list_use_cases())
def test_the_shipped_yaml_repeats_no_default(use_case: str):
    path = PROJECT / "conf/base" / use_case / "parameters.yml"
    stated = yaml.safe_load(path.read_text("utf-8"))[use_case]
    whole = UseCase.model_validate(stated)
    assert [key for key in flatten(stated) if read_without(stated, key) == whole] == []


def read_without(stated: dict[str, Any], key: str) -> UseCase | None:
    """Read a use case without one of its keys; None if it must be stated."""
    *path, last = key.split(".")
    rest = block = deepcopy(stated)
    for part in path:
        block = block[part]
    del block[last]
    try:
        return UseCase.model_validate(rest)
    except ValidationError:
        return None
