"""The page of every key explains every key, and is up to date."""

from collections.abc import Iterator
from dataclasses import fields
from inspect import signature
from typing import Any, get_origin

import pytest
import yaml
from pydantic import BaseModel

from scripts.reference.parameters_page import (
    LIBRARIES,
    PAGE,
    list_blocks,
    load_upstream,
    render_page,
)
from tests.documentation import PROJECT
from tuneline.parameters import Recipe
from tuneline.use_cases import list_use_cases

BLOCKS = dict(list_blocks())
MACHINES = sorted(path.name for path in (PROJECT / "conf").iterdir() if path.is_dir())


def test_the_page_is_up_to_date():
    assert PAGE.read_text("utf-8") == render_page(), "run `make parameters-page`"


@pytest.mark.parametrize(("path", "model"), BLOCKS.items(), ids=BLOCKS)
def test_every_key_of_ours_has_a_meaning_and_is_in_the_page(path: str, model: type[BaseModel]):
    page = PAGE.read_text("utf-8")
    assert f"## {path.split('.', maxsplit=1)[0]}\n" in page
    for key, field in model.model_fields.items():
        assert field.description, f"{model.__name__}.{key} has no description"
        assert f"{key}`|{' '.join(field.description.split())}|" in page


@pytest.mark.parametrize("machine", MACHINES)
def test_every_key_that_is_stated_is_explained(machine: str):
    upstream = load_upstream()
    for path, key in list_stated(machine):
        known = set(BLOCKS[path].model_fields) if path in BLOCKS else set()
        known |= set(upstream[LIBRARIES[path][0]]["keys"]) if path in LIBRARIES else set()
        assert key in known, f"{machine}: {path}.{key} is not explained"


def test_the_libraries_know_the_keys_that_are_explained():
    from peft import LoraConfig
    from transformers import BitsAndBytesConfig, GenerationConfig
    from trl import SFTConfig

    known = {
        "lora": {field.name for field in fields(LoraConfig)},
        "quantization": set(signature(BitsAndBytesConfig).parameters),
        "training": {field.name for field in fields(SFTConfig)} | Recipe.model_fields.keys(),
        "generation": set(vars(GenerationConfig())),
    }
    for library, said in load_upstream().items():
        assert said["keys"].keys() <= known[library]


def list_stated(machine: str) -> Iterator[tuple[str, str]]:
    """List the keys that the YAML of a machine states, each with its block."""
    folder = PROJECT / "conf" / machine
    for path in sorted(folder.glob("parameters*.yml")):
        yield from list_keys(yaml.safe_load(path.read_text("utf-8")))
    for use_case in list_use_cases():
        path = folder / use_case / "parameters.yml"
        if path.is_file():
            yield from list_keys(yaml.safe_load(path.read_text("utf-8"))[use_case])


def list_keys(block: dict, path: str = "") -> Iterator[tuple[str, str]]:
    """List the keys of the blocks that are known, not those of mappings such as `min_words`."""
    for key, value in block.items():
        if path:
            yield path, key
        inner = f"{path}.{key}".strip(".")
        if inner in BLOCKS or inner in LIBRARIES:
            for one in list_inner(path, key, value):
                yield from list_keys(one, inner)


def list_inner(path: str, key: str, value: Any) -> list[dict]:
    """List the blocks under a key: one, or several in a list or by name."""
    field = BLOCKS[path].model_fields.get(key) if path in BLOCKS else None
    if field and get_origin(field.annotation) is dict:
        return list(value.values()) if f"{path}.{key}" in BLOCKS else [value]
    return [one for one in (value if isinstance(value, list) else [value]) if one is not None]
