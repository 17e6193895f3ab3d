"""Nodes of the synthesise stage that make raw rows: cleared, reported, merged."""

import logging
from typing import Any

from tuneline.moderation import moderate
from tuneline.parameters import Synthesise
from tuneline.pipelines.synthesise.merging import list_collected, list_synthesised
from tuneline.pipelines.synthesise.quotas import check_shares, count_shares
from tuneline.pipelines.synthesise.records import Record
from tuneline.pipelines.synthesise.report import Counts, build_report

log = logging.getLogger(__name__)
Rows = list[dict[str, Any]]


def moderate_dialogues(dialogues: Rows, synthesise: Synthesise) -> tuple[Rows, Rows]:
    """Clear each dialogue by itself; one that cannot be judged is not clear.

    Args:
        dialogues: the dialogues; none is fine.
        synthesise: who judges.

    Returns:
        Cleared dialogues; the others with `categories` and `error`.
    """
    conversations = [list_synthesised(one, synthesise.persona) for one in dialogues]
    judgements = moderate(conversations, synthesise.moderation, "synthesise.moderation")
    pairs = list(zip(dialogues, judgements, strict=True))
    cleared = [one for one, judgement in pairs if judgement.clear]
    flagged = [
        {**one, "categories": judgement.categories, "error": judgement.error}
        for one, judgement in pairs
        if not judgement.clear
    ]
    log.info("Moderation: %s clear, %s not.", f"{len(cleared):,}", f"{len(flagged):,}")
    return cleared, flagged


def report_synthesis(
    cost_estimate: dict[str, Any],
    all_templates: Rows,
    drafts: Rows,
    dialogues: Rows,
    cleared: Rows,
    flagged: Rows,
    collected: Rows,
    template_record: Record,
    answer_record: Record,
    question_record: Record,
    synthesise: Synthesise,
) -> tuple[dict[str, Any], Rows]:
    """Count every step, compare the cost with its estimate, and gather what was invalid.

    Args:
        cost_estimate: tokens and money, before.
        all_templates: templates from the file and new ones.
        drafts: answers that were kept.
        dialogues: drafts that got their question.
        cleared: dialogues that were cleared.
        flagged: dialogues that were not.
        collected: raw rows that somebody wrote.
        template_record: usage and invalid items of each step.
        answer_record: the same.
        question_record: the same.
        synthesise: what was asked for.

    Returns:
        The report; all invalid items with their reason and the reply they came in.
    """
    records = {
        "templates": template_record,
        "answers": answer_record,
        "questions": question_record,
    }
    invalid = [one for record in records.values() for one in record["invalid"]]
    usage = {step: record["usage"] for step, record in records.items()}
    counts = Counts(
        templates_wanted=synthesise.templates,
        templates_in_file=sum(one["origin"] == "file" for one in all_templates),
        templates=len(all_templates),
        asked=synthesise.dialogues,
        answers=len(drafts),
        questions=len(dialogues),
        cleared=len(cleared),
        flagged=sum(one["error"] is None for one in flagged),
        unjudged=sum(one["error"] is not None for one in flagged),
        collected=len(collected),
    )
    shares = count_shares(cleared, synthesise.quotas)
    return build_report(counts, shares, invalid, flagged, cost_estimate, usage), invalid


def merge_dialogues(
    cleared: Rows, collected: Rows, synthesis_report: dict[str, Any], synthesise: Synthesise
) -> Rows:
    """Put collected and synthesised dialogues together as the use case's raw rows.

    Args:
        cleared: the synthesised dialogues.
        collected: the raw rows that somebody wrote.
        synthesis_report: the quotas as they came out.
        synthesise: the persona, and how far a quota may be off.

    Returns:
        `id`, `messages`, `template`, `style` and `origin` of each row.

    Raises:
        TunelineError: if a style's or the slips' share is too far from its quota.
    """
    check_shares(synthesis_report["quotas"], synthesise.quotas.tolerance)
    return [*list_collected(collected), *(_make_row(one, synthesise) for one in cleared)]


def _make_row(dialogue: dict[str, Any], synthesise: Synthesise) -> dict[str, Any]:
    server = synthesise.server if synthesise.provider == "server" else None
    by = server.model if server else "embedded"
    origin = {name: dialogue[name] for name in ("template_origin", "slip")}
    return {
        "id": dialogue["id"],
        "messages": list_synthesised(dialogue, synthesise.persona),
        "template": f"template-{dialogue['template']:03d}",
        "style": dialogue["style"],
        "origin": {"source": "synthesised", "by": by, **origin},
    }
