"""What cleaning did, counted while the rows pass."""

import logging
from collections import Counter
from pathlib import Path
from typing import Any

import orjson
import plotly.graph_objects as go
import polars as pl
from plotly.subplots import make_subplots

from tuneline.parameters import Data
from tuneline.pipelines.prepare.cleaning import CHANGED, EXAMPLE, KEPT_TURNS, LENGTH, TURNS
from tuneline.pipelines.prepare.conversations import join_texts
from tuneline.pipelines.prepare.html_tags import LOOKS_LIKE_A_TAG
from tuneline.pipelines.prepare.text_rules import ENTITY, TEXT_RULES
from tuneline.reporting.pages import BASE_COLOR, TUNED_COLOR, WARNING_COLOR, style
from tuneline.spark.tables import SparkRows
from tuneline.streaming import RowSource, show_originals
from tuneline.utils.text import (
    GUESS_BYTES,
    NOT_ENCODED,
    NOT_UTF8,
    WIDER,
    find_mojibake,
    guess_encoding,
    normalize_name,
)

log = logging.getLogger(__name__)


EXAMPLES = 3
SHOWN_CHARACTERS = 120
QUANTILES = {"5 %": 0.05, "25 %": 0.25, "median": 0.5, "75 %": 0.75, "95 %": 0.95, "longest": 1.0}

Example = dict[str, Any]
SIDES = {"before": BASE_COLOR, "after": TUNED_COLOR}


