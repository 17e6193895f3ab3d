"""Characters of Word's symbol fonts, whose codes mean another thing in Unicode."""

PRIVATE = range(0xF000, 0xF100)
SYMBOL = {
    **dict(zip(range(0x41, 0x5B), "ΑΒΧΔΕΦΓΗΙϑΚΛΜΝΟΠΘΡΣΤΥςΩΞΨΖ", strict=True)),
    **dict(zip(range(0x61, 0x7B), "αβχδεφγηιϕκλμνοπθρστυϖωξψζ", strict=True)),
    **dict(enumerate("€ϒ′≤⁄∞ƒ♣♦♥♠↔←↑→↓°±″≥×∝∂•÷≠≡≈…|─↵", 0xA0)),  # noqa: RUF001
    **dict(enumerate("ℵℑℜ℘⊗⊕∅∩∪⊃⊇⊄⊂⊆∈∉∠∇®©™∏√⋅¬∧∨⇔⇐⇑⇒⇓◊⟨®©™∑", 0xC0)),  # noqa: RUF001
    **{0x22: "∀", 0x24: "∃", 0x27: "∋", 0x2A: "∗", 0x2D: "−", 0x40: "≅", 0x5C: "∴"},  # noqa: RUF001
    **{0x5E: "⊥", 0x7E: "∼", 0xF1: "⟩", 0xF2: "∫"},  # noqa: RUF001
}
WINGDINGS = {
    **{0x28: "☎", 0x2A: "✉", 0x46: "☞", 0x4A: "☺", 0x4C: "☹", 0x6C: "●", 0x6D: "❍", 0x6E: "■"},
    **{0x6F: "□", 0x71: "❑", 0x72: "❒", 0x74: "⧫", 0x75: "◆", 0x76: "❖", 0x77: "⬥", 0x9F: "•"},
    **{0xA1: "○", 0xA7: "▪", 0xA8: "□", 0xD8: "➢", 0xDF: "←", 0xE0: "→", 0xE1: "↑", 0xE2: "↓"},
    **{0xE8: "➔", 0xF0: "⇨", 0xFB: "✗", 0xFC: "✓", 0xFD: "☒", 0xFE: "☑"},
}
WINGDINGS_2 = {0x4F: "✗", 0x50: "✓", 0x51: "☒", 0x52: "☑", 0x54: "☒", 0xA3: "□", 0x97: "●"}
FONTS = {"Symbol": SYMBOL, "Wingdings": WINGDINGS, "Wingdings 2": WINGDINGS_2}


def show_symbol(code: int, font: str) -> str:
    """Give the character that a font shows for a code; empty if it is not known here."""
    known = FONTS.get(font)
    if known is None:
        return "" if code in PRIVATE else chr(code)
    low = code - PRIVATE.start if code in PRIVATE else code
    if font == "Symbol" and 0x20 <= low < 0x7F:
        return known.get(low, chr(low))
    return known.get(low, "")
