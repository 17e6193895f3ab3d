"""How texts are cleaned and rows dropped: the switches of the cleaning rules."""

from typing import Any

from pydantic import Field, PositiveInt, field_validator

from tuneline.parameters.base import Block

# What py3langid's model knows. The model itself unpacks 60 MB into the folder for temporary files,
# and parameters are checked before every command: `kedro storage` on a full disk is one of them.
LANGUAGES = """
ace af am an ar ary arz as az ba bcl be bg bn br bs ca crh cs cy da de dz el en eo es et eu ext fa
fi fo fr fuv fy ga gcf gcr gd gl gom grc gu gug guw ha hbo he hi hr ht hu hy id ig is it ja jv ka
kab kik kk km kn ko ku ky la lb lg lij ln lo lt ltg lv mg mk ml mn mr ms mt my ne nl nn no nso oc
om or pa pcm pl ps pt qu ro ru rw sa sdh se si sk sl sn so sq sr st sv sw ta te tg th tk tl tr tt
ug uk ur uz uzs vec vi vo wa wuu xh yo yue zh zu zxx
"""


class Rules(Block):
    """Cleaning rules, in the order in which they work.

    See `pipelines/prepare/text_rules.py` and `pipelines/prepare/cleaning.py`.
    """

    strip_tags: bool = Field(
        default=True, description="remove HTML tags, comments, scripts and style sheets"
    )
    decode_entities: bool = Field(
        default=True, description="turn HTML references such as `&amp;` into characters"
    )
    escaped_twice: bool = Field(
        default=False,
        description="repeat both until nothing changes, for files whose HTML was escaped "
        "(`&lt;br&gt;`); else an escaped tag is text",
    )
    normalize_unicode: bool = Field(
        default=True, description="compose accents, make spaces of control characters"
    )
    normalize_spaces: bool = Field(default=True, description="one space for any white space")
    mask_personal_data: bool = Field(
        default=False,
        description="write `[MAIL_1]` and the like for personal data, keys and tokens; the same "
        "value has the same placeholder in all rows",
    )
    boilerplate: list[str] = Field(
        default=[], description="regular expressions of sentences that say nothing; removed"
    )
    drop_only_boilerplate: bool = Field(
        default=True, description="drop rows with a column that held nothing but boilerplate"
    )
    drop_empty: bool = Field(default=True, description="drop rows with an empty column")
    drop_equal: bool = Field(default=True, description="drop rows whose columns all say the same")
    min_words: dict[str, PositiveInt] = Field(default={}, description="least words, by column")
    max_characters: dict[str, PositiveInt] = Field(
        default={}, description="most characters, by column"
    )
    drop_not_text: bool = Field(
        default=True, description="drop rows with a column of neither letters nor numbers"
    )
    language: str | None = Field(
        default=None,
        description="drop rows with a column that is certainly in another language; null: any",
    )
    unique: list[str] = Field(
        default=[], description="columns whose repetitions, in any letter case, are dropped"
    )

    @field_validator("unique", mode="before")
    @classmethod
    def _one_column_is_a_list(cls, columns: Any) -> Any:
        if columns is None:
            return []
        return [columns] if isinstance(columns, str) else columns

    @field_validator("language")
    @classmethod
    def _language_is_known(cls, language: str | None) -> str | None:
        if language is not None and language not in LANGUAGES.split():
            raise ValueError(
                f"py3langid does not know the language `{language}`; texts in it could not be told "
                f"from others; take one of {', '.join(sorted(LANGUAGES.split()))}"
            )
        return language

    @field_validator("boilerplate")
    @classmethod
    def _patterns_compile(cls, patterns: list[str]) -> list[str]:
        import polars as pl

        for pattern in patterns:
            try:
                pl.Series([""]).str.contains(pattern)
            except pl.exceptions.ComputeError as error:
                raise ValueError(
                    f"`{pattern}` is no regular expression ({' '.join(str(error).split())}); "
                    "it could not be looked for; fix it (Rust's syntax, no look-around)"
                ) from None
            if "" in pl.Series(["A b."]).str.extract_all(pattern)[0]:
                raise ValueError(
                    f"`{pattern}` also matches nothing at all; every text would grow by spaces; "
                    "make it match one character at least"
                )
        return patterns
