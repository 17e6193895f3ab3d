"""What people would have answered, as rows for the next training."""

import re
from collections.abc import Sequence
from string import Formatter
from typing import Any

import pandas as pd

from tuneline.errors import Problem, TunelineError
from tuneline.parameters import Data, Prompt
from tuneline.pipelines.rubric.sheet import (
    BETTER,
    REPLACED,
    Pair,
    date_sheet,
    index_cells,
    name_rater,
    read_text,
)


def read_corrections(
    name: str, sheet: pd.DataFrame, pairs: list[Pair], adapter: str, data: Data, prompt: Prompt
) -> list[dict[str, Any]]:
    """Read the better answers of one person's sheet.

    Args:
        name: the sheet's file name.
        sheet: a sheet on these pairs.
        pairs: what was rated.
        adapter: SHA-256 of the adapter that wrote the tuned answers.
        data: names the columns of a raw row.
        prompt: the templates, in which text and columns are told apart.

    Returns:
        One row a correction: `sheet`, `id` and `prompt`; the `better_answer`; `corrected`, whose
        answer it replaces (`base`, `tuned`, `both`); `rater`; `date`, when the file was saved; and
        `adapter`. And the columns of a raw row, where they follow from the templates.
    """
    cells, rater, date = index_cells(sheet), name_rater(name, sheet), date_sheet(sheet)
    return [
        {
            "sheet": read_text(cells, "sheet", pair),
            "id": pair.row["id"],
            "prompt": pair.row["prompt"],
            "better_answer": better,
            "corrected": pair.sides.get(read_text(cells, REPLACED, pair), "both"),
            "rater": rater,
            "date": date,
            "adapter": adapter,
            **_make_raw_row(pair.row, better, data, prompt),
        }
        for pair in pairs
        if (better := read_text(cells, BETTER, pair))
    ]


def refuse_own_test(
    corrections: Sequence[dict[str, Any]], answers: list[dict[str, Any]], adapter: str
) -> None:
    """Refuse answers whose references are corrections of the same adapter.

    Who corrects an answer has read it, and keeps what is good of it: as a reference it would favor
    the adapter that wrote it.

    Args:
        corrections: as `read_corrections` gives them.
        answers: one row a prompt.
        adapter: SHA-256 of the adapter that wrote the tuned answers.

    Raises:
        TunelineError: naming the first such row.
    """
    written = {
        (" ".join(row["prompt"].split()), " ".join(row["better_answer"].split()))
        for row in corrections
        if row["adapter"] == adapter
    }
    for row in answers:
        pair = (" ".join(row["prompt"].split()), " ".join((row["reference"] or "").split()))
        if pair in written:
            raise TunelineError(
                Problem(
                    where="test.jsonl",
                    value=row["id"],
                    wrong="its reference is a correction of an answer of this very adapter",
                    matters="who wrote it had read that answer, and the test would favor it",
                    remedy="state another `seed` in `data.split`, and run `prepare` and `train` "
                    "again",
                )
            )


def _make_raw_row(row: dict[str, Any], better: str, data: Data, prompt: Prompt) -> dict[str, Any]:
    """Give prompt and answer the columns they came from, where each template has a single one."""
    texts = [_take_apart(prompt.prompt, row["prompt"]), _take_apart(prompt.completion, better)]
    columns = {name: text for found in texts for name, text in found.items()}
    if len(columns) < 2 or data.table or data.documents or data.conversations:
        return {}
    named = {} if data.id == "line" else {data.id: row["id"]}
    carried = {data.category: row["category"], **row["slices"], data.key_terms: row["key_terms"]}
    filled = {name: "" if value is None else value for name, value in carried.items() if name}
    return filled | named | columns


def _take_apart(template: str, text: str) -> dict[str, str]:
    """Find the column in a text; an answer may lack the words that the template has around it."""
    parts = list(Formatter().parse(template))
    names = [name for _, name, _, _ in parts if name]
    if len(names) != 1:
        return {}
    pattern = "".join(re.escape(words) + ("(.*)" if name else "") for words, name, _, _ in parts)
    found = re.fullmatch(pattern, text, re.DOTALL)
    return {names[0]: found[1] if found else text}
