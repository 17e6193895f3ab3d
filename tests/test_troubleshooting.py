"""The page on troubleshooting quotes messages that the code has, and none is missing."""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from tests.documentation import PROJECT, list_pages

PAGE = PROJECT / "docs/troubleshooting.md"
# The section whose messages come from elsewhere.
FOREIGN = "## What Tuneline does not word itself"
# Words of pydantic, and of Kedro, that reach the reader through our pattern.
BORROWED = {"input should be …", "Cannot save versioned dataset 'scores.json'"}
# What a reader cannot cause from the command line.
INTERNAL = {
    "one of them must have no placeholder, to fit every answer",
    "processes",  # a key, in a condition
}
SPAN = re.compile(r"(`+)(.+?)\1(?!`)")
GAP = "…"
SHORTEST = 8


def list_quoted(page: str) -> list[str]:
    """List the messages that a page's tables of messages quote in their first column."""
    quoted, in_table = [], False
    for line in page.splitlines():
        in_table = line.startswith("|") and (in_table or "message" in line.split("|")[1])
        if in_table:
            cell = re.sub(r"(?<=` )\(`[^`]+`\)", "", re.split(r"(?<!\\)\|", line)[1])
            quoted += [match[2].strip() for match in SPAN.finditer(cell)]
    return quoted


@cache
def list_quoted_anywhere() -> list[str]:
    """List the messages of all pages, and each without the name of what it is about."""
    quoted = [one for page in list_pages() for one in list_quoted(page.read_text("utf-8"))]
    return quoted + [one.rsplit(": ", 1)[1] for one in quoted if ": " in one]


QUOTED = set(list_quoted(PAGE.read_text("utf-8").split(FOREIGN)[0])) - BORROWED


@cache
def list_texts() -> list[str]:
    """List all texts of the source; a gap stands for what is filled in."""
    return [text for tree in read_source() for text in find_texts(tree)]


def list_problems() -> list[str]:
    """List what is wrong, as the code words it, wherever it does so in one text."""
    problems = []
    for tree in read_source():
        for call in (one for one in ast.walk(tree) if isinstance(one, ast.Call)):
            name = getattr(call.func, "id", "")
            if name == "Problem":
                wrong = next((one.value for one in call.keywords if one.arg == "wrong"), None)
                problems += find_texts(wrong) if isinstance(wrong, TEXTS) else []
            elif name == "ValueError" and call.args and isinstance(call.args[0], TEXTS):
                problems += [one.split(";")[0] for one in find_texts(call.args[0])]
    return [one for one in problems if set(one) - set(f"{GAP} :`.") and one not in INTERNAL]


TEXTS = ast.Constant | ast.JoinedStr | ast.IfExp


def read_source() -> Iterator[ast.AST]:
    for path in sorted((PROJECT / "src").rglob("*.py")):
        yield ast.parse(Path(path).read_text("utf-8"))


def find_texts(tree: ast.AST) -> Iterator[str]:
    """Find texts; those inside an f-string are parts of it."""
    if isinstance(tree, ast.JoinedStr):
        parts = (one.value if isinstance(one, ast.Constant) else GAP for one in tree.values)
        yield "".join(str(part) for part in parts)
    elif isinstance(tree, ast.Constant):
        if isinstance(tree.value, str):
            yield tree.value
    else:
        for child in ast.iter_child_nodes(tree):
            yield from find_texts(child)


def quotes(quoted: str, text: str) -> bool:
    """Tell whether a quotation's pieces are in a text, in their order."""
    pieces = [piece.strip() for piece in quoted.split(GAP) if piece.strip()]
    pattern = ".*".join(map(re.escape, pieces))
    enough = len(pattern) >= SHORTEST  # a gap alone would quote everything
    return enough and bool(re.search(pattern, text, re.DOTALL | re.IGNORECASE))


@pytest.mark.parametrize("quoted", sorted(QUOTED))
def test_a_message_that_is_quoted_is_one_that_the_code_has(quoted: str):
    assert any(quotes(quoted, text) for text in list_texts()), quoted


@pytest.mark.parametrize("problem", sorted(set(list_problems())))
def test_a_message_that_the_code_has_is_quoted(problem: str):
    assert any(quotes(quoted, problem) for quoted in list_quoted_anywhere()), (
        f"neither docs/troubleshooting.md nor another table says what to do about: {problem}"
    )
