"""Kedro's configuration, read as Kedro reads it, with a sentence where it cannot be."""

import io
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml
from kedro.config import OmegaConfigLoader

from tuneline.errors import Problem, TunelineError
from tuneline.use_cases import LOADER

# What Kedro reads, by the beginning of a file's or a folder's name (its `config_patterns`).
KINDS = ("parameters", "catalog", "credentials", "globals")
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
