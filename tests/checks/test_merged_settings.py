"""Where settings come from: `base`, the machine, `conf/local`, the command line."""

import warnings
from collections.abc import Iterable, Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import BaseModel, ValidationError

from tests.commands import kedro
from tests.conftest import PROJECT
from tests.new_use_case.making import create_use_case
from tuneline.checks.configuration_reading import SoftConfigLoader
from tuneline.checks.merged_settings import find_source, list_settings
from tuneline.parameters import SHARED_BLOCKS, Recipe, UseCase
from tuneline.parameters.base import flatten
from tuneline.settings import CONFIG_LOADER_ARGS
from tuneline.use_cases import list_use_cases

USE_CASE = "product_descriptions"
# Every reader of a recipe looks for the size of the adapter, also where it is LoraConfig's own.
ALWAYS_STATED = {"r", "lora_alpha"}


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


def test_a_recipe_is_trained_as_published_if_one_asks_for_it(local: Path):
    found = load(local, "test", {"shoe_mould": {"as_published": True}})
    recipe = found["parameters"]["shoe_mould"]["recipe"]
    assert (recipe["learning_rate"], recipe["num_train_epochs"]) == (1.5e-5, 13)
    assert recipe["lora"]["r"] == 16
    assert recipe["base_model"] == "data/06_models/tiny_base"  # what the machine trains
    listed = {one.key: one for one in list_settings(found, "shoe_mould")}
    shown = listed["shoe_mould.recipe.learning_rate"]
    assert (shown.value, shown.source) == ("1.5e-05", "conf/base/shoe_mould/parameters.yml")
    own = load(local, "test")["parameters"]["shoe_mould"]["recipe"]
    assert own["learning_rate"] == 2e-3


def test_what_the_plan_has_chosen_is_shown_as_chosen(local: Path):
    base = "data/06_models/tiny_base"
    choices = {"choices": [{"base_model": base, "values": {"learning_rate": 0.003}}]}
    stated = {"recipe": {"learning_rate": "auto", "quantization": {"load_in_4bit": True}}}
    stated["recipe"] |= {"lora": {"r": 4, "lora_alpha": 4, "target_modules": "all-linear"}}
    listed = list_settings(load(local, "test", {USE_CASE: stated}), USE_CASE, choices)
    shown = {one.key: (one.value, one.source) for one in listed}
    assert shown[f"{USE_CASE}.recipe.learning_rate"] == ("0.003", "chosen by the plan")


def test_every_setting_is_listed_with_what_states_it(local: Path):
    listed = {one.key: one for one in list_settings(load(local, "test"), USE_CASE)}
    stated = {name: (one.value, one.source) for name, one in listed.items()}
    assert stated[f"{USE_CASE}.recipe.max_length"] == ("77", "conf/local/parameters.yml")
    assert stated["hardware.memory_gb"] == ("3.5", "conf/local/parameters.yml")
    assert stated[f"{USE_CASE}.recipe.packing"] == ("true", "default")
    own = f"conf/base/{USE_CASE}/parameters.yml"
    assert stated[f"{USE_CASE}.recipe.lora.r"] == ("auto", "default")
    assert stated[f"{USE_CASE}.data.split.seed"] == ("3407", own)


def test_the_command_prints_them_for_a_use_case_on_a_machine(local: Path):
    done = kedro(local, "settings", "shoe_mould", "--env=test")
    assert done.returncode == 0, done.stderr
    rows = [line.split() for line in done.stdout.splitlines()]
    assert ["hardware.memory_gb", "3.5", "conf/local/parameters.yml"] in rows
    assert ["shoe_mould.seed", "8888", "conf/base/shoe_mould/parameters.yml"] in rows
    assert not any(row[0].startswith(USE_CASE) for row in rows)


def read_yaml(path: Path) -> dict[str, Any]:
    return dict(yaml.safe_load(path.read_text("utf-8")))


@pytest.fixture(scope="module")
def libraries() -> dict[str, dict[str, Any]]:
    """What the libraries take where a recipe states nothing, by the block of the recipe."""
    from peft import LoraConfig
    from transformers import BitsAndBytesConfig
    from trl import SFTConfig

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        training = vars(SFTConfig(output_dir="unused", use_cpu=True, bf16=False))
    # The recipe's own keys have Tuneline's defaults, or none.
    own = Recipe.model_fields.keys()
    return {
        "recipe": {key: value for key, value in training.items() if key not in own},
        "recipe.lora": vars(LoraConfig()),
        "recipe.quantization": BitsAndBytesConfig().to_dict(),
    }


@pytest.mark.parametrize("use_case", [*list_use_cases(), "a new one"])
def test_the_shipped_yaml_repeats_no_default(
    use_case: str, libraries: dict[str, dict[str, Any]], tmp_path: Path
):
    folder = PROJECT / "conf/base" / use_case
    if not folder.is_dir():
        use_case, raw = "tea_shop", tmp_path / "tea.csv"
        raw.write_text("question,answer\nHow hot?,About 75 degrees.\n", "utf-8")
        create_use_case(use_case, raw, tmp_path, commands=())
        folder = tmp_path / "conf/base" / use_case
    stated = read_yaml(folder / "parameters.yml")[use_case]
    assert list_repeated(stated, UseCase) == []
    for path, defaults in libraries.items():
        block = stated
        for part in path.split("."):
            block = block.get(part, {})
        same = {key for key in block.keys() & defaults if block[key] == defaults[key]}
        assert same - ALWAYS_STATED == set()


@pytest.mark.parametrize("name", SHARED_BLOCKS)
def test_a_shared_block_repeats_no_default(name: str):
    assert (
        list_repeated(
            read_yaml(PROJECT / f"conf/base/parameters_{name}.yml")[name], SHARED_BLOCKS[name]
        )
        == []
    )


def test_a_machine_states_only_what_differs():
    paths = sorted((PROJECT / "conf").glob("*/**/parameters*.yml"))
    folders = {path: path.relative_to(PROJECT / "conf").parts[0] for path in paths}
    base = flatten(merge_files(path for path in paths if folders[path] == "base"))
    for path in paths:
        if folders[path] not in ("base", "local"):
            again = [
                key
                for key, value in flatten(read_yaml(path)).items()
                if base.get(key, ...) == value
            ]
            assert again == [], path


def merge_files(paths: Iterable[Path]) -> dict[str, Any]:
    return {key: value for path in paths for key, value in read_yaml(path).items()}


def list_repeated(stated: dict[str, Any], model: type[BaseModel]) -> list[tuple[str, ...]]:
    whole = model.model_validate(stated)
    return [path for path in list_paths(stated) if read_without(stated, path, model) == whole]


def list_paths(stated: dict[str, Any], above: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """List where the values are; names of models have dots."""
    for key, value in stated.items():
        if isinstance(value, dict) and value:
            yield from list_paths(value, (*above, key))
        else:
            yield (*above, key)


def read_without(
    stated: dict[str, Any], where: tuple[str, ...], model: type[BaseModel]
) -> BaseModel | None:
    """Read a block without one of its keys; None if it must be stated."""
    *path, last = where
    rest = block = deepcopy(stated)
    for part in path:
        block = block[part]
    del block[last]
    try:
        return model.model_validate(rest)
    except ValidationError:
        return None
