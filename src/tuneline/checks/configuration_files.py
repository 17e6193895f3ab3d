"""The YAML files of `conf/`, checked before Kedro reads them: it names neither file nor key."""

import io
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import reduce
from pathlib import Path
from typing import Any

import yaml
from kedro.config import OmegaConfigLoader
from omegaconf import OmegaConf
from omegaconf.errors import GrammarParseError

from tuneline.errors import Problem, TunelineError
from tuneline.use_cases import LOADER

# What Kedro reads, by the beginning of a file's or a folder's name (its `config_patterns`).
KINDS = ("parameters", "catalog", "credentials", "globals")
# A reference that no backslash turns into plain signs (OmegaConf's grammar).
REFERENCE = re.compile(r"(?<!\\)(?:\\\\)*\$\{([^{}]*)\}")
BEGINS = re.compile(r"(?<!\\)(?:\\\\)*\$\{")
# Resolvers that Kedro offers; environment variables are for credentials alone.
RESOLVERS = {"globals", "runtime_params"}


# A user's own settings: they count on every machine, after those of the machine.
LOCAL = "local"


class SoftConfigLoader(OmegaConfigLoader):
    """Kedro's loader, which reads `conf/local` last on every machine.

    Its soft merge leaves the values as they are: Kedro's own reads them once more, and fails at the
    signs that a backslash had made plain.
    """

    def __getitem__(self, key: str) -> dict[str, Any]:
        """Merge `base`, the environment and `conf/local`; settle seeds and published recipes."""
        config: dict[str, Any] = super().__getitem__(key)
        if key in self:
            return config
        folder = Path(self.conf_source) / LOCAL
        if self.env != LOCAL and folder.is_dir():
            patterns = [*self.config_patterns[key]]
            local = self.load_and_merge_dir_config(
                str(folder), patterns, key, set(), key == "credentials"
            )
            config = merge(config, local)
        if key == "parameters":
            from tuneline.parameters.use_case import apply_published, spread_seed

            return {
                name: spread_seed(apply_published(block)) if isinstance(block, dict) else block
                for name, block in config.items()
            }
        return config

    @staticmethod
    def _soft_merge(
        config: dict[str, Any], env_config: dict[str, Any], env_path: str | None = None
    ) -> dict[str, Any]:
        return merge(config, env_config)


class _StrictLoader(LOADER):  # type: ignore[valid-type,misc]
    """Refuses a key that a mapping states twice, as OmegaConf does."""

    def construct_mapping(self, node: Any, deep: bool = False) -> Any:
        seen: set[str] = set()
        for key, _ in node.value:
            if key.value in seen and key.value != "<<":
                raise yaml.constructor.ConstructorError(
                    None, None, f"the key `{key.value}` is stated twice", key.start_mark
                )
            seen.add(key.value)
        return super().construct_mapping(node, deep)


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


def merge(below: Mapping[Any, Any], above: Mapping[Any, Any]) -> dict[Any, Any]:
    """Merge two nested mappings; what is above counts, a list as a whole."""
    merged = dict(below)
    for key, value in above.items():
        both = isinstance(value, Mapping) and isinstance(merged.get(key), Mapping)
        merged[key] = merge(merged[key], value) if both else value
    return merged


def list_configuration_files(conf: Path, env: str) -> Iterator[tuple[str, str, Path]]:
    """List the files of an environment that Kedro reads: kind, name for a user, path."""
    folder = conf / env
    for path in sorted(folder.rglob("*")):
        if path.suffix not in {".yml", ".yaml", ".json"} or not path.is_file():
            continue
        parts = path.relative_to(folder).parts
        kind = next((kind for kind in KINDS if any(one.startswith(kind) for one in parts)), None)
        if kind and not any(one.startswith(".") for one in parts):
            yield kind, f"conf/{path.relative_to(conf).as_posix()}", path


def read_file(path: Path, name: str) -> dict[Any, Any]:
    """Read a file of `conf/`.

    Raises:
        TunelineError: naming the file, if it is not UTF-8, no YAML, or holds no keys.
    """
    content = path.read_bytes()
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise TunelineError(_format_encoding(name, content, error)) from error
    try:
        found = yaml.load(io.StringIO(text), Loader=_StrictLoader)  # noqa: S506 - a safe one
    except yaml.YAMLError as error:
        raise TunelineError(_format_syntax(name, text, error)) from error
    if found is None:
        return {}
    if not isinstance(found, dict) or any(key is None for key in found):
        raise TunelineError(
            Problem(
                where=name,
                wrong=f"it holds {_name_type(found)}, not keys with values",
                matters="nothing in it has a name",
                remedy="begin with a key at the left margin, such as `hardware:`",
            )
        )
    return found


def _name_type(found: Any) -> str:
    if isinstance(found, dict):
        return "a key without a name"
    return "a list" if isinstance(found, list) else "a single value"


def _format_encoding(name: str, content: bytes, error: UnicodeDecodeError) -> Problem:
    from tuneline.utils.text import guess_encoding

    line = content[: error.start].count(b"\n") + 1
    guess = guess_encoding(content)
    return Problem(
        where=f"{name}, line {line}",
        wrong="the file is not UTF-8" + (f" but probably {guess}" if guess else ""),
        matters="its letters would be read wrongly",
        remedy="save it again with the encoding UTF-8, which every editor offers",
    )


def _format_syntax(name: str, text: str, error: yaml.YAMLError) -> Problem:
    mark, reason = getattr(error, "problem_mark", None), getattr(error, "problem", None)
    line = mark.line if mark else text[: getattr(error, "position", 0)].count("\n")
    return Problem(
        where=f"{name}, line {line + 1}",
        wrong=f"it cannot be read as YAML ({reason or getattr(error, 'reason', error)})",
        matters="no command can read the settings",
        remedy="put a text that holds one of `: # ? [ ] { } ,` into double quotes, indent with "
        "spaces only, and state each key once",
    )


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
