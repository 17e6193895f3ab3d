"""Answers of models that a provider runs, in the rows of the evaluation."""

import logging
from typing import Any

from tuneline.errors import Problem, TunelineError
from tuneline.parameters import Evaluation, Server
from tuneline.prompts import list_messages
from tuneline.providers import Failure, Reply, Request, ServerProvider
from tuneline.providers.asking import ask_all, log_progress
from tuneline.providers.meter import Meter
from tuneline.providers.replies import Replies

# What a model on this machine tells of an answer or a reference, and a provider does not.
UNTOLD = ("seconds", "loss", "entropy", "correct")

log = logging.getLogger(__name__)

# Keys of GenerationConfig that OpenAI's protocol knows, under its own names.
DECODING = {"max_new_tokens": "max_tokens", "temperature": "temperature", "top_p": "top_p"}


def answer_through(
    rows: list[dict[str, Any]],
    models: dict[str, str],
    server: Server,
    replies: Replies,
    evaluation: Evaluation,
) -> list[dict[str, Any]]:
    """Have several models of a provider answer the same prompts with the same decoding.

    Args:
        rows: what is asked, as `list_prompts` gives it; the answers are added.
        models: the provider's names of the models, by the name they have in the rows: `base`,
            `tuned`.
        server: where they are.
        replies: where every reply is kept, so that none is paid for twice.
        evaluation: the decoding.

    Returns:
        The rows, with for each model `_answer`, `_tokens` and `_stopped`. What a provider does not
        tell is None: the losses on the references, and the seconds, which are also its queue's.

    Raises:
        TunelineError: if a prompt was not answered after all retries.
    """
    sampling = server.sampling | make_sampling(evaluation)
    for who, model in models.items():
        log.info("%s answers %s prompts.", model, len(rows))
        asked = server.model_copy(update={"model": model, "sampling": sampling})
        provider = ServerProvider(asked, "remote_training.server")
        meter = Meter(table=None, budget=None, max_tokens=0, where="")
        requests = (
            Request(step="evaluation", messages=list_messages(row), items=[{"id": row["id"]}])
            for row in rows
        )
        answered = log_progress(ask_all(requests, provider, replies, meter), model)
        for row, one in zip(rows, answered, strict=True):
            row.update(_read(who, row["id"], one.reply))
            row["reference_tokens"] = None
    return rows


def make_sampling(evaluation: Evaluation) -> dict[str, Any]:
    """Say a decoding in OpenAI's words; greedy is a temperature of 0."""
    generation = evaluation.generation
    sampling = {DECODING[key]: generation[key] for key in DECODING if key in generation}
    if not generation.get("do_sample"):
        sampling = {**sampling, "temperature": 0}
    return sampling | {"seed": evaluation.seed}


def _read(who: str, identifier: str, reply: Reply | Failure) -> dict[str, Any]:
    if isinstance(reply, Failure):
        raise TunelineError(
            Problem(
                where=f"example {identifier}",
                wrong=f"it was not answered: {reply.reason}",
                matters="models can only be compared on the same prompts",
                remedy="run the same command again; the answers so far are kept",
            )
        )
    return {
        f"{who}_answer": reply.text.strip(),
        f"{who}_tokens": reply.completion_tokens,
        **dict.fromkeys(f"{who}_{name}" for name in UNTOLD),
        f"{who}_stopped": reply.finish_reason == "stop",
    }
