"""Which language a text is in, by py3langid."""

from functools import cache
from typing import Any

from tuneline.utils.disks import find_temporary_folder
from tuneline.utils.files import SCRATCH_REMEDY, name_unwritable

# Labels of the detector that are one language too: members of its macrolanguage (ISO
# 639-3), and neighbors that the detector cannot tell from it even in whole sentences.
SAME = {
    "ar": "ary arz",
    "bs": "hr sr",
    "el": "grc",
    "en": "pcm",
    "ff": "fuv",
    "he": "hbo",
    "hr": "bs sr",
    "id": "ms",
    "ku": "sdh",
    "lv": "ltg",
    "ms": "id",
    "nb": "no",
    "no": "nn",
    "sr": "hr bs",
    "uz": "uzs",
    "zh": "yue wuu",
}
# A whole text is in another language only if it has so many letters (of Chinese a third) and that
# language is so much likelier: names and brands make a short text look like any.
TEXT_LETTERS = 40
TEXT_ODDS = 1000
READ_CHARACTERS = 300


@cache
def load_detector() -> Any:
    """Load py3langid's model; `classify` and `rank` tell languages as ISO 639-1 codes.

    Raises:
        TunelineError: if the disk of temporary files is full, where py3langid unpacks it.
    """
    from py3langid import langid

    with name_unwritable(find_temporary_folder(), SCRATCH_REMEDY):
        return langid.LanguageIdentifier.from_model_file(langid.MODEL_FILE, norm_probs=True)


def is_in(text: str, language: str, odds: float) -> bool | None:
    """Tell whether a text of a sentence or more is in a language.

    None where no other is likelier by these `odds`.
    """
    same = {language, *SAME.get(language, "").split()}
    chances = {name: float(chance) for name, chance in load_detector().rank(text)}
    own = sum(chance for name, chance in chances.items() if name in same)
    other = max(chance for name, chance in chances.items() if name not in same)
    return True if own >= other else False if other >= odds * own else None


def is_foreign(text: str, language: str) -> bool:
    """Tell whether a whole text is certainly in another language than this one."""
    return can_tell(text) and is_in(text[:READ_CHARACTERS], language, TEXT_ODDS) is False


def can_tell(text: str) -> bool:
    """Tell whether a text is long enough to have a language."""
    letters = [one for one in text[:READ_CHARACTERS] if one.isalpha()]
    return len(letters) + 2 * sum(one >= "\u3000" for one in letters) >= TEXT_LETTERS
