"""Nodes from documents to raw rows: questions and answers that rest on a chunk."""

import logging
from dataclasses import replace
from typing import Any

from tuneline.errors import Problem, TunelineError
from tuneline.examples import Message
from tuneline.llm_api.budget import Budget
from tuneline.parameters import Prices, Synthesize
from tuneline.pipelines.synthesize.chunks import divide_source, find_page
from tuneline.pipelines.synthesize.costs import (
    FREE,
    JUDGE,
    Record,
    Rows,
    choose_server,
    make_asker,
    make_judge,
)
from tuneline.pipelines.synthesize.extraction import ExtractiveProvider
from tuneline.pipelines.synthesize.forms import PAIRS, VERDICTS
from tuneline.pipelines.synthesize.moderation import moderate_rows
from tuneline.pipelines.synthesize.pair_checks import PairCheck, check_verdict
from tuneline.pipelines.synthesize.pair_plan import JUDGE_INSTRUCTION, plan_pairs, read_source
from tuneline.pipelines.synthesize.rounds import ask_items, check_some_came, make_record
from tuneline.pipelines.synthesize.synthesis_report import make_report
from tuneline.streaming import RowSource
from tuneline.utils.caches import Cache

log = logging.getLogger(__name__)


def divide_documents(documents: RowSource, synthesize: Synthesize) -> tuple[Rows, dict[str, Any]]:
    """Divide documents into chunks, each with its place.

    Returns:
        The chunks (see `divide_text`); and the counts of `documents`, `chunks`, `cut_paragraphs`
        and `repeated` chunks, with `passed_over`, the documents that could not be read.

    Raises:
        TunelineError: if no document holds a text.
    """
    divided = divide_source(documents, read_source(synthesize).chunk_characters)
    if not divided.chunks:
        raise TunelineError(
            Problem(
                where=documents.path,
                wrong="no document of the folder has a text",
                matters="nothing could be asked about",
                remedy="put documents there: DOCX, PDF with text, TXT, MD",
            )
        )
    report = {
        "documents": divided.documents,
        "passed_over": divided.passed_over,
        "chunks": len(divided.chunks),
        "cut_paragraphs": divided.cut_paragraphs,
        "repeated": divided.repeated,
    }
    log.info("Documents: %s, chunks: %s.", f"{divided.documents:,}", f"{len(divided.chunks):,}")
    return divided.chunks, report


def write_pairs(
    chunks: Rows,
    responses: Cache,
    cost_estimate: dict[str, Any],
    synthesize: Synthesize,
    prices: Prices,
) -> tuple[Rows, Record]:
    """Have questions and answers written, the chunk before the writer's eyes.

    The cost estimate is an input so that nothing is paid before it is compared with the budget.

    Returns:
        Pairs (`id`, `question`, `answer`, `quote`, `model`, the `page` of the quote, and
        the chunk's `document`, `heading`, `text`, `language`); the record of the step.

    Raises:
        TunelineError: if no pair is valid, or nothing could be asked.
    """
    source, items = read_source(synthesize), plan_pairs(chunks, synthesize)
    if not items:
        raise TunelineError(_nothing_to_extract())
    asker = make_asker(
        ExtractiveProvider(source.answer_characters[1]), responses, synthesize, prices
    )
    if choose_server(synthesize) is None:
        asker = replace(asker, attempts=1)  # a rule finds nothing else the next time
    check = PairCheck(source, synthesize.near_duplicate_threshold)
    outcome = ask_items("pairs", source.instruction, items, check, asker, PAIRS)
    check_some_came("pairs", items, outcome)
    places = ("id", "document", "heading", "text", "language")
    written = [
        {
            **{name: item[name] for name in places},
            **{name: found[name].strip() for name in ("question", "answer", "quote")},
            "page": find_page(item, found["quote"]),
            "model": outcome.models[item["id"]],
        }
        for item, found in outcome.pair(items)
    ]
    log.info("Pairs: %s of %s.", f"{len(written):,}", f"{len(items):,}")
    return written, {**make_record(outcome, asker), "asked": len(items)}


