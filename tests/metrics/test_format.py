"""Sections and language of answers: found as people and models write them, told by rule."""

import pytest

from tests.metrics.measuring import PLAIN, measure

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


ROMANIAN = ["Scop", "Structura", "Preț"]


def find(answer: str, *sections: str) -> float:
    """Measure the share of the sections that an answer has."""
    evaluation = PLAIN.model_copy(update={"sections": list(sections)})
    return measure(answer, evaluation=evaluation)["sections"]


@pytest.mark.parametrize(
    ("answer", "share"),
    [
        ("# Scop\ntext\n## 2. Structura\ntext\n**Preț**", 100),
        ("Scop\nPreț\nStructura", 200 / 3),
        ("preț", 100 / 3),
        ("On Scop and Structura and Preț", 0),
        ("Scop: un site. Structura: trei. Preț: 900", 100 / 3),
        ("", 0),
    ],
)
def test_required_sections_count_in_their_order(answer: str, share: float):
    assert find(answer, *ROMANIAN) == pytest.approx(share)


@pytest.mark.parametrize(
    "line",
    [
        "Use",
        "USE:",
        "• Use",
        "- Use",
        "* **Use**",
        "1. Use",
        "1) Use",
        "(1) Use",
        "[1] Use",
        "2 Use",
        "4.1 Use",
        "4.1. Use",
        "a) Use",
        "(a) Use",
        "B. Use",
        "I. Use",
        "iv) Use",
        "一、Use",
        "（二）Use",
        "第三章 Use",
        "① Use",
        "1️⃣ Use",
        "📌 Use",
        "## Use ##",
        "<h2>Use</h2>",
        "<h2>Use",
        '<h3 class="x"><b>1. Use</b></h3>',
        "__Use__",
        "> ### Use",
        "| Use |",
        "Use: pour the tea.",
        "Use – pour the tea.",
        "**Use** Pour the tea.",
        "<strong>Use</strong> Pour the tea.",
        "1. **Use:** pour the tea.",
        "Ｕｓｅ",
    ],
)
def test_a_heading_counts_however_it_is_numbered_and_marked(line: str):
    assert find(f"text\n{line}\ntext", "Use") == 100


@pytest.mark.parametrize(
    ("line", "section"),
    [
        ("Used cars are cheap.", "Use"),
        ("Use it with care.", "Use"),
        ("Use of the lamp", "Use"),
        ("The use", "Use"),
        ("2025 plan", "2024 plan"),
        ("5 tips", "10 tips"),
        ("plan", "2024 plan"),
        ("C++", "C#"),
        ("使用方法", "使用"),
        ("Prețul", "Preț"),
    ],
)
def test_words_of_a_heading_in_other_words_are_no_heading(line: str, section: str):
    assert find(line, section) == 0
    assert find(section, section) == 100


@pytest.mark.parametrize(
    ("line", "section"),
    [
        ("PRET SI TIMP", "Preț și timp"),
        ("Preţ şi timp", "Preț și timp"),
        ("Scop", "1. Scop"),
        ("3. Scop", "1. Scop"),
        ("1. 2024 plan", "2024 plan"),
        ("使用 方法：", "使用方法"),
        ("二、保養", "保養"),
    ],
)
def test_typography_and_the_number_before_a_heading_do_not_count(line: str, section: str):
    assert find(line, section) == 100
