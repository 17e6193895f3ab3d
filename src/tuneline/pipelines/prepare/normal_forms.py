"""The normal forms of texts, in which two of them are compared: their words alone."""

import re
from collections.abc import Iterator, Sequence
from string import Formatter

import polars as pl

from tuneline.examples import SPLIT_GROUP
from tuneline.parameters import Prompt
from tuneline.utils.text import ACCENTS, UNSPACED

ROWS_AT_ONCE = 10_000
WORD = rf"[{UNSPACED}]|[[\p{{L}}\p{{N}}\p{{M}}]--[{UNSPACED}]]+"


def normalize(texts: Sequence[str | None] | pl.Series) -> pl.Series:
    """Reduce texts to what makes two of them say the same: their words.

    Letter case, punctuation, white space, accents and typographic variants (`ﬁ`, `½`, full width)
    fall away, so that a copy is found that was typed without them.

    Returns:
        Their words with single spaces between; of a text without any word, the text itself. Null
        stays null.
    """
    raw = pl.Series("text", texts, pl.String)
    plain = pl.col("text").str.to_lowercase().str.normalize("NFKD")
    folded = plain.str.replace_all(ACCENTS.pattern, "").str.normalize("NFKC")
    words = folded.str.extract_all(WORD).list.join(" ")
    form = pl.when(words == "").then(pl.col("text").str.strip_chars()).otherwise(words)
    return raw.to_frame().select(form).to_series()


def make_forms(rows: pl.DataFrame, questions: list[str], prompt: Prompt) -> pl.DataFrame:
    """Bring rows and fixed questions into the form in which they are compared.

    The words of a template are in every example; left in, they would make all of them alike. So
    only the words of the columns that fill it are compared.

    Args:
        rows: as `split_rows` gives them.
        questions: each fills the prompt, or is a filled prompt; its split is `question`.
        prompt: the templates.

    Returns:
        `row` (its place among all of them), `split`, `group`, and the normal forms `prompt`,
        `completion`, and of both together `example`; of a question the prompt only.
    """
    nothing = pl.repeat(None, len(questions), dtype=pl.String, eager=True)
    forms = pl.DataFrame(
        {
            "split": pl.concat([rows["split"], nothing.fill_null("question")]),
            "group": pl.concat([rows[SPLIT_GROUP], nothing]),
            "prompt": _read_forms(rows, prompt.prompt, questions),
            "completion": pl.concat([_read_forms(rows, prompt.completion, []), nothing]),
        }
    )
    both = pl.concat_str("prompt", "completion", separator=" ").str.strip_chars()
    return forms.with_columns(example=both).with_row_index("row").cast({"row": pl.Int64})


def _read_forms(rows: pl.DataFrame, template: str, questions: list[str]) -> pl.Series:
    columns = _drop_words(template)
    asked = normalize([_strip(question, template) for question in questions])
    forms = pl.concat([*map(normalize, _fill(rows, columns)), asked])
    if "\n" not in columns:
        return forms
    # Columns that differ may fill a template to the same text, if they hold words of the template.
    filled = pl.concat([*_fill(rows, template), pl.Series(questions, dtype=pl.String)])
    texts = pl.DataFrame({"form": forms, "filled": filled})
    return texts.select(pl.first("form").over("filled")).to_series()


def _fill(rows: pl.DataFrame, template: str) -> Iterator[pl.Series]:
    for some in rows.iter_slices(ROWS_AT_ONCE):
        texts = [template.format_map(row) for row in some.iter_rows(named=True)]
        yield pl.Series(texts, dtype=pl.String)


def _drop_words(template: str) -> str:
    """Leave of a template what it takes from a row, with a line break for the words between."""
    kept = []
    for words, name, spec, conversion in Formatter().parse(template):
        kept.append("\n" if words else "")
        if name is not None:
            kept.append(f"{{{name}{'!' if conversion else ''}{conversion or ''}:{spec}}}")
    return "".join(kept).strip("\n")


def _strip(question: str, template: str) -> str:
    """Leave of a filled prompt what fills it; a question of another form stays whole."""
    parts = Formatter().parse(template)
    pattern = "".join(re.escape(words) + "(.*?)" * (name is not None) for words, name, *_ in parts)
    match = re.fullmatch(pattern, question, re.DOTALL)
    return "\n".join(match.groups()) if match else question
