"""Writes docs/parameters.md: every key of every block, from the typed parameters.

    python -m scripts.reference.parameters_page

The meaning of a key of ours is in its `Field(description=…)`, that of an upstream library's key in
`upstream.yml`. Types, limits and defaults are read from the models.
"""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import yaml
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from tuneline.checks.library_keys import RESERVED, RESERVED_GENERATION, RESERVED_LORA
from tuneline.parameters import SHARED_BLOCKS, UseCase

PAGE = Path(__file__).parents[2] / "docs/parameters.md"
# Where a block of a use case hands its keys on to a library, and which of them it may not hold.
LIBRARIES: dict[str, tuple[str, Mapping[str, str]]] = {
    "recipe": ("training", RESERVED),
    "recipe.lora": ("lora", RESERVED_LORA),
    "recipe.quantization": ("quantization", {}),
    "evaluation.generation": ("generation", RESERVED_GENERATION),
}
TYPES = {bool: "true/false", int: "integer", float: "number", str: "text", Any: "anything"}
LIMITS = {"gt": ">{}", "ge": "≥{}", "lt": "<{}", "le": "≤{}"}

INTRODUCTION = """\
# Every key

<!-- Written by `make parameters-page` from the typed parameters: change those. -->

This page is made from the code that checks the parameters. `kedro settings <use_case>` prints what
is stated, and in which file. [Configuration](configuration.md) says how to change a value.

* `-` as default: the key must be stated. `null` as default: the key may be left empty.
* `x.y` is the key `y` in the block `x`, `x[].y` that of each entry of a list, `x.<name>.y` that of
  each named entry.
* Lengths are in tokens, memory in GB of 10⁹ bytes, times in seconds, unless a key says otherwise.

The blocks up to `publish` belong to a use case (`conf/base/<use_case>/parameters.yml`), the others
are shared (`conf/base/parameters_<block>.yml`).
"""


def write_page() -> None:
    """Write the page."""
    PAGE.write_text(render_page(), encoding="utf-8")


def render_page() -> str:
    """Render the page as Markdown."""
    fields = UseCase.model_fields
    models = {name: _find_models(field.annotation) for name, field in fields.items()}
    blocks = {name: found[0] for name, found in models.items() if found} | SHARED_BLOCKS
    own = [_render_key("", key, fields[key]) for key, found in models.items() if not found]
    parts = [INTRODUCTION, *_render_table("use case", "Its keys that are in no block.", own)]
    seen: dict[type[BaseModel], str] = {}
    for name, model in blocks.items():
        doc = " ".join((model.__doc__ or "").split("\n\n")[0].split())
        parts += _render_table(name, doc, _list_rows(name, "", model, seen))
        parts += [_render_library(path) for path in LIBRARIES if path.split(".")[0] == name]
    return "\n".join(parts)


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


def _walk(name: str, model: type[BaseModel]) -> Iterator[tuple[str, type[BaseModel]]]:
    yield name, model
    for key, field in model.model_fields.items():
        for inner in _find_models(field.annotation):
            yield from _walk(f"{name}.{key}", inner)


def _list_rows(
    block: str, path: str, model: type[BaseModel], seen: dict[type[BaseModel], str]
) -> Iterator[str]:
    """List a block's keys, each followed by those of the block it holds, if it is the first."""
    for key, field in model.model_fields.items():
        inner = next(iter(_find_models(field.annotation)), None)
        known = inner and seen.get(inner)
        kind = f"as `{known}`" if known else ""
        yield _render_key(path, key, field, kind)
        if inner and not known:
            seen[inner] = f"{block}.{path}{key}"
            yield from _list_rows(block, f"{path}{key}{_index(field)}.", inner, seen)


def _render_table(heading: str, meaning: str, rows: Iterable[str]) -> list[str]:
    header = "key|meaning|type|default\n---|---|---|---"
    return [f"## {heading}\n\n{meaning}\n\n{header}", *rows, ""]


def _render_key(path: str, key: str, field: FieldInfo, kind: str = "") -> str:
    cells = (f"`{path}{key}`", _describe(field), kind or _name_type(field), _show_default(field))
    return "|".join(cells)


def _index(field: FieldInfo) -> str:
    """Tell how an entry of a key is reached: of a list, by name, or directly."""
    origins = {get_origin(one) for one in _list_options(field.annotation)}
    return "[]" if list in origins else ".<name>" if dict in origins else ""


def _render_library(path: str) -> str:
    """Render what is known of the keys of a library, and those that may not be stated."""
    name, reserved = LIBRARIES[path]
    library = load_upstream()[name]
    which = "Every other key" if path == "recipe" else f"Every key of `{path}`"
    parts = [
        f"{which} is one of [{library['name']}]({library['link']}), under the name that it has "
        "there. Those that are stated or often wanted:\n",
        "key|meaning\n---|---",
        *(f"`{key}`|{meaning}" for key, meaning in library["keys"].items()),
        "",
    ]
    reasons: dict[str, list[str]] = {}
    for key, reason in reserved.items():
        reasons.setdefault(reason, []).append(f"`{key}`")
    if reasons:
        parts.append("Refused:\n")
        parts += [f"* {', '.join(keys)}: {reason}" for reason, keys in reasons.items()]
        parts.append("")
    return "\n".join(parts)


def _describe(field: FieldInfo) -> str:
    return " ".join((field.description or "").split()).replace("|", "\\|")


def _name_type(field: FieldInfo) -> str:
    """Name a type and its limits: `integer >0`. That it may be null shows in its default."""
    options = [one for one in _list_options(field.annotation) if one is not NoneType]
    named = " or ".join(_name_annotation(one) for one in options)
    limits = ", ".join(filter(None, map(_name_limit, field.metadata)))
    return f"{named} {limits}".strip()


def _list_options(annotation: Any) -> tuple[Any, ...]:
    is_union = get_origin(annotation) in (Union, UnionType)
    return get_args(annotation) if is_union else (annotation,)


def _name_annotation(annotation: Any) -> str:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return "block"
    arguments = get_args(annotation)
    if not arguments:
        return TYPES[annotation]
    if get_origin(annotation) is Literal:
        return ", ".join(f"`{one}`" for one in arguments)
    if get_origin(annotation) is Annotated:
        limits = ", ".join(filter(None, map(_name_limit, arguments[1:])))
        return f"{_name_annotation(arguments[0])} {limits}".strip()
    pattern = {list: "list of {}", dict: "{} by name", tuple: "{0}, {0}"}[get_origin(annotation)]
    inner = arguments[1] if get_origin(annotation) is dict else arguments[0]
    return pattern.format(_name_annotation(inner))


def _name_limit(limit: Any) -> str:
    for name, words in LIMITS.items():
        if hasattr(limit, name):
            value = getattr(limit, name)
            return words.format(f"{value:,}" if isinstance(value, int) else f"{value:g}")
    return "(not empty)" if getattr(limit, "min_length", 0) else ""


def _show_default(field: FieldInfo) -> str:
    if field.is_required():
        return "-"
    default = field.get_default(call_default_factory=True)
    if isinstance(default, BaseModel):
        return "defaults"
    if isinstance(default, bool) or default is None:
        return f"`{'null' if default is None else str(default).lower()}`"
    if isinstance(default, str) and default != default.strip():
        return f'`"{default}"`'
    return f"`{default:g}`" if isinstance(default, float) else f"`{default}`"


def _find_models(annotation: Any) -> list[type[BaseModel]]:
    """Find the blocks in an annotation such as `dict[str, Block] | None`."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for one in get_args(annotation) for model in _find_models(one)]


if __name__ == "__main__":
    write_page()
