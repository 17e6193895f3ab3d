"""The files and the job of a fine-tuning through a provider's API."""

import io
import logging
import time
from collections.abc import Callable
from typing import Any

import orjson

from tuneline.errors import Problem, TunelineError
from tuneline.llm_api.requests import Failure
from tuneline.llm_api.server import call, make_client
from tuneline.parameters import FinetuneAPI
from tuneline.pipelines.finetune_api.chats import Chats
from tuneline.utils.hashing import hash_value

log = logging.getLogger(__name__)


ENDED = {"succeeded", "failed", "canceled"}
# Looks in a row that may fail before one stops looking; the job itself goes on.
PATIENCE = 10
WHERE = "finetune_api.server"


def run_job(train: Chats, validation: Chats, settings: FinetuneAPI) -> dict[str, Any]:
    """Have a model tuned, and wait for it.

    A job of the same data, model and hyperparameters that is there already is followed instead of
    paid for again; so a run that was stopped goes on where it was.

    Raises:
        TunelineError: if the provider refuses or the job fails.
    """
    client = make_client(settings.server)
    key = name_job(train, validation, settings)
    job = _find(client, key, settings) or _start(client, key, train, validation, settings)
    job = _follow(client, job, settings)
    if job.status != "succeeded":
        raise TunelineError(_failed(job))
    return dict(job.model_dump(mode="json"))


def name_job(train: Chats, validation: Chats, settings: FinetuneAPI) -> str:
    """Name a job by everything it depends on: 32 hexadecimal digits."""
    made_of = [train, validation, settings.server.model, settings.hyperparameters, settings.seed]
    return hash_value(made_of)[:32]


def _find(client: Any, key: str, settings: FinetuneAPI) -> Any:
    jobs = _ask(lambda: list(client.fine_tuning.jobs.list(limit=100)), settings)
    for job in jobs:
        if (job.metadata or {}).get("tuneline") == key and job.status not in {"failed", "canceled"}:
            log.info("Job %s is there already (%s); it is followed.", job.id, job.status)
            return job
    return None


def _start(client: Any, key: str, train: Chats, validation: Chats, settings: FinetuneAPI) -> Any:
    files = {
        f"{split}_file": _upload(client, split, chats, settings)
        for split, chats in (("training", train), ("validation", validation))
        if chats
    }
    job = _ask(
        lambda: client.fine_tuning.jobs.create(
            model=settings.server.model,
            method={
                "type": "supervised",
                "supervised": {"hyperparameters": settings.hyperparameters},
            },
            seed=settings.seed,
            metadata={"tuneline": key},
            **files,
        ),
        settings,
    )
    log.info("Job %s is started: %s examples.", job.id, f"{len(train):,}")
    return job


def _upload(client: Any, split: str, chats: Chats, settings: FinetuneAPI) -> str:
    lines = b"".join(orjson.dumps(chat, option=orjson.OPT_APPEND_NEWLINE) for chat in chats)
    file = (f"{split}.jsonl", io.BytesIO(lines))
    uploaded = _ask(lambda: client.files.create(file=file, purpose="fine-tune"), settings)
    log.info("Uploaded %s.jsonl: %s bytes.", split, f"{len(lines):,}")
    return str(uploaded.id)


def _follow(client: Any, job: Any, settings: FinetuneAPI) -> Any:
    failures = 0
    while job.status not in ENDED:
        time.sleep(settings.poll_seconds)
        seen = call(lambda: client.fine_tuning.jobs.retrieve(job.id), settings.server, WHERE)  # noqa: B023
        if isinstance(seen, Failure):
            failures += 1
            if failures >= PATIENCE:
                raise TunelineError(_lost(job.id, seen))
            continue
        failures = 0
        if seen.status != job.status:
            log.info("Job %s: %s.", seen.id, seen.status)
        job = seen
    return job


def _ask(ask: Callable[[], Any], settings: FinetuneAPI) -> Any:
    answer = call(ask, settings.server, WHERE)
    if isinstance(answer, Failure):
        raise TunelineError(
            Problem(
                where=WHERE,
                value=settings.server.base_url,
                wrong=answer.reason,
                matters="the job could not be started",
                remedy="correct what the provider names, or wait, and run the same command again",
            )
        )
    return answer


def _failed(job: Any) -> Problem:
    said = job.error.message if job.error else "the provider gives no reason"
    return Problem(
        where=f"job {job.id}",
        value=job.status,
        wrong=said or "the provider gives no reason",
        matters="there is no tuned model",
        remedy="correct what the provider names, and run the same command again",
    )


def _lost(job: str, failure: Failure) -> Problem:
    return Problem(
        where=f"job {job}",
        wrong=f"the provider does not say how it is ({failure.reason})",
        matters="the job goes on there, and is paid for",
        remedy="run the same command again later; it follows the job instead of starting another",
    )
