"""Checks of examples by what is known of them: size, prompts, copies, categories, questions."""

import numpy as np
import polars as pl

from tuneline.pipelines.prepare.check_material import (
    COLUMN,
    Check,
    Light,
    Material,
    find_column,
    write_rule,
)
from tuneline.prompts import list_prompts
from tuneline.reporting.pages import count
from tuneline.statistics.power import enough_groups
from tuneline.statistics.significance import count_groups, find_groups

# Below the first number nothing is learned but the form; below the second, little beyond it.
FEWEST_ROWS, FEW_ROWS = 10, 100
# With fewer held-out prompts only large differences show.
FEW_PROMPTS = 30
# As plan and verdict have it: so many metrics share the error.
ASSUMED_METRICS = 3
# A category with fewer training rows is hardly learned.
FEW_IN_CATEGORY = 10


def check_size(material: Material) -> Check:
    """Check whether the rows are enough to train on, and the held-out ones to tell a difference."""
    rows, evaluation = material.leak_report["sizes"], material.evaluation
    asked = list_prompts(material.test, material.prompt, evaluation)[: len(material.test)]
    everyone = np.ones(len(asked), dtype=bool)
    groups = min(count_groups(find_groups(asked), everyone).values())
    can_show = enough_groups(groups, 1 - (1 - evaluation.confidence) / ASSUMED_METRICS)
    few = rows["train"] < FEW_ROWS or groups < FEW_PROMPTS
    fewest = rows["train"] < FEWEST_ROWS or not can_show
    words = [f"{count(rows['train'], 'row')} to train on, {count(groups, 'held-out group')}."]
    if feedback := material.leak_report.get("feedback"):
        words.append(f"{count(feedback['learned'], 'better answer')} of people as well.")
    if rows["train"] < FEW_ROWS:
        words.append(f"Below {FEW_ROWS} rows little beyond the form is learned.")
    if not can_show:
        words.append("So few held-out rows cannot show any difference.")
    elif groups < FEW_PROMPTS:
        words.append(f"Below {FEW_PROMPTS} held-out groups only large differences show.")
    rule, cost, effect = _suggest_size(material, groups) if few else (None, None, "")
    light: Light = "red" if fewest else "amber" if few else "green"
    return Check("rows", "Row count", light, " ".join(words), rule=rule, cost=cost, effect=effect)


