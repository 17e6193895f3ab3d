"""The styles of a document, and the properties that paragraphs and characters state."""

from dataclasses import dataclass

from lxml.etree import _Element

from tuneline.datasets.office.package import get

# The outline level of a paragraph that is no heading (ECMA-376 part 1, 17.3.1.20).
BODY_LEVEL = 9
OFF = ("0", "false", "off", "none")


@dataclass(frozen=True)
class Style:
    """A style of paragraphs or characters; None where it says nothing.

    Attributes:
        base: the style that it builds on.
        hidden: whether its text is hidden.
        list_name: the list that it belongs to; `0` for none.
        level: the level in that list.
        outline: the level as a heading, from 0; `BODY_LEVEL` for none.
    """

    base: str | None
    hidden: bool | None
    list_name: str | None
    level: int | None
    outline: int | None


class Styles:
    """The styles of a document.

    Attributes:
        default: the name of the style of paragraphs that name none.
        linked: the list of each style that has one.
    """

    def __init__(self, root: _Element | None) -> None:
        self.default = ""
        self._styles: dict[str, Style] = {}
        for one in [] if root is None else root.iterfind("{*}style"):
            name = get(one, "styleId") or ""
            if get(one, "type") == "paragraph" and get(one, "default") in ("1", "true", "on"):
                self.default = name
            base = one.find("{*}basedOn")
            self._styles[name] = Style(
                None if base is None else get(base, "val"),
                read_switch(one.find("{*}rPr"), "vanish"),
                *read_list(one.find("{*}pPr")),
                read_outline(one.find("{*}pPr")),
            )
        self.linked = {
            name: style.list_name for name, style in self._styles.items() if style.list_name
        }

    def is_hidden(self, name: str | None) -> bool:
        """Tell whether a style hides its text."""
        return next((one.hidden for one in self._chain(name) if one.hidden is not None), False)

    def find_list(self, name: str) -> tuple[str | None, int | None, str]:
        """Find the list and level of a style, and the style that says so."""
        named = name
        for style in self._chain(name):
            if style.list_name is not None:
                return style.list_name, style.level, named
            named = style.base or ""
        return None, None, name

    def find_outline(self, name: str) -> int | None:
        """Find the level that a style has as a heading; None if it says nothing."""
        return next((one.outline for one in self._chain(name) if one.outline is not None), None)

    def _chain(self, name: str | None) -> list[Style]:
        """List a style and those it builds on."""
        chain: list[Style] = []
        while name in self._styles and self._styles[name] not in chain:
            chain.append(self._styles[name])
            name = chain[-1].base
        return chain


def read_switch(properties: _Element | None, name: str) -> bool | None:
    """Read a property that is on or off; None if it is not there."""
    found = None if properties is None else properties.find(f"{{*}}{name}")
    return None if found is None else get(found, "val") not in OFF


def read_list(properties: _Element | None) -> tuple[str | None, int | None]:
    """Read the list and the level that a paragraph's properties name."""
    number = None if properties is None else properties.find("{*}numPr")
    if number is None:
        return None, None
    name, level = number.find("{*}numId"), number.find("{*}ilvl")
    return (
        None if name is None else get(name, "val"),
        None if level is None else int(get(level, "val") or 0),
    )


def read_outline(properties: _Element | None) -> int | None:
    """Read the level of a heading, from 0; None if it is not there."""
    found = None if properties is None else properties.find("{*}outlineLvl")
    return None if found is None else int(get(found, "val") or 0)
