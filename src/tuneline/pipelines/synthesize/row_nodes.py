"""Nodes from a few rows of one's own to more of them."""

import logging
from typing import Any, cast

from tuneline.errors import Problem, TunelineError
from tuneline.examples import Message
from tuneline.llm_api.requests import Request
from tuneline.parameters import Prices, Synthesize
from tuneline.parameters.synthesis import FromRows
from tuneline.pipelines.synthesize.costs import (
    Record,
    Rows,
    estimate_requests,
    make_asker,
    price_steps,
)
from tuneline.pipelines.synthesize.filters import Item
from tuneline.pipelines.synthesize.forms import make_request, make_row_form
from tuneline.pipelines.synthesize.moderation import moderate_rows
from tuneline.pipelines.synthesize.rounds import ask_items, check_some_came, make_record
from tuneline.pipelines.synthesize.row_checks import RowCheck
from tuneline.pipelines.synthesize.synthesis_report import make_report
from tuneline.streaming import LINE, Fields, RowSource
from tuneline.utils.caches import Cache
from tuneline.utils.hashing import hash_value

log = logging.getLogger(__name__)

FEWEST = 5
ASSUMPTIONS = "a new row is as long as the own ones are"


def read_source(synthesize: Synthesize) -> FromRows:
    """Read the block of a stage that starts from rows."""
    return cast(FromRows, synthesize.rows)


def read_own_rows(own_rows: RowSource, synthesize: Synthesize) -> tuple[Rows, Rows]:
    """Read the rows whose manner is wanted.

    Those that cannot be read, or have an empty text, have `line` and `reason`.

    Raises:
        TunelineError: if fewer than five can be read.
    """
    columns = read_source(synthesize).columns
    read: Rows = []
    passed_over: Rows = []
    for table in own_rows.map(Fields(LINE, tuple(columns)), lambda batch: batch):
        for row in table.iter_rows(named=True):
            empty = next((one for one in columns if not (row[one] or "").strip()), None)
            reason = row["problem"] or (f"{empty} is empty" if empty else None)
            if reason:
                passed_over.append({"line": row[LINE], "reason": reason})
            else:
                texts = {name: row[name].strip() for name in columns}
                read.append({"id": f"own-{row[LINE]:05d}", **texts})
    if len(read) < FEWEST:
        raise TunelineError(_too_few(own_rows.path, len(read), passed_over))
    log.info("Own rows: %s.", f"{len(read):,}")
    return read, passed_over


def plan_rows(own: Rows, synthesize: Synthesize) -> list[Item]:
    """Plan the new rows, each after the model of an own one, all of them as often.

    Of each `id`, `like` (the id of the own row) and `source` (its texts).
    """
    source = read_source(synthesize)
    items: list[Item] = []
    for number in range(source.count):
        like = own[number % len(own)]
        texts = "\n\n".join(f"{name}: {like[name]}" for name in source.columns)
        mark = hash_value([number, texts, synthesize.seed])[:4]
        items.append({"id": f"{number + 1:05d}-{mark}", "like": like["id"], "source": texts})
    return items


def estimate_rows(own: Rows, synthesize: Synthesize, prices: Prices) -> dict[str, Any]:
    """Estimate tokens and money before anything is asked. See `price_steps`."""
    source, items = read_source(synthesize), plan_rows(own, synthesize)
    size, form = synthesize.batch_size, make_row_form(source.columns)
    length = sum(len(row[name]) for row in own for name in source.columns) / len(own)
    requests: list[Request] = [
        make_request("rows", source.instruction, items[start : start + size], 1, False, form)
        for start in range(0, len(items), size)
    ]
    steps = {"rows": estimate_requests(requests, len(items), length, prices)}
    return price_steps(steps, ASSUMPTIONS, synthesize, prices)


def write_rows(
    own: Rows,
    responses: Cache,
    cost_estimate: dict[str, Any],
    synthesize: Synthesize,
    prices: Prices,
) -> tuple[Rows, Record]:
    """Have more rows written.

    The cost estimate is an input so that nothing is paid before it is compared with the budget.

    Returns:
        `id`, the columns, `like` and `model` of each; the record of the step.

    Raises:
        TunelineError: if none is valid.
    """
    source, items = read_source(synthesize), plan_rows(own, synthesize)
    asker = make_asker(None, responses, synthesize, prices)
    check = RowCheck(own, source.columns, synthesize.near_duplicate_threshold)
    form = make_row_form(source.columns)
    outcome = ask_items("rows", source.instruction, items, check, asker, form)
    check_some_came("rows", items, outcome)
    written = [
        {
            "id": item["id"],
            **{name: found[name].strip() for name in source.columns},
            "like": item["like"],
            "model": outcome.models[item["id"]],
        }
        for item, found in outcome.pair(items)
    ]
    log.info("Rows: %s of %s.", f"{len(written):,}", f"{len(items):,}")
    return written, make_record(outcome, asker)


def moderate_new_rows(
    written_rows: Rows, responses: Cache, synthesize: Synthesize
) -> tuple[Rows, Rows]:
    """Clear each new row by itself. See `moderate_rows`."""
    columns = read_source(synthesize).columns
    messages: list[list[Message]] = [
        [{"role": "user", "content": row[name]} for name in columns] for row in written_rows
    ]
    return moderate_rows(written_rows, messages, responses, synthesize)


def report_rows(
    cost_estimate: dict[str, Any],
    own: Rows,
    passed_over: Rows,
    written_rows: Rows,
    moderated: Rows,
    flagged: Rows,
    writing_record: Record,
    synthesize: Synthesize,
) -> tuple[dict[str, Any], Rows]:
    """Count every step, compare the cost with its estimate, and gather what was invalid."""
    asked, new = read_source(synthesize).count, len(moderated)
    raw = {"own": len(own), "synthesized": new, "all": len(own) + new}
    return make_report(
        f"{new:,} rows of {asked:,} asked for were written in the manner of {len(own):,} own ones; "
        f"together they make {raw['all']:,} raw rows",
        {"own": {"read": len(own), "passed_over": passed_over}},
        {"rows": (asked, len(written_rows)), "moderation": (len(written_rows), new)},
        raw,
        {"rows": writing_record},
        flagged,
        cost_estimate,
    )


def merge_rows(
    own: Rows, moderated: Rows, synthesis_report: dict[str, Any], synthesize: Synthesize
) -> Rows:
    """Put own and new rows together as the use case's raw rows.

    Returns:
        `id`, the columns, `like` (the own row, of itself too, so that both stay in one split) and
        `origin` of each.
    """
    columns = read_source(synthesize).columns
    kept = [
        {**row, "like": row["id"], "origin": {"source": "own", "line": int(row["id"][4:])}}
        for row in own
    ]
    new = [
        {
            "id": row["id"],
            **{name: row[name] for name in columns},
            "like": row["like"],
            "origin": {
                "source": "rows",
                "like": row["like"],
                "provider": synthesize.provider,
                "model": row["model"],
            },
        }
        for row in moderated
    ]
    return [*kept, *new]


def _too_few(path: str, read: int, passed_over: Rows) -> Problem:
    reasons = "; ".join(f"line {one['line']}: {one['reason']}" for one in passed_over[:3])
    return Problem(
        where=path,
        wrong=f"it holds {read} rows that can be read" + (f" ({reasons})" if reasons else ""),
        matters=f"fewer than {FEWEST} rows show no manner, only copies would come of them",
        remedy=f"write {FEWEST} to 20 rows that are as different as your data will be",
    )
