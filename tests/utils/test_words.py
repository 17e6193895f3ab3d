import pytest

from tuneline.utils.words import normalize_words


@pytest.mark.parametrize(
    ("text", "form"),
    [
        ("Blue Teapot, 1 liter!", "blue teapot 1 liter"),
        ("  BLUE\tteapot – 1\nLITER ", "blue teapot 1 liter"),
        ("Účinky na tělo", "ucinky na telo"),
        ("café e\u0301te\u0301", "cafe ete"),
        ("ﬁne ＡＢＣ", "fine abc"),
        ("黴菌，70–90 %", "黴 菌 70 90"),
        ("カビ abc除湿", "カ ヒ\u3099 abc 除 湿".replace("ヒ\u3099", "ビ")),
        ("हिन्दी भाषा", "हिन्दी भाषा"),
        ("?!", "?!"),
        ("", ""),
    ],
)
def test_only_the_words_of_a_text_count(text: str, form: str):
    assert normalize_words([text]).to_list() == [form]
