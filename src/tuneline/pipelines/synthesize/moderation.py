"""Moderation of what was written: one row at a time."""

import logging

from tuneline.examples import Message
from tuneline.llm_api.moderation import moderate
from tuneline.parameters import Synthesize
from tuneline.pipelines.synthesize.costs import Rows
from tuneline.utils.caches import Cache

log = logging.getLogger(__name__)


def moderate_rows(
    rows: Rows, messages: list[list[Message]], responses: Cache, synthesize: Synthesize
) -> tuple[Rows, Rows]:
    """Clear each row by itself; one that cannot be judged is not clear.

    Those that are not have `categories` and `error`.
    """
    results = moderate(messages, synthesize.moderation, responses, "synthesize.moderation")
    pairs = list(zip(rows, results, strict=True))
    clear = [one for one, result in pairs if result.clear]
    flagged = [
        {**one, "categories": result.categories, "error": result.error}
        for one, result in pairs
        if not result.clear
    ]
    log.info("Moderation: %s clear, %s not.", f"{len(clear):,}", f"{len(flagged):,}")
    return clear, flagged
