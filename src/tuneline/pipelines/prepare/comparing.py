"""What is compared when rows are looked for that stand on two sides: words, not letters."""

import re
from collections.abc import Iterable
from string import Formatter

import polars as pl

from tuneline.examples import Example
from tuneline.parameters import Prompt

# Scripts that put no space between words: each of their characters counts as a word.
UNSPACED = r"\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}"
WORD = rf"[{UNSPACED}]|[[\p{{L}}\p{{N}}\p{{M}}]--[{UNSPACED}]]+"
# Accents of Latin, Greek and Cyrillic letters, once they are letters of their own (NFKD). The marks
# of other scripts are vowels and tones, without which a word is another one.
ACCENTS = "[\u0300-\u036f]"


def normalise(texts: Iterable[str]) -> pl.Series:
    """Reduce texts to what makes two of them say the same: their words.

    Letter case, punctuation, white space, accents and typographic variants (`ﬁ`, `½`, full width)
    fall away, so that a copy is found that was typed without them.

    Args:
        texts: the texts.

    Returns:
        Their words with single spaces between; of a text without any word, the text itself.
    """
    raw = pl.Series("text", list(texts), pl.String)
    plain = pl.col("text").str.to_lowercase().str.normalize("NFKD")
    folded = plain.str.replace_all(ACCENTS, "").str.normalize("NFKC")
    words = folded.str.extract_all(WORD).list.join(" ")
    form = pl.when(words == "").then(pl.col("text").str.strip_chars()).otherwise(words)
    return raw.to_frame().select(form).to_series()


def tabulate(sides: dict[str, list[Example]], prompt: Prompt) -> pl.DataFrame:
    """Bring examples into the form in which they are compared, without their templates' words.

    The words of a template stand in every example; left in, they would make all of them alike.

    Args:
        sides: the examples of each side.
        prompt: the templates that made them.

    Returns:
        `row` (its place among all of them), `side`, `line`, and the normal forms `prompt`,
        `completion`, and of both together `example`.
    """
    asked, answered = _Template(prompt.prompt), _Template(prompt.completion)
    examples = [(side, one) for side, several in sides.items() for one in several]
    forms = {
        "prompt": normalise(asked.strip(_words_of(one, "prompt")) for _, one in examples),
        "completion": normalise(
            answered.strip(_words_of(one, "completion")) for _, one in examples
        ),
    }
    about = {
        "side": pl.Series([side for side, _ in examples], dtype=pl.String),
        "line": pl.Series([one["meta"]["line"] for _, one in examples], dtype=pl.Int64),
    }
    both = pl.concat_str("prompt", "completion", separator=" ").str.strip_chars()
    rows = pl.DataFrame({**about, **forms}).with_columns(example=both)
    return rows.with_row_index("row").with_columns(pl.col("row").cast(pl.Int64))


def tabulate_questions(questions: list[str], prompt: Prompt) -> pl.DataFrame:
    """Bring fixed questions into the form in which prompts are compared.

    Args:
        questions: the questions as they are asked.
        prompt: a question in the words of its template is compared by what fills it.

    Returns:
        `row` (its place in the list) and the normal form `prompt`.
    """
    template = _Template(prompt.prompt)
    forms = normalise(template.strip(question) for question in questions)
    row = pl.int_range(len(questions), dtype=pl.Int64, eager=True)
    return pl.DataFrame({"row": row, "prompt": forms})


def _words_of(example: Example, part: str) -> str:
    messages = example[part]  # type: ignore[literal-required]
    return "\n".join(one["content"] for one in messages if one["role"] != "system")


class _Template:
    """A template turned round: from a filled text back to what fills it."""

    def __init__(self, template: str) -> None:
        parts = [
            re.escape(words) + ("" if name is None else "(.*?)")
            for words, name, _, _ in Formatter().parse(template)
        ]
        self._pattern = re.compile("".join(parts), re.DOTALL)

    def strip(self, text: str) -> str:
        """Leave what fills the template; a text of another form stays whole."""
        match = self._pattern.fullmatch(text)
        return "\n".join(match.groups()) if match else text
