"""Nodes of the finetune_api stage."""

import logging
from typing import Any

from tuneline.errors import Problem, TunelineError
from tuneline.examples import Example
from tuneline.llm_api.budget import MILLION, estimate_tokens, find_price
from tuneline.llm_api.moderation import moderate
from tuneline.parameters import Evaluation, FinetuneAPI, Moderation, Price, Prices, Prompt
from tuneline.pipelines.finetune_api.chats import Chats, check_count, export_split, request_answers
from tuneline.pipelines.finetune_api.job import run_job
from tuneline.prompts import list_prompts
from tuneline.utils.caches import Cache

log = logging.getLogger(__name__)


def export_chats(
    train: list[Example], validation: list[Example], responses: Cache, finetune_api: FinetuneAPI
) -> tuple[Chats, Chats, dict[str, Any]]:
    """Write the examples in OpenAI's chat format, checked and moderated before any upload.

    Returns:
        Chats of both splits; the report: by split `examples`, `chats`, `set_aside` with reasons.

    Raises:
        TunelineError: if the provider would refuse the training file.
    """
    moderation = _choose_moderation(finetune_api)
    report: dict[str, Any] = {"moderated_by": moderation.by}
    splits = []
    for split, examples in (("train", train), ("validation", validation)):
        exported, set_aside = export_split(examples, finetune_api)
        results = moderate(
            [chat["messages"] for chat in exported],
            moderation,
            responses,
            "finetune_api.moderation",
        )
        pairs = list(zip(exported, results, strict=True))
        chats = [chat for chat, result in pairs if result.clear]
        report[split] = {
            "examples": len(examples),
            "chats": len(chats),
            "set_aside": set_aside,
            "not_moderated": [
                {"chat": number, "categories": result.categories, "error": result.error}
                for number, (_, result) in enumerate(pairs, start=1)
                if not result.clear
            ],
        }
        splits.append(chats)
    check_count(splits[0], finetune_api)
    return splits[0], splits[1], report


def price_job(chat_train: Chats, finetune_api: FinetuneAPI, prices: Prices) -> dict[str, Any]:
    """Price the training: `tokens` an epoch, `epochs`, `dollars`, `assumptions`, the `budget`.

    Raises:
        TunelineError: if the model's training has no price or costs more than the budget.
    """
    texts = [message["content"] for chat in chat_train for message in chat["messages"]]
    tokens = estimate_tokens(texts, prices)
    epochs = finetune_api.hyperparameters.get("n_epochs")
    counted = epochs if isinstance(epochs, int) else finetune_api.default_epochs
    price = _find_training_price(finetune_api, prices)
    dollars = tokens * counted * (price.training or 0.0) / MILLION
    if dollars > finetune_api.budget:
        raise TunelineError(
            Problem(
                where="finetune_api.budget",
                value=finetune_api.budget,
                wrong=f"the training is estimated at {dollars:.2f} dollars",
                matters="it would cost more than it may; nothing was sent",
                remedy="raise the budget, train fewer epochs, or take fewer examples",
            )
        )
    log.info("Estimated cost of the training: %.2f dollars.", dollars)
    assumptions = f"{prices.characters_per_token:g} characters a token; prices as of {prices.as_of}"
    return {
        "model": finetune_api.server.model,
        "tokens": tokens,
        "epochs": counted,
        "dollars": dollars,
        "budget": finetune_api.budget,
        "assumptions": assumptions,
    }


def tune_remotely(
    chat_train: Chats,
    chat_validation: Chats,
    job_cost: dict[str, Any],
    finetune_api: FinetuneAPI,
    prices: Prices,
) -> dict[str, Any]:
    """Upload, start and follow the job, or say what would be sent.

    The cost is an input so that it is compared with the budget before anything is sent.

    Returns:
        `dry_run`, `model` (the tuned one; none in a dry run), the `job` as the provider describes
        it, `estimated` and `reported` tokens and dollars.

    Raises:
        TunelineError: if the provider refuses or the job fails.
    """
    estimated = {"trained_tokens": job_cost["tokens"] * job_cost["epochs"]}
    estimated["dollars"] = job_cost["dollars"]
    if finetune_api.dry_run:
        log.info("Dry run: nothing was sent. To start: --params=finetune_api.dry_run=false")
        return {"dry_run": True, "model": None, "job": None, "estimated": estimated}
    job = run_job(chat_train, chat_validation, finetune_api)
    tokens = job.get("trained_tokens")
    price = _find_training_price(finetune_api, prices).training
    reported = {
        "trained_tokens": tokens,
        "dollars": None if tokens is None else tokens * (price or 0.0) / MILLION,
    }
    return {
        "dry_run": False,
        "model": job["fine_tuned_model"],
        "job": job,
        "estimated": estimated,
        "reported": reported,
    }


def answer_remotely(
    test: list[Example],
    remote_job: dict[str, Any],
    responses: Cache,
    finetune_api: FinetuneAPI,
    prompt: Prompt,
    evaluation: Evaluation,
) -> list[dict[str, Any]]:
    """Let base and tuned model of the provider answer what an adapter would be asked.

    Rows are as the evaluate stage's answers, without losses; there are none in a dry run.
    """
    if remote_job["dry_run"]:
        return []
    models = {"base": finetune_api.server.model, "tuned": remote_job["model"]}
    rows = list_prompts(test, prompt, evaluation)
    return request_answers(rows, models, finetune_api.server, responses, evaluation)


def _choose_moderation(settings: FinetuneAPI) -> Moderation:
    """Ask no moderation server in a dry run: it sends nothing."""
    if settings.dry_run and settings.moderation.by == "server":
        return settings.moderation.model_copy(update={"by": "none"})
    return settings.moderation


def _find_training_price(settings: FinetuneAPI, prices: Prices) -> Price:
    """Find the price of the model to tune, training included."""
    model = settings.server.model
    price = find_price(model, prices)
    if price is None or price.training is None:
        raise TunelineError(
            Problem(
                where="finetune_api.server.model",
                value=model,
                wrong="its training has no price in `prices.models`",
                matters="the budget could not be kept",
                remedy="add its `training` and its tuned prices, or take another model",
            )
        )
    return price
