"""Reads the documentation: which commands it names, and which files."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

PROJECT = Path(__file__).parents[1]
SHELLS = {"bash", "sh", "shell", "console"}
# Words that begin a command inside a sentence or a table.
STARTS = r"(?:kedro|make|pip|python3?|git|docker|airflow)"
INLINE = re.compile(rf"``? ?((?:[A-Z_]+=\S+ )*{STARTS} [^`]+?) ?``?")
# `kedro chat: …` is what a command says.
MESSAGE = re.compile(r"\w+ [\w-]+: ")
# In a comment: alone and indented, in brackets, or after a colon. `make` is too common a verb.
COMMENTED = re.compile(rf"#\s{{2,}}({STARTS} .+)$|[(:] ?((?:kedro|pip) [^)]+)")
FENCE = re.compile(r"^\s*(?:```|~~~)(\w*)")
PLACEHOLDER = r"<[^>`]*>"
NAMED_FILE = re.compile(
    rf"`((?:data|conf|src|docs|tests|scripts|notebooks)/"
    rf"(?:{PLACEHOLDER}|[^`\s])*)`|(data/0\d_\w+/(?:{PLACEHOLDER}|[\w./*-])+)"
)


@dataclass
class Command:
    """A command line as the documentation shows it, and where."""

    text: str
    places: list[str] = field(default_factory=list)


def list_pages() -> list[Path]:
    """Name README, CONTRIBUTING and every page of `docs`."""
    first = [PROJECT / "README.md", PROJECT / "CONTRIBUTING.md"]
    return [*first, *sorted((PROJECT / "docs").rglob("*.md"))]


def collect_commands() -> list[Command]:
    """Collect the commands of all pages and of the comments in `conf`, equal ones once."""
    commands: dict[str, Command] = {}
    configuration = sorted((PROJECT / "conf").rglob("*.yml"))
    found = [one for page in list_pages() for one in _read_page(page)]
    found += [one for path in configuration for one in _read_comments(path)]
    for text, place in found:
        commands.setdefault(text, Command(text)).places.append(place)
    return list(commands.values())


def collect_files() -> dict[str, str]:
    """Collect the files that the pages name, each with the first place that names it."""
    files: dict[str, str] = {}
    for page in list_pages():
        for number, line in enumerate(page.read_text("utf-8").splitlines(), 1):
            for match in NAMED_FILE.finditer(line):
                name = (match[1] or match[2]).rstrip("./,;:")
                files.setdefault(name, f"{page.relative_to(PROJECT)}:{number}")
    return files


def _read_page(page: Path) -> Iterator[tuple[str, str]]:
    language, begun = None, ""
    for number, line in enumerate(page.read_text("utf-8").splitlines(), 1):
        place = f"{page.relative_to(PROJECT)}:{number}"
        if fence := FENCE.match(line):
            language = None if language is not None else fence[1]
        elif language in SHELLS:
            if "# or: " in line:
                yield _tidy(line.split("# or: ")[1]), place
            begun += _strip_comment(line)
            if begun.endswith("\\"):
                begun = begun[:-1]
            elif begun:
                yield from ((one, place) for one in _split(begun))
                begun = ""
        elif language is None:
            found = (_tidy(match[1]) for match in INLINE.finditer(line))
            yield from ((one, place) for one in found if not MESSAGE.match(one))


def _read_comments(path: Path) -> Iterator[tuple[str, str]]:
    text = re.sub(r"\\\n\s*#\s*", "", path.read_text("utf-8"))
    for number, line in enumerate(text.splitlines(), 1):
        if match := COMMENTED.search(line) if "#" in line else None:
            command = re.split(r"\s{2,}", match[1] or match[2].rstrip(".;"))[0]
            yield _tidy(command), f"{path.relative_to(PROJECT)}:{number}"


def _strip_comment(line: str) -> str:
    return re.sub(r"(^|\s+)#.*$", "", line).strip().removeprefix("$ ")


def _split(line: str) -> list[str]:
    return [_tidy(one) for one in line.split(" && ")]


def _tidy(command: str) -> str:
    return " ".join(command.split())
