"""Signs of broken sentences are found, and sound sentences are left in peace."""

import pytest

from tuneline.pipelines.prepare.similar_items import find_typo


@pytest.mark.parametrize(
    ("text", "typo"),
    [
        ("Hodí se olej na na kašel?", "a doubled word"),
        ("Is it good for for coughs?", "a doubled word"),
        ("U oleje Jalovec obecný obecný účinek není.", "a doubled word"),
        ("Hodí se olej na při kašli?", "two prepositions"),
        ("Is it used for with care?", "two prepositions"),
        ("Uvádí tabulka účinek „“?", "nothing between quotation marks"),
        ("Is it for () skin?", "nothing between quotation marks"),
        ("Účinky oleje: .", "nothing after a colon"),
        ("Účinky oleje:", "nothing after a colon"),
        ("Latinsky Citrus sp..", "a doubled sign"),
        ("Klid; ; spánek.", "a doubled sign"),
        ("Pomáhá usnout?.", "a doubled sign"),
        ("Klid , spánek.", "a blank before a sign"),
        ("Pomáhá usnout ?", "a blank before a sign"),
        ("Na akné (čelo, brada.", "an unbalanced bracket or quotation mark"),
        ("Na akné čelo) a [brada).", "an unbalanced bracket or quotation mark"),
        ("Účinek „Na akné“ a „klid.", "an unbalanced bracket or quotation mark"),
    ],
)
def test_a_slip_is_named_with_its_text(text: str, typo: str):
    assert find_typo(text) == f"{typo}: `{text}`"


@pytest.mark.parametrize(
    "text",
    [
        "Ano, mezi účinky oleje Levandule tabulka uvádí „Na akné (čelo, brada)“.",
        "Používá se na kašel, pojí se s klidem a hodí se pro spánek.",
        "Poměr 1:2, tedy 1,5 % při 5 °C < 6 °C...",
        "Účinky oleje Máta. Obecné: Chladivý; svěží. Trávení: Na nadýmání.",
        "Olej ylang-ylang; Ylang-ylang.",
        "1) klid 2) spánek",
        "Is it “good” for the skin (dry, oily)?",
        "Voilà! https://example.org/a..b apod.; dále: klid",
    ],
)
def test_a_sound_sentence_has_none(text: str):
    assert find_typo(text) == ""
