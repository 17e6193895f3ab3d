"""Every block of parameters, checked before anything runs."""

from collections.abc import Iterator, Mapping
from itertools import product
from pathlib import Path
from typing import Any, get_args

from kedro.config import OmegaConfigLoader
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from tuneline.checks.merged_settings import find_source, name_source
from tuneline.errors import Problem, TunelineError, suggest
from tuneline.parameters import SHARED_BLOCKS, UseCase
from tuneline.use_cases import (
    CROSS_FIT,
    OPTIONAL_STAGES,
    PAIRING_BLOCKS,
    SYNTHESIS_BLOCKS,
    count_folds,
    find_block,
    is_folds,
    list_use_cases,
    states_block,
)

# Keys that are given with a command, for this one run.
COMMAND_LINE = {"question", "questions_file"}
# How pydantic names the alternative to a value of a recipe.
AUTO_ALTERNATIVE = "literal['auto']"
# How a text is written where pydantic wants one, or a list of them.
TEXTS_WANTED = {"string_type": '"{}"', "list_type": '["{}"]'}


def check_environment(conf_source: Path, env: str | None) -> None:
    """Refuse a machine that has no folder under `conf/`.

    Raises:
        TunelineError: naming the nearest environment there is.
    """
    known = [path.name for path in conf_source.iterdir() if path.is_dir()]
    if env and env not in known:
        raise TunelineError(
            Problem(
                where="--env",
                value=env,
                wrong=f"there is no folder conf/{env}",
                matters="without it the run would use another machine's settings",
                remedy=suggest(env, set(known) - {"base"}),
            )
        )


def check_parameters(loader: OmegaConfigLoader) -> None:
    """Validate every block of parameters at once.

    Raises:
        TunelineError: with every problem found, each naming its file and key.
    """
    parameters = loader["parameters"]
    problems = [
        *_find_problems(parameters),
        *_find_unread_blocks(parameters),
        *_find_other_folds(parameters),
        *_find_asked_once(loader, parameters),
    ]
    if problems:
        raise TunelineError(*(name_source(loader, problem) for problem in problems))


def _find_problems(parameters: Mapping[str, Any]) -> Iterator[Problem]:
    use_cases = list_use_cases()
    for name in sorted(set(parameters) - {*SHARED_BLOCKS, *COMMAND_LINE, *use_cases}):
        yield _unknown(name, parameters[name], {*SHARED_BLOCKS, *use_cases})
    models: dict[str, type[BaseModel]] = {**SHARED_BLOCKS, **dict.fromkeys(use_cases, UseCase)}
    for name, model in models.items():
        yield from _validate(name, parameters.get(name, {}), model)


def _find_unread_blocks(parameters: Mapping[str, Any]) -> Iterator[Problem]:
    """Pipelines are made before a machine is known, from the base alone."""
    blocks = (*OPTIONAL_STAGES.values(), *PAIRING_BLOCKS, *SYNTHESIS_BLOCKS)
    for use_case, block in product(list_use_cases(), blocks):
        stated = find_block(parameters, f"{use_case}.{block}") is not None
        if stated and not states_block(use_case, block):
            base = f"conf/base/{use_case}/parameters.yml"
            yield Problem(
                where=f"{use_case}.{block}",
                wrong=f"{base} does not state it",
                matters="that file decides what a use case's stages are made of, and nothing would "
                "read this block",
                remedy=f"state it in {base}, and elsewhere only what differs from it",
            )


def _find_other_folds(parameters: Mapping[str, Any]) -> Iterator[Problem]:
    """As above: each fold has nodes of its own."""
    for use_case in list_use_cases():
        stated, folds = find_block(parameters, f"{use_case}.{CROSS_FIT}"), count_folds(use_case)
        if (is_folds(stated) and stated != folds) or (stated is None and folds):
            base = f"conf/base/{use_case}/parameters.yml"
            yield Problem(
                where=f"{use_case}.{CROSS_FIT}",
                value=stated,
                wrong=f"{base} states {folds or 'none'}",
                matters="that file decides how many adapters are trained",
                remedy=f"state it in {base}, and nowhere else",
            )


