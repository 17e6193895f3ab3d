"""Writes docs/parameters.md: every key of every block, from the typed parameters and the YAML.

    python -m scripts.reference.parameters

The meaning of a key of ours is in its `Field(description=…)`; of an upstream library's key in
`upstream.yml`. Types, limits and defaults are read from the models, stated values from `conf/`.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import yaml
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from tuneline.parameters import SHARED_BLOCKS, UseCase

PROJECT = Path(__file__).parents[2]
PAGE = PROJECT / "docs/parameters.md"
SHIPPED = (
    "product_descriptions",
    "essential_oils",
    "shoe_mould",
    "persona_dialogues",
    "development_plans",
)
MACHINES = ("base", "laptop", "colab_free", "colab_paid", "multi_gpu", "test")
# Where a block of a use case hands its keys on to a library.
UPSTREAM_BLOCKS = {
    "recipe.lora": "lora",
    "recipe.quantization": "quantization",
    "recipe": "training",
    "evaluation.generation": "generation",
}
LONGEST_VALUE = 34
TYPES = {
    bool: "`true` or `false`",
    int: "whole number",
    float: "number",
    str: "text",
    Any: "anything",
}
LIMITS = {"gt": "above {}", "ge": "at least {}", "lt": "below {}", "le": "at most {}"}

INTRODUCTION = """\
# Every key

<!-- Written by `make parameters-page` from the typed parameters and conf/: change those. -->

This page is written from the code that checks the parameters, so it is complete.
[Configuration](configuration.md) says where values come from and how to change them;
[Prepare](prepare.md), [Plan](plan.md), [Training](training.md) and [Reading the report](report.md)
explain the ideas behind them.

* A key without a default must be stated.
* "Stated" is what the shipped YAML says. An empty cell means: not stated there. Then the default
  holds, or on a machine what `base` states.
* Lengths are in tokens, memory in GB of 10⁹ bytes, times in seconds, unless a key says otherwise.
"""


def write_page() -> None:
    """Write the page."""
    PAGE.write_text(render_page(), encoding="utf-8")


def render_page() -> str:
    """Render the page as Markdown."""
    parts = [INTRODUCTION, "## A use case\n"]
    parts.append(
        "`conf/base/<use_case>/parameters.yml` has these blocks, under the use case's name.\n"
    )
    parts.append(_render_keys("", UseCase))
    for name, field in UseCase.model_fields.items():
        for model in _find_models(field.annotation):
            parts += _render_block(name, model, level=3)
    parts.append("## Shared by all use cases\n")
    for name, model in SHARED_BLOCKS.items():
        parts += _render_block(name, model, level=3)
    return "\n".join(parts).rstrip() + "\n"


def list_blocks() -> Iterator[tuple[str, type[BaseModel]]]:
    """List every block of parameters by its path; the use case's own name is left out."""
    for name, field in UseCase.model_fields.items():
        for model in _find_models(field.annotation):
            yield from _walk(name, model)
    for name, model in SHARED_BLOCKS.items():
        yield from _walk(name, model)


def load_upstream() -> dict[str, Any]:
    """Load what is known of the upstream libraries' keys."""
    return dict(yaml.safe_load((Path(__file__).parent / "upstream.yml").read_text("utf-8")))


def load_stated(machine: str, use_case: str) -> dict[str, Any]:
    """Load what a machine's folder states for a use case; nothing where it has no file."""
    path = PROJECT / "conf" / machine / use_case / "parameters.yml"
    return dict(yaml.safe_load(path.read_text("utf-8"))[use_case]) if path.is_file() else {}


def load_shared(machine: str) -> dict[str, Any]:
    """Load the blocks that a machine's folder states for all use cases."""
    found: dict[str, Any] = {}
    for path in sorted((PROJECT / "conf" / machine).glob("parameters*.yml")):
        found |= yaml.safe_load(path.read_text("utf-8"))
    return found


def _walk(name: str, model: type[BaseModel]) -> Iterator[tuple[str, type[BaseModel]]]:
    yield name, model
    for key, field in model.model_fields.items():
        for inner in _find_models(field.annotation):
            yield from _walk(f"{name}.{key}", inner)


def _render_block(name: str, model: type[BaseModel], level: int) -> list[str]:
    words = " ".join((model.__doc__ or "").split("\n\n")[0].split())
    parts = [f"{'#' * level} {name}\n", f"{words}\n", _render_keys(name, model)]
    if name in UPSTREAM_BLOCKS:
        parts += _render_upstream(name)
    parts += list(_render_stated(name, model))
    for key, field in model.model_fields.items():
        path = f"{name}.{key}"
        for inner in _find_models(field.annotation):
            parts += _render_block(path, inner, min(level + 1, 5))
        if path in UPSTREAM_BLOCKS:
            heading = f"{'#' * (level + 1)} {path}\n"
            parts += [heading, *_render_upstream(path), *_render_stated(path, None)]
    return parts


def _render_keys(path: str, model: type[BaseModel]) -> str:
    rows = [
        (f"`{key}`", _describe(field), _name_type(field, f"{path}.{key}"), _show_default(field))
        for key, field in model.model_fields.items()
    ]
    return _render_table(("key", "meaning", "type", "default"), rows)


