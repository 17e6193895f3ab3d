"""Items that say the same are one; those that only look alike are not."""

import pytest

from tuneline.parameters.table import Similarity
from tuneline.pipelines.prepare.similar_items import SimilarItems, find_typo

CZECH = Similarity(word=0.55, stop_words=["na", "při", "proti", "pomáhá", "from", "helps", "with"])


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("neklidný spánek", "Při neklidném spánku"),
        ("Kašel", "pomáhá při kašli"),
        ("těžké nohy", "na těžké nohy"),
        ("mastná pleť", "pleť mastná"),
        ("opary na rtech", "proti oparům na rtech"),
        ("headache", "helps with headaches"),
        ("BOLEST HLAVY", "bolest hlavy"),
        ("vitamin B12", "Vitamin B12"),
    ],
)
def test_forms_of_one_item_have_one_name(one: str, other: str):
    items = SimilarItems([one, other], CZECH)
    assert items.name(one) == items.name(other)
    assert items.is_like(one, [other])


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("klid", "neklid"),
        ("zvyšuje krevní tlak", "snižuje krevní tlak"),
        ("hypertenze", "hypotenze"),
        ("antibakteriální", "antivirální"),
        ("bolest hlavy", "bolest břicha"),
        ("studené ruce", "studené nohy"),
        ("nos", "noc"),
        ("stres", "strach"),
        ("kašel", "suchý kašel"),
        ("C++", "C#"),
        ("pH < 7", "pH > 7"),
        ("5 °C", "-5 °C"),
        ("100 ml", "1000 ml"),
        ("vitamin B1", "vitamin B12"),
    ],
)
def test_items_that_only_look_alike_keep_their_names(one: str, other: str):
    items = SimilarItems([one, other], CZECH)
    assert items.name(one) != items.name(other)


def test_the_name_is_the_commonest_spelling():
    items = SimilarItems(["na kašel", "Kašel", "na kašel", "při kašli"], CZECH)
    assert {items.name(one) for one in ("Kašel", "při kašli")} == {"na kašel"}


@pytest.mark.parametrize(
    ("item", "stated", "like"),
    [
        ("kašel", ["suchý kašel (noční)"], True),
        ("suchý kašel", ["kašel"], True),
        ("bolest hlavy", ["bolesti kloubů"], True),  # half of its words: better not denied
        ("bolest hlavy", ["ztuhlý krk", "kašel"], False),
        ("klid", ["neklid"], False),
        ("pomáhá při kašli", ["pomáhá při rýmě"], False),
    ],
)
def test_what_is_too_like_a_stated_item_is_not_denied(item: str, stated: list[str], like: bool):
    assert SimilarItems([item, *stated], CZECH).is_like(item, stated) is like


def test_wider_words_are_found():
    items = SimilarItems(["kašel", "suchý kašel", "při kašli a rýmě", "rýma"], CZECH)
    assert items.find_wider("kašel") == {"suchý kašel", "při kašli a rýmě"}
    assert items.find_wider("suchý kašel") == set()


def test_without_a_similarity_only_letter_case_is_overlooked():
    items = SimilarItems(["Kašel", "kašel", "při kašli", "suchý kašel"], None)
    assert items.name("Kašel") == items.name("kašel")
    assert items.name("při kašli") == "při kašli"
    assert not items.is_like("kašel", ["při kašli"])
    assert items.find_wider("kašel") == set()


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