def _suggest_size(material: Material, groups: int) -> tuple[str | None, int | None, str]:
    """Suggest a larger sample, or a larger test split, whose rows training loses."""
    rows, split = material.leak_report["sizes"], material.data.split
    unused = _count_unused(material)
    if split.sample and unused:
        return "data.split.sample: null", 0, f"uses {count(unused, 'more row')}"
    if material.data.table:
        return None, None, "bring more rows, or raise `data.table.held_out`"
    missing = -(-max(0, FEW_PROMPTS - groups) * rows["test"] // groups)
    if split.test and missing and rows["train"] - missing >= FEW_ROWS:
        rule = f"data.split.test: {rows['test'] + missing}"
        return rule, missing, f"holds {count(missing, 'more row')} out of the training"
    return None, None, "bring more rows"


def _count_unused(material: Material) -> int:
    made = material.data.table or material.data.documents
    clean = material.cleaning_report["clean"]
    return 0 if made else max(0, clean - sum(material.leak_report["sizes"].values()))


def check_prompts(material: Material) -> Check:
    """Check whether one prompt has several answers."""
    title = "One prompt, several answers"
    table = material.table.with_row_index("place")
    if table["prompt"].n_unique() == 1:
        sentence = "Every row has the same prompt, as the template says."
        return Check("prompts", title, "green", sentence)
    several = table.filter(pl.col("completion").n_unique().over("prompt") > 1).sort("prompt")
    if several.is_empty():
        return Check("prompts", title, "green", "No prompt has two different answers.")
    prompts, shared = several["prompt"].n_unique(), material.leak_report["shared_prompts"]
    held = sum(shared.values())
    sentence = (
        f"{count(prompts, 'prompt')} {'has' if prompts == 1 else 'have'} different answers in "
        f"{count(several.height, 'row')}."
    )
    if held:
        sentence += f" Of them {count(held, 'held-out row')} with a training row."
    column = find_column(material.prompt.prompt, material.data)
    known = material.data.rules.unique
    different = table[f"{COLUMN}{column}"].str.to_lowercase().n_unique() if column else 0
    return Check(
        "prompts",
        title,
        "amber",
        sentence,
        several["place"].to_list(),
        rule=write_rule("data.rules.unique", [*known, column]) if column else None,
        cost=table.height - different if column else None,
        effect="keeps the first row of each"
        if column
        else "ask more precisely, or keep the answer that is right",
    )


def check_copies(material: Material) -> Check:
    """Check whether rows are copies or near-copies of others."""
    title, copies = "Copies and near-copies", material.copies
    apart = material.leaks["duplicate_split"] != "question"
    between = int(apart.sum())
    words = [f"{count(between, 'pair')} in two splits: taken out already."] if between else []
    if copies.is_empty():
        sentence = "No row in training is a copy or a near-copy of another."
        return Check("copies", title, "green", " ".join([sentence, *words]))
    near = copies.filter(kind="near").height
    share = copies.height / max(1, material.leak_report["sizes"]["train"])
    words.insert(
        0,
        f"{count(copies.height, 'training row')} ({share:.1%}) "
        f"{'is a copy' if copies.height == 1 else 'are copies'} of an earlier one, "
        f"{near:,} with a few words changed.",
    )
    dropped = material.data.leaks.drop_copies
    if dropped:
        words.append("They were dropped.")
    places = _find_places(material.table, copies["line"])
    notes = {
        places[line]: f"{alike:.0%} like line {other}"
        for line, other, alike in copies.select("line", "duplicate_line", "similarity").iter_rows()
        if line in places
    }
    light: Light = "green" if dropped else "amber" if share < 0.1 else "red"
    return Check(
        "copies",
        title,
        light,
        " ".join(words),
        list(notes),
        notes,
        rule=None if dropped else "data.leaks.drop_copies: true",
        cost=None if dropped else copies.height,
        effect="" if dropped else "keeps one of each",
    )


def _find_places(table: pl.DataFrame, lines: pl.Series) -> dict[int, int]:
    trained = table.with_row_index("place").filter(pl.col("line").is_in(lines.implode()))
    pairs = trained.filter(split="train").select("line", "place")
    return {int(line): int(place) for line, place in pairs.iter_rows()}


def check_categories(material: Material) -> Check:
    """Check whether every category has rows enough, in every split."""
    title, counts = "Categories", material.leak_report["categories"]
    column = material.data.category
    if not counts or not column:
        sentence = "data.category names no column: all rows are of one kind."
        return Check("categories", title, "green", sentence)
    thin = [name for name, rows in counts.items() if rows["train"] < FEW_IN_CATEGORY]
    absent = [name for name, rows in counts.items() if not all(rows.values())]
    if not thin and not absent:
        sentence = f"Each of the {len(counts)} has {FEW_IN_CATEGORY} training rows or more."
        return Check("categories", title, "green", sentence)
    named = dict.fromkeys([*thin, *absent])
    words = []
    if thin:
        words.append(f"{len(thin)} of {len(counts)} have fewer than {FEW_IN_CATEGORY} rows.")
    if absent:
        words.append(f"{len(absent)} of {len(counts)} are not in every split.")
    table = material.table.with_row_index("place")
    named_by = pl.col(f"{COLUMN}{column}").fill_null("")
    found = table.filter(named_by.is_in(list(named)))
    notes = dict(found.select("place", named_by).iter_rows())
    return Check(
        "categories",
        title,
        "amber",
        " ".join(words),
        list(notes),
        notes,
        rule="data.category: null",
        cost=0,
        effect="divides the rows without it; better: bring more rows of these, or give two "
        "categories one name",
    )


def check_questions(material: Material) -> Check:
    """Check whether rows ask a fixed question."""
    title, questions = "Fixed questions", len(material.evaluation.questions)
    asked = material.leaks[material.leaks["duplicate_split"] == "question"]
    if not len(asked):
        sentence = f"No row asks one of the {questions}." if questions else "There is none."
        return Check("questions", title, "green", sentence)
    gone = [
        {key: row[key] for key in ("line", "id", "split", "prompt", "completion")}
        | {"note": f"{row['similarity']:.0%} like “{row['duplicate_prompt']}”"}
        for row in asked.to_dict("records")
    ]
    return Check(
        "questions",
        title,
        "amber",
        f"{count(len(asked), 'row')} that asked a fixed question, dropped already: the answer "
        "would have been known.",
        rule="data.leaks.completion_threshold: null",
        cost=0,
        effect="drops those only that ask it word for word; or ask another question",
        gone=gone,
    )
