"""Which use cases there are: the folders of `conf/base` that hold a `parameters.yml`."""

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml
from kedro.utils import find_kedro_project

from tuneline.errors import Problem, TunelineError, suggest

# As OmegaConf reads it: in C where there is such a thing, which is faster and less strict.
LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

MAIN_USE_CASE = "product_descriptions"
# Stages of those use cases only whose base states the block.
OPTIONAL_STAGES = {"synthesize": "synthesize", "rubric": "evaluation.rubric"}
# Blocks that make pairs of the clean rows.
PAIRING_BLOCKS = ("data.table", "data.documents")
# What the rows of the stage `synthesize` are written from; a use case states one of them.
SYNTHESIS_BLOCKS = ("synthesize.templates", "synthesize.documents", "synthesize.rows")
# How many adapters answer, each the rows that it has not seen.
CROSS_FIT = "evaluation.cross_fit"
# The machine without `--env`.
DEFAULT_ENVIRONMENT = "laptop"


def list_use_cases() -> list[str]:
    """List the use cases of the project one is in; outside a project only the main one."""
    found = {path.parent.name for path in find_project().glob("conf/base/*/parameters.yml")}
    return sorted(found | {MAIN_USE_CASE})


def check_use_case(name: str) -> None:
    """Refuse a name that no use case has, naming the nearest one.

    Raises:
        TunelineError: for such a name.
    """
    if name not in list_use_cases():
        raise TunelineError(
            Problem(
                where="USE_CASE",
                value=name,
                wrong="there is no such use case",
                matters="nothing was done",
                remedy=suggest(name, list_use_cases()),
            )
        )


def states_block(use_case: str, block: str) -> bool:
    """Tell whether a use case's `parameters.yml` in `conf/base` has a block.

    A block is such as `synthesize` or `data.table`.
    """
    return _read_base(use_case, block) is not None


def count_folds(use_case: str) -> int:
    """Count the folds that a use case's `parameters.yml` in `conf/base` states; 0 for none.

    What is no such number is none: the parameters are checked after the pipelines are made.
    """
    stated = _read_base(use_case, CROSS_FIT)
    return int(stated) if is_folds(stated) else 0


def is_folds(stated: Any) -> bool:
    """Tell whether a value is a number of folds."""
    if type(stated) is not int:
        return False
    from tuneline.parameters.evaluation import MOST_FOLDS

    return 1 < stated <= MOST_FOLDS


def _read_base(use_case: str, block: str) -> Any:
    path = find_project() / "conf/base" / use_case / "parameters.yml"
    if not path.is_file():
        return None
    state = path.stat()
    return find_block(_read_file(path, state.st_mtime_ns, state.st_size), f"{use_case}.{block}")


@lru_cache
def _read_file(path: Path, _changed: int, _size: int) -> Any:
    """Read a file once, however often it is asked for."""
    # OmegaConf would wrap every value of every use case, which takes half a second of each command.
    with path.open(encoding="utf-8") as file:  # its name is in the message of a syntax error
        return yaml.load(file, Loader=LOADER)  # noqa: S506 - a safe one


def find_block(stated: Any, key: str) -> Any:
    """Find what nested mappings hold under a dotted key; None if nothing is there."""
    for part in key.split("."):
        stated = stated.get(part) if isinstance(stated, Mapping) else None
    return stated


def find_project() -> Path:
    """Find the folder of the project one is in."""
    return find_kedro_project(Path.cwd()) or Path(__file__).parents[2]


def name_fold(number: int, dataset: str) -> str:
    """Name what a dataset is for one fold of a cross-fitted evaluation; folds count from 1."""
    return f"fold_{number}.{dataset}"
