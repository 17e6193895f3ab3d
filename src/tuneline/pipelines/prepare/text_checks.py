"""Checks of the texts of examples: lengths, languages, answers, personal data."""

from collections import Counter
from collections.abc import Iterator

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
from tuneline.pipelines.prepare.personal_data import KINDS, SIGN, find_personal_data
from tuneline.reporting.pages import count
from tuneline.utils.languages import can_tell, is_foreign, load_detector

# Tukey's outer fences, in logarithms; texts of nearly one length have quartiles this far apart.
FENCE, LEAST_SPREAD = 3.0, np.log(1.5)
FEWEST_LENGTHS = 20
# Texts whose language is looked for: a third of a millisecond each.
LANGUAGE_ROWS = 5_000
FOREIGN_SHARE = 0.01
# Answers that say nothing, as a whole. In Rust's syntax, as `data.rules.boilerplate` takes it.
NOTHING = (
    r"(?i)^\W*(?:n/?a|none|null|nil|nan|todo|tbd|tba|xxx+|test|lorem ipsum.*|není|nu există|無|无"
    r"|没有|沒有)\W*$"
)
# What a template, a form or another model left anywhere in a text.
LEFT_OVER = (
    r"(?is)^.*(?:\{\{?\s*[a-z_][\w. ]*\}?\}"
    r"|\[(?:insert|your|vložte|doplňte|name|date|company|todo|tbd|placeholder)\b[^\]]*\]"
    r"|\[[^\]]* here\](?:[^(]|$)|lorem ipsum"
    r"|\bas an ai (?:language )?model\b|\bjako (?:jazykový model|umělá inteligence)\b"
    r"|\bca model (?:de limbaj|ai)\b|作[為为](?:一[個个])?AI).*$"
)
# An answer of so many words, or an opening of OPENING_WORDS, is no chance where many rows share it.
ANSWER_WORDS, ANSWER_SHARE, OPENING_WORDS, OPENING_SHARE = 5, 0.01, 5, 0.3
FEWEST_SHARED = 5
RED_SHARE = 0.1
# Kinds that weigh more than a way to reach somebody.
SECRETS = {"KEY", "CARD", "IBAN", "ID"}
# Answers that are named in a rule.
NAMED = 5


def check_lengths(material: Material) -> Check:
    """Check whether texts are far longer or shorter than the others."""
    title, table = "Lengths", material.table
    notes: dict[int, str] = {}
    rules: list[str] = []
    dropped: set[int] = set()
    for side, template in (
        ("prompt", material.prompt.prompt),
        ("completion", material.prompt.completion),
    ):
        lengths = table[side].str.len_chars()
        low, high = find_fences(lengths.to_numpy())
        odd = ((lengths < low) | (lengths > high)).arg_true()
        word = "answer" if side == "completion" else side
        notes |= {place: f"{word} of {lengths[place]:,} characters" for place in odd}
        if column := find_column(template, material.data):
            for rule, places in _bound(table, column, lengths < low, lengths > high, material):
                rules.append(rule)
                dropped |= places
    if not notes:
        sentence = "No text is far longer or shorter than the others."
        return Check("lengths", title, "green", sentence)
    return Check(
        "lengths",
        title,
        "amber",
        f"{count(len(notes), 'row')} with a text far longer or shorter than the others.",
        sorted(notes),
        notes,
        rule="\n".join(rules) or None,
        cost=len(dropped) if rules else None,
        effect="drops rows outside these lengths"
        if rules
        else "look at these rows in the raw data",
    )


def _bound(
    table: pl.DataFrame, column: str, short: pl.Series, long: pl.Series, material: Material
) -> Iterator[tuple[str, set[int]]]:
    """Give the rules that drop odd rows and none of the others, each with the rows it drops."""
    rules, texts = material.data.rules, table[f"{COLUMN}{column}"]
    characters, words = texts.str.len_chars(), texts.str.count_matches(r"\S+")
    if long.any():
        most = int(characters.filter(~long).to_numpy().max())
        rule = write_rule("data.rules.max_characters", rules.max_characters | {column: most})
        yield rule, set((characters > most).arg_true())
    # A language without spaces has texts of one word.
    least = 1 + int(words.filter(short).to_numpy().max(initial=0))
    if short.any() and not (words.filter(~short) < least).any():
        rule = write_rule("data.rules.min_words", rules.min_words | {column: least})
        yield rule, set((words < least).arg_true())


def find_fences(lengths: np.ndarray) -> tuple[float, float]:
    """Find the lengths beyond which a text is far out: Tukey's outer fences of the logarithms."""
    if len(lengths) < FEWEST_LENGTHS:
        return 0.0, np.inf
    first, third = np.quantile(np.log(np.maximum(lengths, 1)), [0.25, 0.75])
    spread = max(third - first, LEAST_SPREAD)
    return float(np.exp(first - FENCE * spread)), float(np.exp(third + FENCE * spread))


