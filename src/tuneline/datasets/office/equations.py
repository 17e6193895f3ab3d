"""Equations of Word in one line of text: x = (a + b)/2 (ECMA-376 part 1, 22.1)."""

from collections.abc import Callable, Iterator

from lxml.etree import _Element

from tuneline.datasets.office.package import get, name_of

RAISED = str.maketrans("0123456789+-=()ni", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁼⁽⁾ⁿⁱ")
LOWERED = str.maketrans("0123456789+-=()", "₀₁₂₃₄₅₆₇₈₉₊₋₌₍₎")
PROPERTIES = "Pr"


def show_equation(element: _Element) -> str:
    """Write an equation, or a part of one, in a line of text."""
    kind = name_of(element)
    if kind == "t":
        return element.text or ""
    if kind.endswith(PROPERTIES):
        return ""
    if kind in KINDS:
        return KINDS[kind](element)
    return "".join(show_equation(child) for child in element)


def _part(element: _Element, name: str) -> str:
    found = element.find(f"{{*}}{name}")
    return "" if found is None else show_equation(found)


def _property(element: _Element, name: str, default: str) -> str:
    """Give a character that the properties name; the default if they name none."""
    for properties in element:
        if name_of(properties).endswith(PROPERTIES):
            found = properties.find(f"{{*}}{name}")
            if found is not None:
                return get(found, "val") or ""
    return default


def _enclose(text: str) -> str:
    """Put brackets around what is more than a number or a name."""
    closed = text.startswith("(") and text.endswith(")") and text.count("(") == 1
    return text if text.isalnum() or closed or len(text) == 1 else f"({text})"


def _raise(text: str) -> str:
    return _script(text, RAISED, "^")


def _lower(text: str) -> str:
    return _script(text, LOWERED, "_")


def _script(text: str, small: dict[int, int], mark: str) -> str:
    if not text:
        return ""
    plain = text.replace("\N{MINUS SIGN}", "-")
    known = all(ord(one) in small for one in plain)
    return plain.translate(small) if known else f"{mark}{_enclose(text)}"


def _fraction(element: _Element) -> str:
    over, under = (_enclose(_part(element, name)) for name in ("num", "den"))
    if _property(element, "type", "bar") == "noBar":
        return f"({over} over {under})"
    return f"{over}/{under}"


def _root(element: _Element) -> str:
    degree, base = _part(element, "deg"), _part(element, "e")
    sign = {"3": "∛", "4": "∜"}.get(degree, "√")
    return f"{_raise(degree) if sign == '√' else ''}{sign}{_enclose(base)}"


def _delimiters(element: _Element) -> str:
    first, last = _property(element, "begChr", "("), _property(element, "endChr", ")")
    between = _property(element, "sepChr", "|")
    return first + between.join(map(show_equation, element.iterfind("{*}e"))) + last


def _operator(element: _Element) -> str:
    sign = _property(element, "chr", "∫")
    limits = _lower(_part(element, "sub")) + _raise(_part(element, "sup"))
    return f"{sign}{limits} {_part(element, 'e')}"


def _matrix(element: _Element) -> str:
    rows = (
        ", ".join(map(show_equation, row.iterfind("{*}e"))) for row in element.iterfind("{*}mr")
    )
    return "; ".join(rows)


def _lines(element: _Element) -> str:
    return "; ".join(map(show_equation, element.iterfind("{*}e")))


def _function(element: _Element) -> str:
    return f"{_part(element, 'fName')} {_enclose(_part(element, 'e'))}"


def _scripts(element: _Element) -> str:
    below, above = _lower(_part(element, "sub")), _raise(_part(element, "sup"))
    if name_of(element) == "sPre":
        return below + above + _part(element, "e")
    base = _part(element, "e")
    return (base if base.isalnum() else _enclose(base)) + below + above


def _limit(element: _Element) -> str:
    write = _lower if name_of(element) == "limLow" else _raise
    return _part(element, "e") + write(_part(element, "lim"))


def _accent(element: _Element) -> str:
    accent = "\N{COMBINING OVERLINE}"
    if name_of(element) == "acc":
        accent = _property(element, "chr", "\N{COMBINING CIRCUMFLEX ACCENT}")
    return "".join(f"{one}{accent}" for one in _part(element, "e"))


KINDS: dict[str, Callable[[_Element], str]] = {
    "f": _fraction,
    "rad": _root,
    "d": _delimiters,
    "nary": _operator,
    "m": _matrix,
    "eqArr": _lines,
    "func": _function,
    "sSup": _scripts,
    "sSub": _scripts,
    "sSubSup": _scripts,
    "sPre": _scripts,
    "limLow": _limit,
    "limUpp": _limit,
    "acc": _accent,
    "bar": _accent,
    "del": lambda element: "",
    "moveFrom": lambda element: "",
}


def split_equations(element: _Element) -> Iterator[str]:
    """Write the equations of a paragraph of them, one by one."""
    for child in element:
        if name_of(child) == "oMath":
            yield show_equation(child)
