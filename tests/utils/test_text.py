import polars as pl
import pytest

from tuneline.utils.text import find_mojibake, guess_encoding

CZECH = "Příliš žluťoučký kůň úpěl ďábelské ódy, levandule a heřmánek"


@pytest.mark.parametrize("encoding", ["cp1250", "utf-16"])
def test_the_encoding_of_a_text_is_guessed(encoding: str):
    assert guess_encoding(CZECH.encode(encoding)) == encoding


@pytest.mark.parametrize(
    "text", ["ÇÃO É ÓTIMO", "crème brûlée", "鞋墊的材質", "Это описание", "Đà Nẵng", CZECH]
)
def test_honest_text_is_no_mojibake(text: str):
    assert not find_mojibake(pl.Series([text]))


@pytest.mark.parametrize(
    ("text", "encoding"),
    [("naïve café", "cp1252"), ("příliš žluté", "cp1250"), ("Это описание", "cp1251")],
)
def test_utf8_that_was_read_as_windows_is_mojibake(text: str, encoding: str):
    misread = text.encode().decode(encoding)
    assert find_mojibake(pl.Series(["plain", misread])).total() == 1