class CleaningReport:
    """Counts rows, changes and lengths, and keeps the first few examples of everything."""

    def __init__(self, data: Data) -> None:
        self._rows = 0
        self._reasons: Counter[str] = Counter()
        self._dropped: dict[str, list[Example]] = {}
        self._changed = dict.fromkeys(TEXT_RULES, 0)
        self._changes: dict[str, list[Example]] = {rule: [] for rule in TEXT_RULES}
        self._conversations = data.conversations and data.conversations.column
        self._turns: Counter[str] = Counter()
        self._before: dict[str, Counter[int]] = {name: Counter() for name in data.columns}
        self._after: dict[str, Counter[int]] = {name: Counter() for name in data.columns}
        self._misread: Counter[str] = Counter()
        self._markup, self._markup_shown = 0, list[str]()
        self._foreign: Counter[str] = Counter()
        self._not_utf8 = b""

    def add(self, judged: pl.DataFrame) -> None:
        """Count a batch of rows as `clean_batch` gives them, with their final `reason`."""
        self._rows += judged.height
        clean = judged.filter(pl.col("reason").is_null())
        self._count_reasons(judged.filter(pl.col("reason").is_not_null()))
        self._count_changes(judged)
        for name in self._before:
            texts = join_texts(clean[name]) if name == self._conversations else clean[name]
            _count(self._before[name], judged[f"{LENGTH}{name}"])
            _count(self._after[name], texts.str.len_chars())
            self._misread += find_mojibake(texts)
            self._count_markup(texts)
        if self._conversations:
            self._count_turns(judged, clean)

    def merge(self, later: "CleaningReport") -> None:
        """Add what was counted of the rows that follow."""
        self._rows += later._rows
        for mine, other in (
            (self._reasons, later._reasons),
            (self._turns, later._turns),
            (self._misread, later._misread),
            (self._foreign, later._foreign),
            *((self._before[name], later._before[name]) for name in self._before),
            *((self._after[name], later._after[name]) for name in self._after),
        ):
            mine.update(other)  # type: ignore[attr-defined]
        for rule in TEXT_RULES:
            self._changed[rule] += later._changed[rule]
            self._changes[rule] = (self._changes[rule] + later._changes[rule])[:EXAMPLES]
        for kind, rows in later._dropped.items():
            self._dropped[kind] = (self._dropped.get(kind, []) + rows)[:EXAMPLES]
        self._markup += later._markup
        shown = dict.fromkeys([*self._markup_shown, *later._markup_shown])
        self._markup_shown = list(shown)[:EXAMPLES]
        if len(self._not_utf8) < GUESS_BYTES:
            self._not_utf8 += later._not_utf8

    def describe(self, raw: RowSource | SparkRows) -> dict[str, Any]:
        """Give the report on all rows so far."""
        rejected = self._reasons.total()
        counted, warnings = self._format_counts(rejected), self._warn()
        log.info("%s", counted)
        for one in warnings:
            log.warning("%s", one)
        return {
            "source": Path(raw.path).name,
            "files": dict(raw.files),
            "encoding": next(map(self._find_encoding, self._foreign), None),
            "rows": self._rows,
            "clean": self._rows - rejected,
            "rejected": rejected,
            **({"turns": self._describe_turns()} if self._conversations else {}),
            "reasons": dict(self._reasons.most_common()),
            "rules": {
                rule: {"rows": self._changed[rule], "examples": self._changes[rule]}
                for rule in TEXT_RULES
            },
            "dropped": self._dropped,
            "lengths": {
                name: {
                    "before": measure_lengths(self._before[name]),
                    "after": measure_lengths(self._after[name]),
                }
                for name in self._before
            },
            "kept_markup": {"texts": self._markup, "examples": self._markup_shown},
            "notes": list(raw.notes),
            "summary": " ".join([counted, *warnings]),
        }

    def _count_reasons(self, rejected: pl.DataFrame) -> None:
        kinds = rejected.select(cut_reason(pl.col("reason"))).to_series()
        self._reasons.update(dict(kinds.value_counts().sort("reason").iter_rows()))
        for kind in kinds.unique(maintain_order=True):
            shown = self._dropped.setdefault(kind, [])
            if len(shown) < EXAMPLES:
                shown += _show(rejected.filter(kinds == kind).head(EXAMPLES - len(shown)))
        foreign = rejected.with_columns(kind=pl.col("reason").str.extract(NOT_ENCODED)).drop_nulls(
            "kind"
        )
        self._foreign.update(foreign["kind"])
        if len(self._not_utf8) < GUESS_BYTES:
            self._not_utf8 += b"\n".join(foreign.filter(kind=NOT_UTF8)["original"])

    def _count_turns(self, judged: pl.DataFrame, clean: pl.DataFrame) -> None:
        rows, kept = (int(table[TURNS].sum()) for table in (judged, clean))
        self._turns.update(rows=rows, clean=int(clean[KEPT_TURNS].sum()), rejected=rows - kept)

    def _describe_turns(self) -> dict[str, int]:
        told = self._turns
        return {**told, "cut": told["rows"] - told["clean"] - told["rejected"]} if told else {}

    def _count_changes(self, judged: pl.DataFrame) -> None:
        for bit, rule in enumerate(TEXT_RULES):
            self._changed[rule] += int((judged[CHANGED] & (1 << bit) != 0).sum())
        told = judged.select("line", EXAMPLE).drop_nulls()
        for line, text in told.iter_rows():
            example = orjson.loads(text)
            shown = self._changes[example.pop("rule")]
            if len(shown) < EXAMPLES:
                shown.append({"line": line, **example})

    def _count_markup(self, texts: pl.Series) -> None:
        """Count the texts that hold what may be HTML."""
        pieces = texts.str.extract(f"({ENTITY}|{LOOKS_LIKE_A_TAG})").drop_nulls()
        self._markup += len(pieces)
        if pieces.len() and len(self._markup_shown) < EXAMPLES:
            shown = pieces.str.slice(0, SHOWN_CHARACTERS).unique(maintain_order=True)
            self._markup_shown = list(dict.fromkeys([*self._markup_shown, *shown]))[:EXAMPLES]

    def _format_counts(self, rejected: int) -> str:
        kept = self._rows - rejected
        words = [f"Of {self._rows:,} rows {kept:,} are clean and {rejected:,} rejected."]
        if turns := self._describe_turns():
            words.append(
                f"Of their {turns['rows']:,} turns {turns['clean']:,} are clean, "
                f"{turns['rejected']:,} in rejected conversations and {turns['cut']:,} cut off."
            )
        changed = [f"{rule} {rows:,}" for rule, rows in self._changed.items() if rows]
        if changed:
            words.append(f"Rows changed by each rule: {', '.join(changed)}.")
        return " ".join(words)

    def _warn(self) -> list[str]:
        words = []
        if self._markup:
            shown = ", ".join(f"`{one}`" for one in self._markup_shown)
            words.append(
                f"{self._markup:,} clean texts hold what may be HTML ({shown}): it is kept as "
                "text; if it is HTML that was escaped, set `data.rules.escaped_twice`."
            )
        for kind, rows in self._foreign.items():
            other = self._find_encoding(kind)
            words.append(
                f"{rows:,} rows are {kind}, probably {other}: set `encoding: {other}` in the "
                "catalog, or save the file as UTF-8."
                if other
                else f"{rows:,} rows are {kind}: rejected.csv says which bytes are foreign to it."
            )
        if self._misread:
            encoding, _ = self._misread.most_common(1)[0]
            words.append(
                f"{self._misread.total():,} clean texts look as if UTF-8 had been read as "
                f"{encoding}: fix the source, or look at them before training."
            )
        return words

    def _find_encoding(self, kind: str) -> str | None:
        """Find the encoding that rows probably have which are not of the one stated."""
        if kind == NOT_UTF8:
            return guess_encoding(self._not_utf8)
        return WIDER.get(normalize_name(kind.removeprefix("not ")))


