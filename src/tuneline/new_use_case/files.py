"""The files of a new use case, and the blocks that a run would read from them."""

import json
from pathlib import Path

import polars as pl
import yaml
from jinja2 import Environment, PackageLoader, StrictUndefined

from tuneline.new_use_case.draft import Draft
from tuneline.parameters import Data, Prompt, StatedRecipe

# In the order in which they are written: with the last one, the use case is there.
FILES = (
    "base/catalog.yml",
    "laptop/parameters.yml",
    "test/parameters.yml",
    "test/catalog.yml",
    "base/parameters.yml",
)
# Longer rows than this are left out on a laptop, where no model reads more.
LAPTOP_BYTES = 1664


def render_files(draft: Draft) -> dict[Path, bytes]:
    """Render the files of the use case, by their paths seen from the project."""
    loader = PackageLoader("tuneline.new_use_case", "starting_folder")
    pages = Environment(loader=loader, undefined=StrictUndefined, keep_trailing_newline=True)  # noqa: S701
    pages.filters |= {"quoted": _quote, "room": _make_room}
    file = "" if draft.source.path.is_dir() else f"/{draft.source.path.name}"
    longest = _measure(draft)
    known = {
        "name": draft.name,
        "raw": f"01_raw/{draft.name}{file}",
        "draft": draft,
        "bytes": longest,
        "laptop_bytes": min(longest, LAPTOP_BYTES),
        "english": draft.is_english,
    }
    return {
        Path("conf", file).parent / draft.name / Path(file).name: pages.get_template(
            f"{file.replace('/', '_')}.jinja"
        )
        .render(known)
        .encode()
        for file in FILES
    }


def load_blocks(draft: Draft) -> tuple[Data, Prompt, StatedRecipe]:
    """Read the blocks that the files state on a laptop, as a run would."""
    files = {path.parts[1:]: yaml.safe_load(text) for path, text in render_files(draft).items()}
    base = files["base", draft.name, "parameters.yml"][draft.name]
    laptop = files["laptop", draft.name, "parameters.yml"][draft.name]
    recipe = {**base["recipe"], **laptop["recipe"]}
    return (
        Data.model_validate(base["data"]),
        Prompt.model_validate(base["prompt"]),
        StatedRecipe.model_validate(recipe),
    )


def _measure(draft: Draft) -> int:
    """Measure the longest row in bytes."""
    sizes = draft.source.rows.select(pl.sum_horizontal(pl.col(draft.columns).str.len_bytes()))
    return max(sizes.to_series(), default=0)


def _quote(text: str) -> str:
    """Write a text so that YAML reads just this text."""
    if "\n" in text or not text.isprintable():
        return json.dumps(text, ensure_ascii=False)
    return "'" + text.replace("'", "''") + "'"


def _make_room(tokens: int) -> int:
    """Round up to a multiple of 256, with more than 128 tokens to spare for the chat template."""
    return (tokens + 384) // 256 * 256