def _render_upstream(path: str) -> list[str]:
    library = load_upstream()[UPSTREAM_BLOCKS[path]]
    own = "Every other key" if path == "recipe" else "Every key"
    words = (
        f"{own} belongs to [{library['name']}]({library['link']}) and has the name it has there. "
        "All keys of the installed version are taken. Stated in `conf/`, or often wanted:\n"
    )
    rows = [(f"`{key}`", meaning) for key, meaning in library["keys"].items()]
    return [words, _render_table(("key", "meaning"), rows)]


def _render_stated(path: str, model: type[BaseModel] | None) -> Iterator[str]:
    """Render what is stated: by machine for a shared block, else by use case."""
    if path.partition(".")[0] in SHARED_BLOCKS:
        stated = {machine: _at(load_shared(machine), path) for machine in MACHINES}
        yield from _render_values("Stated:\n", path, stated, model)
        return
    for machine, words in (
        ("base", "in `conf/base`"),
        ("laptop", "on a `laptop`, where it differs"),
    ):
        stated = {use_case: _at(load_stated(machine, use_case), path) for use_case in SHIPPED}
        yield from _render_values(f"Stated {words}:\n", path, stated, model)


def _render_values(
    words: str, path: str, stated: dict[str, dict[str, Any]], model: type[BaseModel] | None
) -> list[str]:
    """Render the values of a block, not of those in it; a column for each that states any."""
    fields = model.model_fields if model else {}
    blocks = {key for key, field in fields.items() if _find_models(field.annotation)}
    blocks |= {key for key in fields if f"{path}.{key}" in UPSTREAM_BLOCKS}
    shown = {
        name: {key: value for key, value in values.items() if key not in blocks}
        for name, values in stated.items()
    }
    shown = {name: values for name, values in shown.items() if values}
    keys = dict.fromkeys(key for values in shown.values() for key in values)
    rows = [
        (f"`{key}`", *(_show(values[key]) if key in values else "" for values in shown.values()))
        for key in keys
    ]
    return [words, _render_table(("key", *(f"`{name}`" for name in shown)), rows)] if rows else []


def _show(value: Any) -> str:
    """Show a value as YAML, or say what it is where it is long."""
    if isinstance(value, dict):
        shown = "{" + ", ".join(f"{name}: {_word(one)}" for name, one in value.items()) + "}"
    elif isinstance(value, list):
        shown = "[" + ", ".join(_word(one) for one in value) + "]"
    else:
        shown = _word(value)
    if len(shown) <= LONGEST_VALUE:
        return f"`{shown}`"
    if isinstance(value, str):
        return "a text"
    return f"{len(value)} {'entry' if len(value) == 1 else 'entries'}"


def _word(value: Any) -> str:
    """Write one value as YAML does."""
    if value is None:
        return "null"
    return str(value).lower() if isinstance(value, bool) else str(value)


def _at(values: Mapping[str, Any], path: str) -> dict[str, Any]:
    """Give the mapping at a dotted path; nothing where there is none."""
    for part in path.split("."):
        found = values.get(part)
        if not isinstance(found, Mapping):
            return {}
        values = found
    return dict(values)


def _describe(field: FieldInfo) -> str:
    return " ".join((field.description or "").split()).replace("|", "\\|")


def _name_type(field: FieldInfo, path: str) -> str:
    """Name a type and its limits: `whole number above 0, or null`."""
    options = [one for one in _list_options(field.annotation) if one is not NoneType]
    named = " or ".join(_name_annotation(one, path) for one in options)
    limits = ", ".join(filter(None, map(_name_limit, field.metadata)))
    whole = f"{named} {limits}".strip()
    return whole if NoneType not in _list_options(field.annotation) else f"{whole}, or null"


def _list_options(annotation: Any) -> tuple[Any, ...]:
    is_union = get_origin(annotation) in (Union, UnionType)
    return get_args(annotation) if is_union else (annotation,)


def _name_annotation(annotation: Any, path: str) -> str:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return f"[block](#{path.replace('.', '')})"
    arguments = get_args(annotation)
    if not arguments:
        return TYPES[annotation]
    if get_origin(annotation) is Literal:
        return ", ".join(f"`{one}`" for one in arguments)
    if get_origin(annotation) is Annotated:
        limits = ", ".join(filter(None, map(_name_limit, arguments[1:])))
        return f"{_name_annotation(arguments[0], path)} {limits}".strip()
    pattern = {list: "list of {}", dict: "by name: {}", tuple: "two values: {}"}[
        get_origin(annotation)
    ]
    inner = arguments[1] if get_origin(annotation) is dict else arguments[0]
    return pattern.format(_name_annotation(inner, path))


def _name_limit(limit: Any) -> str:
    for name, words in LIMITS.items():
        if hasattr(limit, name):
            value = getattr(limit, name)
            return words.format(f"{value:,}" if isinstance(value, int) else f"{value:g}")
    return "(at least one)" if getattr(limit, "min_length", 0) else ""


def _show_default(field: FieldInfo) -> str:
    if field.is_required():
        return "none"
    default = field.get_default(call_default_factory=True)
    if isinstance(default, BaseModel):
        return "its defaults"
    if isinstance(default, str) and default != default.strip():
        return f'`"{default}"`'
    return f"`{default:g}`" if isinstance(default, float) else f"`{_word(default)}`"


def _find_models(annotation: Any) -> list[type[BaseModel]]:
    """Find the blocks in an annotation such as `dict[str, Block] | None`."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for one in get_args(annotation) for model in _find_models(one)]


def _render_table(header: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    lines = [header, tuple("---" for _ in header), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


if __name__ == "__main__":
    write_page()
