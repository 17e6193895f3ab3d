"""The language of answers: told where it can be told, neighbors and scripts by rule."""

import pytest

from tests.pipelines.evaluate.metrics.measuring import PLAIN, measure

ENGLISH = "This sentence is written in plain English, as anyone can see."
TEXTS = {
    "ar": "هذا الزيت يهدئ العقل ويساعد ضد الصداع.",
    "bs": "Sastanak počinje u deset sati u ponedjeljak.",
    "cs": "Levandule uklidňuje mysl. Máta osvěžuje a chladí.",
    "da": "Mødet begynder klokken ti på mandag, og jeg drikker altid te derhjemme om aftenen.",
    "el": "Το λάδι ηρεμεί το μυαλό και βοηθά κατά του πονοκεφάλου.",
    "he": "השמן מרגיע את הנפש ועוזר נגד כאבי ראש.",
    "hr": "Ulje umiruje um i pomaže protiv glavobolje.",
    "id": "Minyak ini menenangkan pikiran dan membantu melawan sakit kepala.",
    "lv": "Eļļa nomierina prātu un palīdz pret galvassāpēm.",
    "ms": "Mesyuarat bermula pada pukul sepuluh pada hari Isnin.",
    "nn": "Eg likar å drikke te om morgonen.",
    "no": "Jeg liker å drikke te om morgenen.",
    "pt": "Você pode pegar o ônibus às dez horas. O autocarro chega às dez.",
    "ro": "Documentul prezintă cerințele clientului.",
    "sk": "Olej upokojuje myseľ a pomáha proti bolestiam hlavy.",
    "sr-Cyrl": "Састанак почиње у десет сати у понедељак.",
    "sr-Latn": "Volim da pijem čaj ujutru.",
    "uz": "Bu yog' miyani tinchlantiradi va bosh og'rig'iga yordam beradi.",
    "zh-Hans": "鞋模的湿度应保持在适当的范围。请避免阳光直射。",
    "zh-Hant": "鞋模的濕度應保持在適當的範圍。請避免陽光直射。鞋模應避免潮濕",
}


def tell(language: str, answer: str) -> float | None:
    """Measure the share of an answer that is in a language."""
    evaluation = PLAIN.model_copy(update={"language": language})
    return measure(answer, evaluation=evaluation).get("language")


@pytest.mark.parametrize("language", TEXTS)
def test_the_language_of_an_answer_is_told(language: str):
    assert tell(language, TEXTS[language]) == 100
    assert 0 < tell(language, f"{TEXTS[language]} {ENGLISH}") < 100
    assert tell(language, ENGLISH) == 0
    assert tell("en", TEXTS[language]) == 0


@pytest.mark.parametrize(
    ("language", "written"),
    [
        ("zh", "zh-Hant"),
        ("zh", "zh-Hans"),
        ("sr", "sr-Latn"),
        ("sr", "sr-Cyrl"),
        ("no", "nn"),
        ("nb", "no"),
        ("hr", "bs"),
        ("sr", "hr"),
        ("bs", "hr"),
        ("ms", "id"),
        ("id", "ms"),
    ],
)
def test_what_the_detector_calls_by_another_name_is_the_language_too(language: str, written: str):
    assert tell(language, TEXTS[written]) == 100


@pytest.mark.parametrize(
    ("language", "written"),
    [
        ("zh-Hant", "zh-Hans"),
        ("zh-Hans", "zh-Hant"),
        ("sr-Latn", "sr-Cyrl"),
        ("sr-Cyrl", "sr-Latn"),
        ("hr", "sr-Cyrl"),
        ("nb", "nn"),
        ("nn", "no"),
        ("da", "nn"),
        ("cs", "sk"),
    ],
)
def test_scripts_and_languages_that_can_be_told_apart_are(language: str, written: str):
    assert tell(language, TEXTS[written]) == 0


def test_a_sentence_that_is_as_likely_in_another_language_is_not_held_against_an_answer():
    czech_and_slovak = "Olej uklidňuje mysl a pomáhá proti bolestem hlavy."
    assert tell("cs", czech_and_slovak) is None
    assert tell("cs", f"{czech_and_slovak} {TEXTS['cs']}") == 100


def test_nothing_is_no_language_and_a_figure_is_any():
    assert tell("en", "") == tell("en", "!!!") == tell("en", "😀") == 0
    assert tell("en", "70 %") is None
