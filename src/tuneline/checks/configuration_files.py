"""The YAML files of `conf/`, checked before Kedro reads them: it names neither file nor key."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import reduce
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf
from omegaconf.errors import GrammarParseError

from tuneline.checks.configuration_reading import (
    KINDS,
    LOCAL,
    list_configuration_files,
    merge,
    read_file,
)
from tuneline.errors import Problem, TunelineError

# A reference that no backslash turns into plain signs (OmegaConf's grammar).
REFERENCE = re.compile(r"(?<!\\)(?:\\\\)*\$\{([^{}]*)\}")
BEGINS = re.compile(r"(?<!\\)(?:\\\\)*\$\{")
# Resolvers that Kedro offers; environment variables are for credentials alone.
RESOLVERS = {"globals", "runtime_params"}


@dataclass(frozen=True)
class Stated:
    """What the files of one environment and kind state, by file, as a user would name it.

    `${globals:…}` and `${runtime_params:…}` can name `globals` and `params`.
    """

    values: dict[str, dict[Any, Any]]
    globals: dict[Any, Any]
    params: dict[str, Any]

    def merged(self) -> dict[Any, Any]:
        """Put the files together, as one reference may lead from one to another."""
        return reduce(merge, self.values.values(), {})


def check_configuration(conf: Path, env: str, params: dict[str, Any]) -> None:
    """Refuse files that Kedro could not read, or whose references lead nowhere.

    Raises:
        TunelineError: with all problems, each naming its file and its line or its key.
    """
    problems: list[Problem] = []
    known_globals: dict[Any, Any] = {}
    for folder in dict.fromkeys(("base", env, LOCAL)):
        found: dict[str, dict[str, dict[Any, Any]]] = {kind: {} for kind in KINDS}
        for kind, name, path in list_configuration_files(conf, folder):
            try:
                found[kind][name] = read_file(path, name)
            except TunelineError as error:
                problems += error.problems
        for kind, values in found.items():
            problems += _find_stated_twice(kind, values)
        known_globals = reduce(merge, found["globals"].values(), known_globals)
        found["parameters"]["--params"] = params
        for kind, values in found.items():
            problems += _find_lost_references(kind, Stated(values, known_globals, params))
    if problems:
        raise TunelineError(*dict.fromkeys(problems))


def _find_stated_twice(kind: str, values: dict[str, dict[Any, Any]]) -> Iterator[Problem]:
    """Find the keys of one environment that two files state (Kedro's `_check_duplicates`)."""
    from tuneline.parameters.base import flatten

    seen: dict[str, str] = {}
    for name, stated in values.items():
        keys = flatten(stated) if kind == "parameters" else map(str, stated)
        for key in keys:
            first = seen.setdefault(key, name)
            if first != name and not key.startswith("_"):
                yield Problem(
                    where=f"{name}: {key}",
                    wrong=f"{first} states it, too",
                    matters="nothing tells which of them counts",
                    remedy="state it in one of these files",
                )


def _find_lost_references(kind: str, stated: Stated) -> Iterator[Problem]:
    merged: dict[Any, Any] | None = None
    for name, values in stated.values.items():
        for key, text in _list_texts(values):
            if not BEGINS.search(text):
                continue
            merged = stated.merged() if merged is None else merged
            wrong = _find_wrong(kind, key, text, merged, stated)
            if wrong:
                yield Problem(
                    where=f"{name}: {key}",
                    value=text,
                    wrong=wrong,
                    matters="nothing can be put in its place",
                    remedy=r"for the signs themselves write `\${…}`, in double quotes `\\${…}`, "
                    r"and in a template of `prompt` `\${{…}}`",
                )


def _list_texts(value: Any, key: str = "") -> Iterator[tuple[str, str]]:
    """List all texts with the dotted paths of their keys."""
    if isinstance(value, str):
        yield key, value
    elif isinstance(value, list | dict):
        items = value.items() if isinstance(value, dict) else enumerate(value)
        for part, one in items:
            yield from _list_texts(one, f"{key}.{part}" if key else str(part))


def _find_wrong(
    kind: str, key: str, text: str, merged: dict[Any, Any], stated: Stated
) -> str | None:
    """Say what is wrong with the first reference of a text that leads nowhere."""
    try:
        OmegaConf.create({"text": text})
    except GrammarParseError:
        return "`${` begins a reference to another key, and this is none"
    for found in REFERENCE.finditer(text):
        resolver, colon, rest = found[1].partition(":")
        if colon and resolver.strip() not in RESOLVERS | (
            {"oc.env"} if kind == "credentials" else set()
        ):
            return f"`${{{found[1]}}}` asks for `{resolver}`, which parameters do not know"
        where = {"globals": stated.globals, "runtime_params": stated.params}
        place = where.get(resolver.strip(), merged) if colon else merged
        asked, default = (rest if colon else found[1]).strip(), "," in rest
        if resolver.strip() != "oc.env" and not default and not _has(place, asked, key):
            return f"`${{{found[1]}}}` is read as a reference to a key, and there is none like it"
    return None


def _has(values: Any, asked: str, key: str) -> bool:
    """Tell whether a key is there; one that begins with dots starts from where it is named."""
    name = asked.lstrip(".")
    above = len(asked) - len(name)
    start = key.split(".")[:-above] if above else []
    for part in [*start, *re.findall(r"[^.\[\]]+", name)]:
        if isinstance(values, list) and part.isdigit() and int(part) < len(values):
            values = values[int(part)]
        elif isinstance(values, Mapping) and part in values:
            values = values[part]
        else:
            return False
    return True
