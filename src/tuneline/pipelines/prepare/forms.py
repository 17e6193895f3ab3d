"""The form in which rows and fixed questions are compared: the words that fill the templates."""

import re
from collections.abc import Iterable, Iterator
from string import Formatter

import polars as pl

from tuneline.examples import SPLIT_GROUP
from tuneline.parameters import Prompt
from tuneline.utils.words import normalize_words

ROWS_AT_ONCE = 10_000


def make_forms(rows: pl.DataFrame, questions: list[str], prompt: Prompt) -> pl.DataFrame:
    """Bring rows and fixed questions into the form in which they are compared.

    The words of a template are in every example; left in, they would make all of them alike. So
    only the words of the columns that fill it are compared.

    Returns:
        `row` (its place among all of them), `split`, `group`, and the normal forms `prompt`,
        `completion`, and of both together `example`; of a question the prompt only. Of a
        completion also its number of `words`.
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
    return number_forms(forms)


def number_forms(forms: pl.DataFrame) -> pl.DataFrame:
    """Add to normal forms what follows from them: `row`, `example` and `words`."""
    both = pl.concat_str("prompt", "completion", separator=" ").str.strip_chars()
    told = forms.with_columns(example=both, words=count_words("completion"))
    return told.with_row_index("row").cast({"row": pl.Int64})


def count_words(column: str) -> pl.Expr:
    """Count the words of a normal form."""
    return pl.col(column).str.count_matches(" ") + 1


def _read_forms(rows: pl.DataFrame, template: str, questions: list[str]) -> pl.Series:
    columns = _drop_words(template)
    if "\n" not in columns:
        filled = _fill(rows, columns)
    else:
        # Columns that differ may fill a template to the same text, if they hold words of it.
        filled = (_strip(some, template) for some in _fill(rows, template))
    asked = _strip(questions, template)
    return pl.concat([*map(normalize_words, filled), normalize_words(asked)])


def _strip(texts: Iterable[str], template: str) -> pl.Series:
    return pl.Series([strip_template(one, template) for one in texts], dtype=pl.String)


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


def strip_template(question: str, template: str) -> str:
    """Leave of a filled prompt what fills it; a question of another form is left as it is."""
    parts = Formatter().parse(template)
    pattern = "".join(re.escape(words) + "(.*?)" * (name is not None) for words, name, *_ in parts)
    match = re.fullmatch(pattern, question, re.DOTALL)
    return "\n".join(match.groups()) if match else question
