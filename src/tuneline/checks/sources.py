"""Which file each setting comes from."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from kedro.config import OmegaConfigLoader
from pydantic import BaseModel

from tuneline.checks.files import LOCAL
from tuneline.errors import Problem
from tuneline.parameters import SHARED_BLOCKS, UseCase
from tuneline.parameters.base import flatten
from tuneline.use_cases import LOADER

# Longer values are shortened where settings are listed.
SHOWN_CHARACTERS = 60


@dataclass(frozen=True)
class Setting:
    """A value that counts, and what states it.

    Attributes:
        key: dotted path.
        value: as YAML writes it.
        source: `--params`, a file of `conf/`, or `default`.
    """

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


def list_settings(loader: OmegaConfigLoader, use_case: str) -> list[Setting]:
    """List every setting of a use case on a machine: its own blocks, then what all share."""
    sources, parameters = list(_read_sources(loader)), loader["parameters"]
    models: dict[str, type[BaseModel]] = {use_case: UseCase, **SHARED_BLOCKS}
    del models["tiny_base"]
    stated = flatten({name: parameters.get(name, {}) for name in models})
    validated = {
        name: model.model_validate(parameters.get(name, {})).model_dump(mode="json")
        for name, model in models.items()
    }
    return [
        Setting(
            key=key,
            value=_show(stated.get(key, value)),
            source=_find_first(sources, key)
            or (_find_first(sources, f"{use_case}.seed") if _is_spread(key, use_case) else None)
            or "default",
        )
        for key, value in flatten(validated).items()
    ]


def _read_sources(loader: OmegaConfigLoader) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Give what is stated, what counts most first: by `--params` or the path from `conf` on."""
    yield "--params", loader.runtime_params or {}
    conf = Path(loader.conf_source)
    for env in dict.fromkeys((LOCAL, loader.env or loader.default_run_env, loader.base_env)):
        for path in sorted((conf / str(env)).rglob("parameters*.yml")):
            yield f"conf/{path.relative_to(conf).as_posix()}", _read(path, path.stat().st_mtime_ns)


@cache
def _read(path: Path, changed: int) -> Mapping[str, Any]:
    stated = yaml.load(path.read_text("utf-8"), Loader=LOADER)  # noqa: S506 - a safe one
    return stated if isinstance(stated, Mapping) else {}


def _find_first(sources: Iterable[tuple[str, Mapping[str, Any]]], key: str) -> str | None:
    return next((name for name, stated in sources if _has(stated, key)), None)


def _has(stated: Any, key: str) -> bool:
    for part in key.split("."):
        if not isinstance(stated, Mapping) or part not in stated:
            return False
        stated = stated[part]
    return True


def _is_spread(key: str, use_case: str) -> bool:
    return key.startswith(f"{use_case}.") and key.endswith(".seed")


def _show(value: Any) -> str:
    shown = yaml.safe_dump(value, default_flow_style=True, allow_unicode=True, width=10**6)
    shown = shown.removesuffix("\n").removesuffix("\n...")
    return shown if len(shown) <= SHOWN_CHARACTERS else f"{shown[: SHOWN_CHARACTERS - 1]}…"