def judge_pairs(
    written_rows: Rows,
    responses: Cache,
    writing_record: Record,
    synthesize: Synthesize,
    prices: Prices,
) -> tuple[Rows, Record]:
    """Have a judge find the answers that say more than their chunk; without one, all go on.

    The record counts the `verdicts`; a pair without one goes no further either.
    """
    if synthesize.judge is None:
        usage = Budget(price=FREE).report()
        return written_rows, {"usage": usage, "invalid": [], "verdicts": None}
    asker = make_judge(synthesize.judge, responses, synthesize, prices, writing_record)
    outcome = ask_items(JUDGE, JUDGE_INSTRUCTION, written_rows, check_verdict, asker, VERDICTS)
    check_some_came(JUDGE, written_rows, outcome)
    supported: Rows = []
    for pair, found in outcome.pair(written_rows):
        if found["verdict"].strip().casefold() == "supported":
            supported.append(pair)
        else:
            reason = f"unsupported: `{found['reason'].strip()}`"
            about = {"step": JUDGE, "id": pair["id"], "attempt": 1, "reason": reason}
            outcome.invalid.append({**about, "response": pair["answer"]})
    verdicts = {
        "supported": len(supported),
        "unsupported": len(outcome.found) - len(supported),
        "not_judged": len(written_rows) - len(outcome.found),
    }
    log.info("Judge: %s of %s supported.", f"{len(supported):,}", f"{len(written_rows):,}")
    return supported, {**make_record(outcome, asker), "verdicts": verdicts}


def moderate_pairs(
    supported_pairs: Rows, responses: Cache, synthesize: Synthesize
) -> tuple[Rows, Rows]:
    """Clear each pair by itself; one that cannot be judged is not clear. See `moderate_rows`."""
    messages = [list_messages(one) for one in supported_pairs]
    return moderate_rows(supported_pairs, messages, responses, synthesize)


def list_messages(pair: dict[str, Any]) -> list[Message]:
    """List a question and its answer as messages."""
    return [
        {"role": "user", "content": pair["question"]},
        {"role": "assistant", "content": pair["answer"]},
    ]


def report_pairs(
    cost_estimate: dict[str, Any],
    chunk_report: dict[str, Any],
    written_rows: Rows,
    supported_pairs: Rows,
    moderated: Rows,
    flagged: Rows,
    writing_record: Record,
    judge_record: Record,
) -> tuple[dict[str, Any], Rows]:
    """Count every step, compare the cost with its estimate, and gather what was invalid."""
    asked, raw = writing_record["asked"], len(moderated)
    steps = {
        "pairs": (asked, len(written_rows)),
        **({JUDGE: (len(written_rows), len(supported_pairs))} if judge_record["verdicts"] else {}),
        "moderation": (len(supported_pairs), len(moderated)),
    }
    return make_report(
        f"{raw:,} questions and answers of {asked:,} asked for rest on their chunks, as far as it "
        "was looked at",
        {"documents": chunk_report, "judge": judge_record["verdicts"]},
        steps,
        {"synthesized": raw, "all": raw},
        {"pairs": writing_record, JUDGE: judge_record},
        flagged,
        cost_estimate,
    )


def collect_pairs(
    moderated: Rows, synthesis_report: dict[str, Any], synthesize: Synthesize
) -> Rows:
    """Make the use case's raw rows; the report is an input so that it is there before them."""
    return [
        {
            "id": pair["id"],
            "question": pair["question"],
            "answer": pair["answer"],
            "document": pair["document"],
            "passage": pair["text"],
            "origin": {
                "source": "documents",
                "file": pair["document"],
                "heading": pair["heading"],
                "page": pair["page"],
                "quote": pair["quote"],
                "provider": synthesize.provider,
                "model": pair["model"],
            },
        }
        for pair in moderated
    ]


def _nothing_to_extract() -> Problem:
    return Problem(
        where="synthesize.provider",
        value="offline",
        wrong="the documents have no heading with a short enough text, and define no term",
        matters="the offline provider takes questions and answers from these alone",
        remedy="have a language model write them: `provider: server`; see docs/synthesize.md",
    )
