"""The merged settings of a run, each with the file that states it."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import yaml
from kedro.config import OmegaConfigLoader
from pydantic import BaseModel

from tuneline.checks.configuration_reading import LOCAL, list_configuration_files, read_file
from tuneline.errors import Problem
from tuneline.parameters import SHARED_BLOCKS, StatedRecipe, UseCase
from tuneline.parameters.base import flatten
from tuneline.parameters.chosen import find_chosen
from tuneline.use_cases import find_block
from tuneline.utils.terminal import shorten

# Longer values are shortened where settings are listed.
SHOWN_CHARACTERS = 60


@dataclass(frozen=True)
class Setting:
    """A value as YAML writes it, and what states it: `--params`, a file, `default`, or the plan."""

    key: str
    value: str
    source: str


def name_source(loader: OmegaConfigLoader, problem: Problem) -> Problem:
    """Put the file a parameter comes from before its name; leave other problems as they are."""
    if problem.where.split(".")[0] not in {*loader["parameters"], *SHARED_BLOCKS}:
        return problem
    return replace(problem, where=f"{find_source(loader, problem.where)}: {problem.where}")


def find_source(loader: OmegaConfigLoader, key: str) -> str:
    """Tell what states a parameter, given its dotted path: `--params`, or a file of `conf/`."""
    return _find_first(_read_sources(loader), key) or "conf/base"


def list_settings(
    loader: OmegaConfigLoader, use_case: str, choices: Mapping[str, Any] | None = None
) -> list[Setting]:
    """List every setting of a use case on a machine: its own blocks, then what all share.

    `choices` is what the plan has chosen for `auto`; without it, `auto` is shown.
    """
    sources, parameters = list(_read_sources(loader)), loader["parameters"]
    models: dict[str, type[BaseModel]] = {use_case: UseCase, **SHARED_BLOCKS}
    del models["tiny_base"]
    stated = flatten({name: parameters.get(name, {}) for name in models})
    recipe = StatedRecipe.model_validate(parameters[use_case]["recipe"])
    found = (choices and find_chosen(recipe, choices)) or {}
    chosen = {f"{use_case}.recipe.{key}": value for key, value in found.items()}
    validated = {
        name: model.model_validate(parameters.get(name, {})).model_dump(mode="json")
        for name, model in models.items()
    }
    spread = _find_first(sources, f"{use_case}.seed")
    return [
        Setting(
            key=key,
            value=_show(chosen.get(key, stated.get(key, value))),
            source=("chosen by the plan" if key in chosen else None)
            or _find_first(sources, _name_published(key, parameters.get(use_case, {})))
            or (key.endswith(".seed") and key.startswith(f"{use_case}.") and spread)
            or "default",
        )
        for key, value in flatten(validated).items()
    ]


def _read_sources(loader: OmegaConfigLoader) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Give what is stated, what counts most first: by `--params` or the path from `conf` on."""
    yield "--params", loader.runtime_params or {}
    envs = (LOCAL, loader.env or loader.default_run_env, loader.base_env)
    for env in dict.fromkeys(map(str, envs)):
        for kind, name, path in list_configuration_files(Path(loader.conf_source), env):
            if kind == "parameters":
                yield name, read_file(path, name)


def _find_first(sources: Iterable[tuple[str, Mapping[str, Any]]], key: str) -> str | None:
    return next((name for name, stated in sources if _has(stated, key)), None)


def _has(stated: Any, key: str) -> bool:
    *path, last = key.split(".")
    block = find_block(stated, ".".join(path)) if path else stated
    return isinstance(block, Mapping) and last in block


def _name_published(key: str, stated: Mapping[str, Any]) -> str:
    """Name the key that states a value: another one where a recipe is trained as published."""
    use_case, _, own = key.partition(".")
    if not own.startswith("recipe.") or stated.get("as_published") is not True:
        return key
    path = own.removeprefix("recipe.")
    published = flatten(stated.get("recipe_as_published") or {})
    return f"{use_case}.recipe_as_published.{path}" if path in published else key


def _show(value: Any) -> str:
    shown = yaml.safe_dump(value, default_flow_style=True, allow_unicode=True, width=10**6)
    return shorten(shown.removesuffix("\n").removesuffix("\n..."), SHOWN_CHARACTERS)
