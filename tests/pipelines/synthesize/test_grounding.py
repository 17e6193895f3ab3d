"""Numbers, names, addresses and quotations of an answer are in its source, in some form."""

import pytest

from tuneline.pipelines.synthesize.grounding import find_invention, quotes

CZECH = (
    "Dílnu v Brně založil roku 1987 Karel Dvořák. Zaměstnává 1 500 lidí a platí 12,50 Kč za kus. "
    "Řekl: „Práce je základ.“ Dne 5. 6. 2024 přibyl stroj TX-9. Pište na info@dilna.cz"
)
ENGLISH = "The Harbor Museum opened in 1923. Its director is Ada Lovett. Groups pay $3.50."
GERMAN = "Die Werkstatt in Bremen gibt es seit 1950."
CHINESE = "本店於1998年由王小明創立，位於臺北市，提供ABC套餐。"


@pytest.mark.parametrize(
    ("text", "source", "language"),
    [
        ("Založil ji Karel Dvořák v roce 1987 v Brně, pracuje tam 1500 lidí.", CZECH, "cs"),
        ("Pracuje jich tam 1.500 a platí 12.5 Kč.", CZECH, "cs"),
        ("Karla Dvořáka zná celé Brno.", CZECH, "cs"),
        ("Prý „práce je základ“, řekl 5.6.2024.", CZECH, "cs"),
        ("1. Brno\n2. Stroj TX-9\n3. info@dilna.cz", CZECH, "cs"),
        ("It's Ada Lovett's museum, and groups pay $3.5.", ENGLISH, "en"),
        ("She is the Museum's director, and I think it opened in 1923.", ENGLISH, "en"),
        ("Seit 1950 hat Bremen eine Werkstatt für Handwerker.", GERMAN, "de"),
        ("由王小明在1998年創立，套餐ABC。", CHINESE, "zh"),
    ],
)
def test_what_the_source_says_in_another_form_is_no_invention(
    text: str, source: str, language: str
):
    assert find_invention(text, source, language) is None


@pytest.mark.parametrize(
    ("text", "source", "language", "invented"),
    [
        ("Založena roku 1988.", CZECH, "cs", "number `1988`"),
        ("Pracuje tam 1501 lidí.", CZECH, "cs", "number `1501`"),
        ("Platí 12,05 Kč.", CZECH, "cs", "number `12,05`"),
        ("Vede ji Jan Novotný.", CZECH, "cs", "name `Jan`"),
        ("Řekl „práce je nanic“.", CZECH, "cs", "quotation `práce je nanic`"),
        ("Pište na dilna@info.cz", CZECH, "cs", "address `dilna@info.cz`"),
        ("It is in London.", ENGLISH, "en", "name `London`"),
        ("The NASA museum.", ENGLISH, "en", "name `NASA`"),
        ('She said "never again".', ENGLISH, "en", "quotation `never again`"),
        ("Die Werkstatt gibt es seit 1951.", GERMAN, "de", "number `1951`"),
        ("創立於1999年。", CHINESE, "zh", "number `1999`"),
        ("他說「位於高雄市」。", CHINESE, "zh", "quotation `位於高雄市`"),
    ],
)
def test_what_the_source_does_not_say_is_named(
    text: str, source: str, language: str, invented: str
):
    assert find_invention(text, source, language) == f"it invents the {invented}"


def test_a_quotation_is_its_words_in_their_order():
    assert quotes(ENGLISH, "opened, in 1923!")
    assert not quotes(ENGLISH, "in 1923 opened")
    assert not quotes(ENGLISH, "pen")
    assert not quotes(ENGLISH, "…")
