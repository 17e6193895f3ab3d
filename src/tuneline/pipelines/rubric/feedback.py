"""What people would have answered, in the form of all feedback."""

from typing import Any

import pandas as pd

from tuneline.examples import Feedback, hash_templates
from tuneline.parameters import Prompt
from tuneline.pipelines.rubric.sheet import (
    BETTER,
    REPLACED,
    Pair,
    date_sheet,
    index_cells,
    name_rater,
    read_text,
)


def read_feedback(
    name: str, sheet: pd.DataFrame, pairs: list[Pair], adapter: str, prompt: Prompt
) -> list[dict[str, Any]]:
    """Read the better answers of one person's sheet.

    The rows are `Feedback` with `sheet`, `id` and `rater`; the date is when the file was saved.
    """
    cells, rater, date = index_cells(sheet), name_rater(name, sheet), date_sheet(sheet)
    return [
        {
            **Feedback(
                source="rating page",
                date=date,
                adapter=adapter,
                templates=hash_templates(prompt),
                context=pair.row["context"],
                prompt=pair.row["prompt"],
                base_answer=pair.row["base_answer"],
                tuned_answer=pair.row["tuned_answer"],
                answer_of=pair.sides.get(read_text(cells, REPLACED, pair), "both"),
                rating="",
                better_answer=better,
            ),
            "sheet": read_text(cells, "sheet", pair),
            "id": pair.row["id"],
            "rater": rater,
        }
        for pair in pairs
        if (better := read_text(cells, BETTER, pair))
    ]