def _find_asked_once(loader: OmegaConfigLoader, parameters: Mapping[str, Any]) -> Iterator[Problem]:
    """Publishing is asked for twice: its place in a file, its time on the command line."""
    for use_case in list_use_cases():
        key = f"{use_case}.publish"
        stated = (parameters.get(use_case) or {}).get("publish") or {}
        if stated.get("dry_run") is False and find_source(loader, f"{key}.dry_run") != "--params":
            yield Problem(
                where=f"{key}.dry_run",
                value=False,
                wrong="it is in a file",
                matters="every run would publish",
                remedy=f"leave it out, and say --params={key}.dry_run=false when you publish",
            )
        if stated.get("repo_id") and find_source(loader, f"{key}.repo_id") == "--params":
            yield Problem(
                where=f"{key}.repo_id",
                value=stated["repo_id"],
                wrong="it is on the command line",
                matters="a slip of the finger would publish under another name",
                remedy=f"state it once, in conf/base/{use_case}/parameters.yml",
            )


def _validate(name: str, block: Any, model: type[BaseModel]) -> Iterator[Problem]:
    try:
        model.model_validate(block)
    except ValidationError as error:
        for details in _join_alternatives(error):
            yield _make_problem(name, details, model)


def _join_alternatives(error: ValidationError) -> Iterator[ErrorDetails]:
    """List the errors; of a value that may be `auto` too, what is wrong with it as a value."""
    found = error.errors(include_url=False)
    alternatives = {one["loc"][:-1] for one in found if one["loc"][-1:] == (AUTO_ALTERNATIVE,)}
    for one in found:
        if one["loc"][:-1] not in alternatives:
            yield one
        elif one["loc"][-1] != AUTO_ALTERNATIVE:
            one["loc"] = one["loc"][:-1]
            yield one


def _make_problem(name: str, details: ErrorDetails, model: type[BaseModel]) -> Problem:
    path = [str(part) for part in details["loc"]]
    key = ".".join([name, *path])
    if details["type"] == "extra_forbidden":
        return _unknown(key, details["input"], _fields_at(model, path[:-1]))
    if details["type"] == "missing":
        return Problem(
            where=key,
            wrong="it is not stated",
            matters="the run cannot guess it",
            remedy="state it, as conf/base/product_descriptions/parameters.yml does",
        )
    message = str(details["msg"]).removeprefix("Value error, ")
    if message.count(";") >= 2:  # our own validators word all three parts themselves
        wrong, matters, remedy = (part.strip() for part in message.split(";", 2))
        return Problem(where=key, wrong=wrong, matters=matters, remedy=remedy)
    return Problem(
        where=key,
        value=details["input"],
        wrong=message[0].lower() + message[1:],
        matters="the run could not do what it says",
        remedy=_find_remedy(details),
    )


def _find_remedy(details: ErrorDetails) -> str:
    """YAML reads `no` as false and `1_000` as a number, where a text was meant."""
    found = details["input"]
    if details["type"] not in TEXTS_WANTED or isinstance(found, list | dict | str | None):
        return "correct the value"
    word = {True: "yes", False: "no"}[found] if isinstance(found, bool) else found
    shown = TEXTS_WANTED[details["type"]].format(word)
    return f"if a text is meant, write it in quotes, such as {shown}: YAML reads it otherwise"


def _unknown(key: str, value: Any, known: set[str]) -> Problem:
    return Problem(
        where=key,
        value=value,
        wrong="there is no such key",
        matters="a misspelled key would silently change nothing",
        remedy=suggest(key.rsplit(".", 1)[-1], known),
    )


def _fields_at(model: type[BaseModel], path: list[str]) -> set[str]:
    """Name the fields of a block; of none if the path leads through a list or a mapping."""
    for part in path:
        if part.isdigit():  # a number only counts the items of a list
            continue
        field = model.model_fields.get(part)
        blocks = [one for one in _alternatives(field and field.annotation) if _is_block(one)]
        if not blocks:
            return set()
        model = blocks[0]
    return set(model.model_fields)


def _alternatives(annotation: Any) -> tuple[Any, ...]:
    """Take `Block | None` and `list[Block]` apart."""
    return get_args(annotation) or (annotation,)


def _is_block(annotation: Any) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)
