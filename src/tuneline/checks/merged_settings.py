"""The merged settings of a run: checked, and each with the file that states it."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path
from typing import Any, get_args

import yaml
from kedro.config import OmegaConfigLoader
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from tuneline.checks.configuration_files import LOCAL, list_configuration_files, read_file
from tuneline.errors import Problem, TunelineError, suggest
from tuneline.parameters import SHARED_BLOCKS, StatedRecipe, UseCase
from tuneline.parameters.base import flatten
from tuneline.parameters.chosen import find_chosen
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
from tuneline.utils.terminal import shorten

# Longer values are shortened where settings are listed.
SHOWN_CHARACTERS = 60
# Keys that are given with a command, for this one run.
COMMAND_LINE = {"question", "questions_file"}
# How pydantic names the alternative to a value of a recipe.
AUTO_ALTERNATIVE = "literal['auto']"
# How a text is written where pydantic wants one, or a list of them.
TEXTS_WANTED = {"string_type": '"{}"', "list_type": '["{}"]'}


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
    return [
        Setting(
            key=key,
            value=_show(chosen.get(key, stated.get(key, value))),
            source=("chosen by the plan" if key in chosen else None)
            or _find_first(sources, _name_published(key, parameters.get(use_case, {})))
            or (_find_first(sources, f"{use_case}.seed") if _is_spread(key, use_case) else None)
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


def _is_spread(key: str, use_case: str) -> bool:
    return key.startswith(f"{use_case}.") and key.endswith(".seed")


def _show(value: Any) -> str:
    shown = yaml.safe_dump(value, default_flow_style=True, allow_unicode=True, width=10**6)
    return shorten(shown.removesuffix("\n").removesuffix("\n..."), SHOWN_CHARACTERS)


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
