"""Text in Markdown: whatever a user or a model wrote stays text."""

import re
from collections.abc import Iterable, Sequence
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

# Signs that begin something in GitHub's Markdown, HTML among it. A backslash makes a sign of each.
SIGNS = re.compile(r"([\\`*_\[\]<>&|~#!$])")
# What begins a list, a ruler or an underlined heading where it stands first: `- a`, `1. a`, `===`.
START = re.compile(r"^(\d+(?=[.)])|(?=[-+=]))(.)(?=[-+=\s]|$)")
BACKTICKS = re.compile(r"`+")


def escape(text: str) -> Markup:
    """Make one line of a text that Markdown shows as it is, in a sentence or in a table's cell."""
    line = START.sub(r"\1\\\2", SIGNS.sub(r"\\\1", " ".join(text.split())))
    return Markup(line)  # noqa: S704 - escaped just now


def code(text: str) -> Markup:
    """Show a short text as code. A pipe would end a table's cell even in code, so it is escaped."""
    line = " ".join(text.split())
    if "|" in line or not line:
        return escape(line)
    mark = "`" * (_longest_run(line) + 1)
    space = " " if line.startswith("`") or line.endswith("`") else ""
    return Markup(f"{mark}{space}{line}{space}{mark}")  # noqa: S704 - no run of backticks ends it


def fence(text: str, language: str = "text") -> Markup:
    """Show a text of several lines between fences that no run of backticks in it closes."""
    mark = "`" * max(3, _longest_run(text) + 1)
    lines = "\n".join(text.splitlines())  # also of separators that Markdown does not know
    return Markup(f"{mark}{language}\n{lines}\n{mark}")  # noqa: S704 - nothing in it ends the fence


def table(header: Sequence[str], rows: Iterable[Sequence[Any]]) -> Markup:
    """Lay out a table; the first column is text, the others are numbers or words."""
    lines = [header, ["---", *["---:"] * (len(header) - 1)], *rows]
    return Markup("\n").join(
        Markup("| ") + Markup(" | ").join(_cell(cell, row == 1) for cell in line) + Markup(" |")
        for row, line in enumerate(lines)
    )


def render(template: str, **values: Any) -> str:
    """Render a template of this package to Markdown.

    Args:
        template: its path in the package.
        values: what it shows; every text is escaped but `Markup`.

    Returns:
        Markdown.
    """
    environment = Environment(
        loader=PackageLoader("tuneline", ""),
        finalize=_finalize,
        autoescape=False,  # noqa: S701 - this is Markdown; `finalize` escapes for it
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["code"] = code
    environment.filters["fence"] = fence
    return environment.get_template(template).render(**values)


def _finalize(value: Any) -> Any:
    return escape(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def _cell(value: Any, is_ruler: bool) -> Markup:
    if is_ruler or isinstance(value, Markup):
        return Markup(value)  # noqa: S704 - our own, or escaped before
    return escape("not known" if value is None else str(value))


def _longest_run(text: str) -> int:
    return max((len(run) for run in BACKTICKS.findall(text)), default=0)