def check_languages(material: Material) -> Check:
    """Check whether answers are in several languages."""
    title = "Languages"
    step = max(1, -(-material.table.height // LANGUAGE_ROWS))
    texts = material.table.with_row_index("place").gather_every(step).select("place", "completion")
    told = {place: text for place, text in texts.iter_rows() if can_tell(text)}
    if not told:
        return Check("languages", title, "green", "The answers are too short to tell.")
    detect = load_detector().classify
    language = (material.evaluation.language or "").partition("-")[0]
    if not language:
        votes = pl.Series([detect(text)[0] for text in list(told.values())[:500]])
        language = str(votes.mode().sort()[0])
    foreign = {place for place, text in told.items() if is_foreign(text, language)}
    share = len(foreign) / len(told)
    looked = f"of {len(told):,} answers looked at"
    if not foreign:
        return Check("languages", title, "green", f"All {looked[3:]} are in {language}.")
    column = find_column(material.prompt.completion, material.data)
    light: Light = "amber" if share > FOREIGN_SHARE else "green"
    return Check(
        "languages",
        title,
        light,
        f"{len(foreign):,} {looked} ({share:.1%}) are in another language than {language}.",
        sorted(foreign),
        {place: detect(told[place])[0] for place in foreign},
        rule=f"data.rules.language: {language}" if column else None,
        cost=len(foreign) * step if column else None,
        effect="drops them; rows whose prompt is long and in another language go, too"
        if column
        else "take them out of the raw data",
    )


def check_answers(material: Material) -> Check:
    """Check whether answers are empty, left over from a template, or all the same."""
    title, table = "Empty and template-like answers", material.table.with_row_index("place")
    answers = pl.col("completion")
    same = table.filter(
        (answers.str.count_matches(r"\S+") >= ANSWER_WORDS)
        & (pl.len().over("completion") >= max(FEWEST_SHARED, ANSWER_SHARE * table.height))
    )
    left = table.filter(answers.str.contains(LEFT_OVER))
    nothing = table.filter(answers.str.contains(NOTHING))
    kinds = (
        (same, "that many rows share", "shared by many rows"),
        (left, "with what a template, a form or another model left", "left over"),
        (nothing, "that say nothing", "says nothing"),
    )
    notes = {place: note for rows, _, note in kinds for place in rows["place"]}
    words = [f"{count(len(rows), 'answer')} {which}." for rows, which, _ in kinds if len(rows)]
    opening, opened = find_opening(table["completion"])
    if opening:
        words.append(f"{opened:.0%} of the answers begin with “{opening}”.")
    reasons = material.cleaning_report["reasons"]
    rejected = sum(rows for reason, rows in reasons.items() if reason.endswith("is empty"))
    rejected += reasons.get("only boilerplate", 0)
    if rejected:
        words.append(f"Cleaning rejected {count(rejected, 'row')} with an empty column.")
    if not notes and not opening:
        return Check("answers", title, "green", " ".join(["Every answer says something.", *words]))
    said = same["completion"].value_counts(sort=True)["completion"].head(NAMED)
    patterns = [f"^{one}$" for one in said.str.escape_regex()]
    patterns += [LEFT_OVER] * (not left.is_empty()) + [NOTHING] * (not nothing.is_empty())
    patterns += [f"^{one}" for one in pl.Series([opening]).str.escape_regex() if opening]
    column = find_column(material.prompt.completion, material.data)
    known = material.data.rules.boilerplate
    return Check(
        "answers",
        title,
        "red" if len(notes) > RED_SHARE * table.height else "amber",
        " ".join(words),
        sorted(notes),
        notes,
        rule=write_rule("data.rules.boilerplate", [*known, *patterns]) if column else None,
        cost=len(notes) if column else None,
        effect="removes these texts, and drops the rows that held nothing else"
        if column
        else "correct the template or the raw data",
    )


def find_opening(answers: pl.Series) -> tuple[str, float]:
    """Find the words that many answers begin with, and their share; no words if none does."""
    words = rf"^((?:\S+\s+){{{OPENING_WORDS - 1}}}\S+)\s"
    openings = answers.str.extract(words).drop_nulls()
    if openings.is_empty():
        return "", 0.0
    opening, rows = openings.value_counts(sort=True).row(0)
    share = rows / len(answers)
    return (opening, share) if share >= OPENING_SHARE and rows >= FEWEST_SHARED else ("", 0.0)


def check_personal_data(material: Material) -> Check:
    """Check whether texts hold personal data or secrets."""
    title, table = "Personal data and secrets", material.table.with_row_index("place")
    texts = table.select("place", text=pl.concat_str("prompt", "completion", separator="\n"))
    kinds = {
        place: found
        for place, text in texts.filter(pl.col("text").str.contains(SIGN)).iter_rows()
        if (found := Counter(one.kind for one in find_personal_data(text)))
    }
    masked = material.cleaning_report["rules"]["mask_personal_data"]["rows"]
    words = [f"Cleaning masked them in {count(masked, 'row')}."] if masked else []
    if not kinds:
        return Check("personal", title, "green", " ".join(["None was found.", *words]))
    rows = {kind: sum(kind in found for found in kinds.values()) for kind in KINDS}
    named = [f"{KINDS[kind]} in {number:,}" for kind, number in rows.items() if number]
    return Check(
        "personal",
        title,
        "red" if any(rows[kind] for kind in SECRETS) else "amber",
        " ".join([f"{count(len(kinds), 'row')} with them: {', '.join(named)}.", *words]),
        sorted(kinds),
        {place: ", ".join(KINDS[kind] for kind in found) for place, found in kinds.items()},
        rule="data.rules.mask_personal_data: true",
        cost=0,
        effect="writes the same placeholder for the same value in all rows",
    )
