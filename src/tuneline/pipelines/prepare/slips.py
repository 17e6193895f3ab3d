"""Slips that a template and what fills it make together: signs of a sentence that is broken."""

import regex

# Prepositions of Czech and English that no other follows; not `se`, which is a pronoun, too.
PREPOSITIONS = (
    "na|při|pro|proti|od|do|u|v|ve|k|ke|s|z|ze|pod|nad|bez|for|with|from|of|by|into|against|during"
)
SLIPS = {
    name: regex.compile(pattern, regex.IGNORECASE)
    for name, pattern in {
        "a doubled word": r"(?<![\w-])(\p{L}+)\s+\1(?![\w-])",
        "two prepositions": rf"(?<![\w-])(?:{PREPOSITIONS})\s+(?:{PREPOSITIONS})(?![\w-])",
        "nothing between quotation marks": r"„\s*[“”]|“\s*”|«\s*»|\"\s*\"|\(\s*\)",
        "nothing after a colon": r":\s*(?:[.;,]|$)",
        "a doubled sign": r"(?<!\.)\.\s*\.(?![.\w])|[,;:]\s*[,;:.](?!\w)|[?!]\.",
        "a blank before a sign": r"\S [,.](?![\w.])|\w [;:!?](?!\w)",
    }.items()
}
COUNTER = regex.compile(r"(?<!\w)\w{1,2}\)$")  # `1)` and `a)` count what follows
OPENING = {")": "(", "]": "[", "}": "{"}


def find_slip(text: str) -> str:
    """Look for a sign of a broken sentence.

    Such signs are rare in sentences that are right, but they occur: it is for a person to judge.

    Args:
        text: a question or an answer.

    Returns:
        The first slip with the text, in words; empty if there is none.
    """
    found = (name for name, pattern in SLIPS.items() if pattern.search(text))
    name = next(found, "" if _is_balanced(text) else "an unbalanced bracket or quotation mark")
    return f"{name}: `{text}`" if name else ""


def _is_balanced(text: str) -> bool:
    opened: list[str] = []
    for match in regex.finditer(r"[()\[\]{}]", text):
        if match[0] in OPENING.values():
            opened.append(match[0])
        elif opened and opened[-1] == OPENING[match[0]]:
            opened.pop()
        elif opened or not COUNTER.search(text[: match.end()]):
            return False
    # „Czech“ closes with the sign that opens “English”.
    low, middle, high = (text.count(sign) for sign in "„“”")
    quoted = low == middle + high if low else middle == high
    return not opened and quoted and text.count("«") == text.count("»")
