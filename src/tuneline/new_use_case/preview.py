"""Rows of a new use case as the model will see them, with lengths and what would be rejected."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

import polars as pl

from tuneline.errors import Problem, TunelineError
from tuneline.examples import Example, list_examples
from tuneline.new_use_case.draft import Draft, Options, make_draft
from tuneline.new_use_case.files import load_blocks
from tuneline.new_use_case.preview_cleaning import Rejected, clean_sample, count_reasons
from tuneline.new_use_case.shown_rows import Shown, find_tokenizer, render_row
from tuneline.new_use_case.sources import find_source
from tuneline.parameters import Data, Prompt
from tuneline.parameters.examples import list_placeholders
from tuneline.pipelines.prepare.document_pairs import pair_documents
from tuneline.reporting.pages import count, render_page
from tuneline.streaming import LINE
from tuneline.use_cases import find_project

# Rows whose lengths are measured, at most.
MEASURED = 500
SHOWN_ROWS, SHOWN_REASONS = 5, 4
# Rows without which nothing can be divided into training, validation and test.
FEWEST = 3


@dataclass(frozen=True)
class Preview:
    """What a use case would make of its raw data.

    Attributes:
        draft: the use case.
        columns: of the source: name, role and an example of each.
        rows: kept rows as the model sees them.
        unit: in which lengths are counted: tokens, or words where there is no tokenizer.
        base: the base model whose chat template renders them.
        judged: raw rows that were cleaned.
        kept: rows that examples are made of.
        whole: whether these were all rows.
        rejected: the others by reason, most first.
        notes: sentences on what is not used, or not as it seems.
        lengths: of the rows that were measured.
        room: tokens of prompt and answer that are used on a laptop.
    """

    draft: Draft
    columns: list[tuple[str, str, str]]
    rows: list[Shown]
    unit: str
    base: str
    judged: int
    kept: int
    whole: bool
    rejected: list[Rejected]
    notes: list[str]
    lengths: list[int]
    room: int

    def describe_lengths(self) -> str:
        """Say how long the rows are, and how many are too long for a laptop."""
        if not self.lengths:
            return ""
        longer = sum(length > self.room for length in self.lengths)
        first = "" if self.kept <= MEASURED else f" (of the first {len(self.lengths):,})"
        middle, most = median(self.lengths), max(self.lengths)
        said = f"median {middle:,.0f} {self.unit}, longest {most:,}{first}"
        if self.unit != "tokens":
            return f"{said}; the tokenizer of {self.base} is not on this machine"
        what = "turn" if self.draft.source.conversations else "row"
        left_out = count(longer, what) if longer else f"no {what}"
        return f"{said}; a laptop reads {self.room:,} and leaves out {left_out}"

    def describe_rejected(self) -> str:
        """Say which rows would be rejected, by reason."""
        dropped = sum(one.rows for one in self.rejected)
        read = f"{'' if self.whole else 'the first '}{count(self.judged, 'row')}"
        if not dropped:
            return f"none of {read}"
        shown = self.rejected[:SHOWN_REASONS]
        reasons = [f"{one.reason} ({one.rows:,}, first in line {one.line})" for one in shown]
        more = sum(one.rows for one in self.rejected[SHOWN_REASONS:])
        reasons += [f"other reasons ({more:,})"] if more else []
        return f"{dropped:,} of {read}: {'; '.join(reasons)}"


def show_preview(path: str | Path, **options: Any) -> str:
    """Show what `kedro new-use-case` would make of a file or a folder, for a notebook's cell.

    `options` are those of the command: `prompt_column`, `answer_column`, `template`, `system`,
    `sheet`, `write_questions`. Gives HTML without scripts; every text of the file is escaped.

    Raises:
        TunelineError: if nothing could be made of it.
    """
    stated = Options(**options)
    source = find_source(Path(path).expanduser(), stated.sheet, stated.write_questions)
    preview = make_preview(make_draft("my_use_case", source, stated), find_project())
    return render_page("new_use_case/preview.html.jinja", preview=preview)


def make_preview(draft: Draft, project: Path, first: int = 0) -> Preview:
    """Clean rows as a run would, and render some of them.

    `first` counts the kept rows to pass over before those that are shown.

    Raises:
        TunelineError: if too few rows are kept, or the chat template refuses them.
    """
    data, prompt, recipe = load_blocks(draft)
    table, judged, whole, notes = clean_sample(draft, data)
    kept = table.filter(pl.col("reason").is_null())
    rejected = count_reasons(table)
    if data.documents:
        kept, report = pair_documents(kept, data, data.documents)
        broken = report[report["problem"] != ""]
        rejected += [
            Rejected(problem, 1, str(line))
            for problem, line in zip(broken["problem"], broken[LINE], strict=True)
        ]
    if whole and kept.height < FEWEST:
        raise TunelineError(_too_few(draft, kept.height, rejected))
    fill = partial(_fill, data=data, prompt=prompt)
    examples, shown = fill(kept.head(MEASURED)), fill(kept.slice(first, SHOWN_ROWS))[:SHOWN_ROWS]
    tokenizer = find_tokenizer(
        recipe.base_model, recipe.revision, recipe.chat_template_path, project
    )
    measure = partial(render_row, tokenizer)
    return Preview(
        draft,
        list(_describe_columns(draft)),
        [measure(one) for one in shown],
        "tokens" if tokenizer else "words",
        recipe.base_model,
        judged,
        kept.height,
        whole,
        rejected,
        [*draft.source.notes, *notes],
        [one.asked + one.answered for one in map(measure, examples)],
        int(recipe.max_length),  # the laptop states it
    )


def _fill(rows: pl.DataFrame, data: Data, prompt: Prompt) -> list[Example]:
    return [one for row in rows.to_dicts() for one in list_examples(row, data, prompt)]


def _describe_columns(draft: Draft) -> Iterator[tuple[str, str, str]]:
    """Say of each column what it is used as, with the first text in it."""
    system = list_placeholders(draft.system or "")
    for name in draft.source.rows.columns:
        uses = {
            "id": name == draft.id,
            "system": name in system or (name == "system" and draft.states_system),
            "prompt": name in list_placeholders(draft.prompt),
            "answer": name in list_placeholders(draft.completion),
            "category": name == draft.category,
        }
        role = ", ".join(use for use, is_used in uses.items() if is_used)
        texts = draft.source.rows[name]
        example = next((" ".join(text.split()) for text in texts if text.strip()), "")
        yield name, role or "not used", example


def _too_few(draft: Draft, kept: int, rejected: list[Rejected]) -> Problem:
    reasons = "; ".join(f"{one.reason} ({one.rows:,})" for one in rejected)
    return Problem(
        where=str(draft.source.path),
        wrong=f"it gives {count(kept, 'example')}"
        + (f": rejected are {reasons}" if reasons else ""),
        matters=f"training, validation and test need one each, {FEWEST} together; nothing was "
        "written",
        remedy="add rows; a hundred show whether it works",
    )
