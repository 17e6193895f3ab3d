"""The names of docs/log.md's table have gone, and the pages stay short."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.documentation import PROJECT, list_pages

LOG = PROJECT / "docs/log.md"
# Old names that no search can tell, and why.
ORDINARY = {
    "words of plain English": "asked, cleared, collected, derived, dialogues, embedded, key, "
    "ladder, options, overflow, parallel, places, shown, side, slips, words, the ratings",
    "facts of a table": "…_facts",
    "its parts are options of Kedro's": "--pipeline=<use_case> --tags=<stage>",
}
# Metaphors for "is" and "after", and British spelling.
AVOIDED = re.compile(
    r"\b(?:behind|beside|stood|stands?(?!-| for)|behaviour|colours?|dearer|favour|judgements?"
    r"|learnt|licences?|litres?|misspelt|moulds?|mouldy|neighbours?|per cent|towards)\b",
    re.IGNORECASE,
)
SEARCHED = [
    *(path for path in list_pages() if path != LOG),
    *sorted((PROJECT / "notebooks").glob("*.ipynb")),
    *sorted((PROJECT / "conf").rglob("*.yml")),
    *sorted((PROJECT / "src").rglob("*.py")),
    *sorted((PROJECT / "src").rglob("*.jinja")),
]


def list_old_names() -> Iterator[str]:
    """List the names to the left of the arrows, without those that are ordinary words."""
    ordinary = {name for names in ORDINARY.values() for name in names.split(", ")}
    table = LOG.read_text("utf-8").split("**Names**")[1]
    for row in re.findall(r"^\| [^|]+ \| (.+) \|$", table, flags=re.MULTILINE):
        for change in row.split(";"):
            old, arrow, _ = change.partition("→")
            names = re.findall(r"`([^`]+)`", old) or [old.strip(' "')]
            yield from (name for name in names if arrow and name not in ordinary)


@pytest.mark.parametrize("name", list_old_names())
def test_an_old_name_is_nowhere(name: str):
    pattern = re.compile(rf"(?<!\w){re.escape(name)}(?!\w)".replace("…", r"\w+"))
    found = [
        str(path.relative_to(PROJECT))
        for path in SEARCHED
        if pattern.search(path.read_text("utf-8"))
    ]
    assert found == []


def test_the_words_are_those_of_the_field():
    said = {path: path.read_text("utf-8") for path in SEARCHED if path.name != "units.py"}
    found = [
        f"{path.relative_to(PROJECT)}: {match[0]}"
        for path, text in said.items()
        for match in AVOIDED.finditer(text)
    ]
    assert found == []


def count_words(pages: list[Path]) -> int:
    """Count what has a letter or a digit: the bars of a table are no words."""
    texts = (page.read_text("utf-8").split() for page in pages)
    return sum(any(map(str.isalnum, word)) for text in texts for word in text)


def test_the_pages_stay_short():
    generated = {"parameters.md"}  # It grows with every key.
    pages = [one for one in (PROJECT / "docs").glob("*.md") if one.name not in generated]
    assert count_words(pages) < 24_000
    assert len((PROJECT / "README.md").read_text("utf-8").splitlines()) <= 90
