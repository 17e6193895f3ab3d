"""The encoding that a text has, or is likely to have, and the headings in a text.

A text in another encoding passes through the readers as UTF-8. What its encoding does not have
travels in it as a *mark*, a lone surrogate, which no UTF-8 text may hold: a row with a mark is then
as unreadable as a UTF-8 row with a foreign byte, and no byte is taken for a text that it is not.
"""

import codecs
import re
import unicodedata
from collections import Counter
from collections.abc import Iterator
from functools import lru_cache
from itertools import chain

import polars as pl
import regex

# A guess from a part of the text is as good, and much sooner there.
GUESS_BYTES = 1 << 14
EXPLAINED_CHARACTERS = 400
# What the first byte of an accented letter in UTF-8 looks like in Windows-1250, 1251 and 1252, with
# something after it that is not ASCII either. ftfy then tells mojibake from honest text. In two
# parts: a class of more than ten letters is not looked for as a whole, which is five times as slow.
MOJIBAKE = r"[ÂÃÄÅĂĹâ][^\x00-\x7f]|[ÐÑРС][^\x00-\x7f]"
BYTE_ORDER_MARKS = {
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
# Encodings that have all characters of another one, and some more in its gaps.
WIDER = {
    "big5": "big5hkscs",
    "euc_kr": "cp949",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "iso8859-1": "cp1252",
    "iso8859-15": "cp1252",
    "iso8859-2": "cp1250",
    "iso8859-5": "cp1251",
    "iso8859-7": "cp1253",
    "iso8859-8": "cp1255",
    "iso8859-9": "cp1254",
    "shift_jis": "cp932",
    "tis-620": "cp874",
}
MARK = "tuneline.mark"
# Where the marks of foreign bytes and of control characters begin; the byte or the code follows.
FOREIGN, CONTROL = 0xDC00, 0xDD00
MARKS = re.compile("[\udc00-\uddff]")
# No text holds these; where they come out, the bytes are those of another encoding.
CONTROLS = re.compile("[\x80-\x9f]")
# Why a row is rejected that is in another encoding.
NOT_UTF8 = "not UTF-8"
NOT_ENCODED = r"^(not [^:]+): byte 0x"
# Scripts that put no space between words: each of their characters counts as a word.
UNSPACED = r"\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}"
TAG = regex.compile(r"</?[A-Za-z][^<>]*>")
# What makes two headings the same; the punctuation and the ornaments around it do not.
KEPT = regex.compile(r"[\p{L}\p{N}\p{Sc}%&+=]|(?<=\p{L})#+(?=\s|$)")
# Accents of Latin, Greek and Cyrillic letters, once they are letters of their own (NFKD). The marks
# of other scripts are vowels and tones, without which a word is another one.
ACCENTS = regex.compile("[\u0300-\u036f]")
ORNAMENT = r"[^\p{L}\p{N}]*"
NUMBER = r"\d{1,3}(?:\.\d{1,3})*|[IVXLC]+|[ivxlc]+|\p{L}|[一二三四五六七八九十百]+"
AFTER = r"[.):\]、]+|\s+[\u2013\u2014-]\s"
NUMBERING = regex.compile(
    rf"^{ORNAMENT}(?:(?:(?:{NUMBER})(?:{AFTER})|第[\d一二三四五六七八九十百]+[章節节部條条]){ORNAMENT})*"
)
UNDERLINE = regex.compile(r"\s*[=*_~-]{2,}\s*$")
BARE_NUMBER = regex.compile(r"^\d{1,2}(?:\.\d{1,2})*[^\p{L}\p{N}]+")


def is_utf8(encoding: str) -> bool:
    """Tell whether an encoding is UTF-8, with a byte order mark or without."""
    return normalize_name(encoding) in ("utf-8", "utf-8-sig")


def normalize_name(encoding: str) -> str:
    """Give an encoding the name that Python has for it: `iso8859-1` for `latin-1`."""
    return codecs.lookup(encoding).name


def is_encoding(name: str) -> bool:
    """Tell whether texts can be read in an encoding of this name."""
    try:
        b"a".decode(name)
        codecs.getincrementaldecoder(name)(MARK).decode(b"a", final=True)
    except UnicodeDecodeError:
        return True
    except (LookupError, UnicodeError, TypeError):  # no codec, none of texts, none that marks
        return False
    return True


def recode(chunks: Iterator[bytes], encoding: str) -> Iterator[bytes]:
    """Turn a text into UTF-8, piece by piece.

    There are marks for what the encoding does not have: undefined bytes, and in an encoding that is
    not one of Unicode's control characters.
    """
    decoder = codecs.getincrementaldecoder(encoding)(MARK)
    unicode = codecs.lookup(encoding).name.startswith("utf")
    for chunk, final in chain(((chunk, False) for chunk in chunks), [(b"", True)]):
        text = decoder.decode(chunk, final)
        if not unicode:
            text = CONTROLS.sub(lambda found: chr(CONTROL + ord(found[0])), text)
        yield text.encode("utf-8", "surrogatepass")


def find_fault(text: bytes, encoding: str) -> str | None:
    """Say where bytes stop being of their encoding.

    A row that is not UTF-8 is as `recode` gives it; the place is in the row's own encoding.
    """
    try:
        text.decode()
    except UnicodeDecodeError as error:
        if is_utf8(encoding):
            return describe_byte(error)
    else:
        return None
    characters = text.decode("utf-8", "surrogatepass")
    found = MARKS.search(characters)
    if found is None:  # UTF-7 can spell surrogates
        return f"not {encoding}: byte 0x{text[0]:02x} at 0"
    before = len(characters[: found.start()].encode(encoding, "replace")) - len("".encode(encoding))
    code = ord(found[0])
    if code < CONTROL:
        return f"not {encoding}: byte 0x{code - FOREIGN:02x} at {before}"
    byte = chr(code - CONTROL).encode(encoding)[0]
    return f"not {encoding}: byte 0x{byte:02x} at {before} is a control character"


def describe_byte(error: UnicodeDecodeError) -> str:
    """Say where bytes stop being UTF-8."""
    return f"{NOT_UTF8}: byte 0x{error.object[error.start]:02x} at {error.start}"


def show_marks(text: bytes) -> bytes:
    r"""Write the marks of a text as what they stand for, such as `\x96`."""
    try:
        characters = text.decode("utf-8", "surrogatepass")
    except UnicodeDecodeError:
        return text
    return MARKS.sub(lambda found: f"\\x{ord(found[0]) & 0xFF:02x}", characters).encode(
        "utf-8", "backslashreplace"
    )


def guess_encoding(text: bytes) -> str | None:
    """Guess the encoding of a text that is not UTF-8; None if nothing fits."""
    marks = BYTE_ORDER_MARKS.items()
    marked = next((name for mark, name in marks if text.startswith(mark)), None)
    if marked:
        return marked
    from charset_normalizer import from_bytes

    best = from_bytes(text[:GUESS_BYTES]).best()
    return best.encoding if best else None


def find_mojibake(texts: pl.Series) -> Counter[str]:
    """Count texts whose UTF-8 was once read in another encoding (`cafÃ©`), by that encoding."""
    suspects = texts.filter(texts.str.contains(MOJIBAKE))
    found: Counter[str] = Counter()
    if suspects.is_empty():
        return found
    import ftfy

    for text in suspects.str.slice(0, EXPLAINED_CHARACTERS):
        steps = ftfy.fix_and_explain(text).explanation or []
        found.update(step.parameter for step in steps[:1] if step.action == "encode")
    return found


def _mark(error: UnicodeError) -> tuple[str, int]:
    """Let foreign bytes pass as marks; a line end among them still ends the line."""
    if not isinstance(error, UnicodeDecodeError):
        raise error
    keeps_lines = not error.encoding.startswith("utf")
    foreign = error.object[error.start : error.end]
    marks = ("\n" if keeps_lines and byte == 0x0A else chr(FOREIGN + byte) for byte in foreign)
    return "".join(marks), error.end


codecs.register_error(MARK, _mark)


def is_heading(line: str, heading: str) -> bool:
    """Tell whether a line is a heading and nothing else.

    Numbering (`1.`, `4.1`, `IV)`, `a)`, `一、`, `2` alone), bullets, markup (`##`, `**`, `<h2>`),
    letter case, accents and punctuation may differ; the numbers of the heading itself may not.
    """
    forms = _list_forms(line)
    return any(form in forms for form in _list_forms(heading)[:2])


def fold_heading(line: str) -> str:
    """Reduce a line to what makes two headings the same: letters and digits, without numbering."""
    return _list_forms(line)[-1]


@lru_cache(maxsize=10_000)
def _list_forms(line: str) -> tuple[str, ...]:
    """List what a line says: as it is, without its numbering, and without a bare number too."""
    plain = UNDERLINE.sub("", unicodedata.normalize("NFKC", TAG.sub(" ", line)))
    unnumbered = NUMBERING.sub("", plain) or plain
    bare = BARE_NUMBER.sub("", unnumbered) or unnumbered
    return tuple(map(_fold, (plain, unnumbered, bare)))


def _fold(text: str) -> str:
    folded = ACCENTS.sub("", unicodedata.normalize("NFKD", text.casefold()))
    return "".join(KEPT.findall(unicodedata.normalize("NFKC", folded))) or text.strip()
