"""Which items of a table say the same, and which are too like each other to be told apart."""

from collections import Counter
from collections.abc import Iterable, Mapping

import regex
from rapidfuzz.distance import Prefix

from tuneline.parameters.table import Similarity
from tuneline.utils.words import normalize_words

# Letters with which two words must begin to be forms of one; shorter words must be equal.
LEAST_LETTERS = 3
# Signs that make another item of it, as in `C++` and `< 5`; and a minus before a number.
SIGNS = regex.compile(r"[\p{S}%#&*@]")
MINUS = regex.compile(r"(?<!\w)\p{Pd}(?=\d)")
# Prepositions of Czech and English that no other follows; not `se`, which is a pronoun, too.
PREPOSITIONS = (
    "na|při|pro|proti|od|do|u|v|ve|k|ke|s|z|ze|pod|nad|bez|for|with|from|of|by|into|against|during"
)
TYPOS = {
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


class SimilarItems:
    """The items of a table, each with a name that it shares with those that say the same.

    The name is the commonest spelling. Without a similarity, items are one if they are equal in any
    letter case, and none is like another.
    """

    def __init__(self, items: Iterable[str], similarity: Similarity | None) -> None:
        counts = Counter(items)
        self._similarity = similarity
        # The commonest spelling first, then the shortest that is not all in capitals.
        ordered = sorted(counts, key=lambda one: (-counts[one], one.isupper(), len(one), one))
        self._words = self._read_words(ordered)
        self._names = self._name(ordered)
        self._places = self._index()

    def name(self, item: str) -> str:
        """Name an item as all that say the same are named; a text that is no item stays."""
        return self._names.get(item, item)

    def is_like(self, item: str, others: Iterable[str]) -> bool:
        """Whether half of an item's words, or of another's, are in both: too like to be denied."""
        words = self._words.get(item, [])
        for other in others:
            found = self._words.get(other, [])
            least = min(len(words), len(found))
            if least and 2 * self._count_shared(words, found) >= least:
                return True
        return False

    def find_wider(self, name: str) -> set[str]:
        """Find names of other items that hold all the words of one: `suchý kašel` for `kašel`."""
        words = self._words.get(name, [])
        if not words:
            return set()
        places = [self._places.get(word[:LEAST_LETTERS], set()) for word in words]
        return {
            other
            for other in min(places, key=len) - {name}
            if self._count_shared(words, self._words[other]) == len(words)
        }

    def _read_words(self, items: list[str]) -> Mapping[str, list[str]]:
        if not self._similarity:
            return {}
        stop_words = set(normalize_words([*self._similarity.stop_words]))
        read: dict[str, list[str]] = {}
        for item, text in zip(items, normalize_words([*items]), strict=True):
            words = str(text).split()
            told = [word for word in words if word not in stop_words] or words
            read[item] = sorted([*told, *SIGNS.findall(item), *("-" for _ in MINUS.finditer(item))])
        return read

    def _name(self, items: list[str]) -> dict[str, str]:
        names: dict[str, str] = {}
        alike: dict[tuple[str, ...], list[str]] = {}
        for item in items:
            words = self._words.get(item)
            key = tuple(word[:LEAST_LETTERS] for word in words) if words else (item.casefold(),)
            known = alike.setdefault(key, [])
            name = next((one for one in known if self._are_same(item, one)), item)
            if name == item:
                known.append(item)
            names[item] = name
        return names

    def _index(self) -> dict[str, set[str]]:
        places: dict[str, set[str]] = {}
        for name in set(self._names.values()):
            for word in self._words.get(name, []):
                places.setdefault(word[:LEAST_LETTERS], set()).add(name)
        return places

    def _are_same(self, one: str, other: str) -> bool:
        words, others = self._words.get(one), self._words.get(other)
        if words is None or others is None:
            return one.casefold() == other.casefold()
        return all(map(self._is_form, words, others))

    def _count_shared(self, words: list[str], others: list[str]) -> int:
        return sum(any(self._is_form(word, other) for other in others) for word in words)

    def _is_form(self, word: str, other: str) -> bool:
        if word == other:
            return True
        if not self._similarity or not (word + other).isalpha():
            return False
        alike = Prefix.similarity(word, other) >= LEAST_LETTERS
        return alike and Prefix.normalized_similarity(word, other) >= self._similarity.word


def find_typo(text: str) -> str:
    """Look for the first sign of a broken sentence, in words; empty if there is none.

    Such signs are rare in sentences that are right, but they occur: it is for a person to judge.
    """
    found = (name for name, pattern in TYPOS.items() if pattern.search(text))
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