def cut_reason(reason: pl.Expr) -> pl.Expr:
    """Leave out what differs from row to row: `not JSON: unexpected character at 17`."""
    return reason.str.replace(r"(?s):.*", "")


def measure_lengths(counts: Counter[int]) -> dict[str, int]:
    """Give quantiles of lengths.

    Args:
        counts: how many texts have each length, in characters.

    Returns:
        For each quantile the least length that at least its share of the texts does not exceed;
        nothing if there are no texts.
    """
    if not counts:
        return {}
    table = pl.DataFrame({"length": list(counts), "texts": list(counts.values())}).sort("length")
    reached = table["texts"].cum_sum() / table["texts"].sum()
    return {
        name: int(table["length"][int((reached < share - 1e-12).sum())])
        for name, share in QUANTILES.items()
    }


def _count(counts: Counter[int], lengths: pl.Series) -> None:
    counts.update(dict(lengths.value_counts().iter_rows()))


def _show(rejected: pl.DataFrame) -> list[Example]:
    texts = show_originals(rejected["original"]).str.slice(0, SHOWN_CHARACTERS)
    return [
        {"line": line, "original": text} for line, text in zip(rejected["line"], texts, strict=True)
    ]


def plot_cleaning(report: dict[str, Any]) -> go.Figure:
    """Draw rejected rows by reason, changed rows by rule, and lengths before and after."""
    titles = ("Rejected rows by reason", "Rows changed by rule", "Characters of a text")
    figure = make_subplots(rows=3, cols=1, subplot_titles=titles, vertical_spacing=0.12)
    figure.add_trace(_draw_bars(report["reasons"], WARNING_COLOR), 1, 1)
    changed = {rule: told["rows"] for rule, told in report["rules"].items()}
    figure.add_trace(_draw_bars(changed, TUNED_COLOR), 2, 1)
    for side, color in SIDES.items():
        figure.add_trace(_draw_lengths(report["lengths"], side, color), 3, 1)
    style(figure, f"Cleaning: {report['clean']:,} of {report['rows']:,} rows kept", "", "")
    figure.update_xaxes(type="log", row=3, col=1)
    return figure.update_layout(height=900, boxmode="group")


def _draw_bars(counts: dict[str, int], color: str) -> go.Bar:
    names = sorted(counts, key=lambda name: (counts[name], name))
    return go.Bar(
        x=[counts[name] for name in names],
        y=names,
        orientation="h",
        marker_color=color,
        showlegend=False,
    )


def _draw_lengths(lengths: dict[str, Any], side: str, color: str) -> go.Box:
    shown = {name: told[side] for name, told in lengths.items() if told[side]}
    # A logarithm has no place for a text without a character.
    quantiles = [[max(1, length) for length in told.values()] for told in shown.values()]
    low, first, median, third, high = ([told[place] for told in quantiles] for place in range(5))
    return go.Box(
        name=side,
        y=list(shown),
        lowerfence=low,
        q1=first,
        median=median,
        q3=third,
        upperfence=high,
        orientation="h",
        marker_color=color,
    )
