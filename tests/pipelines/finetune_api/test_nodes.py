"""Export, price, job and answers, against a server that speaks OpenAI's fine-tuning protocol."""

from pathlib import Path

import pytest

from tests.scripted_server import ScriptedServer, serve
from tuneline.errors import TunelineError
from tuneline.parameters import Evaluation, FinetuneAPI, Moderation, Price, Prices, Prompt, Server
from tuneline.pipelines.evaluate.scoring_nodes import score_remote_answers
from tuneline.pipelines.finetune_api.chats import find_chat_problem
from tuneline.pipelines.finetune_api.nodes import (
    answer_remotely,
    export_chats,
    price_job,
    tune_remotely,
)
from tuneline.utils.caches import Cache

NOTHING = Cache(Path("no"))
FREE = {"input": 0, "output": 0, "batch_input": 0, "batch_output": 0}
PRICES = Prices(
    as_of="today",
    characters_per_token=4,
    models={"scripted": Price(**FREE, training=5, tuned_input=1, tuned_output=2)},
)
PROMPT = Prompt(system="Jsi strážce.", prompt="{q}", completion="{a}")
GREEDY = Evaluation(title="t", generation={"do_sample": False, "max_new_tokens": 12})


def make_examples(count: int, split: str) -> list[dict]:
    return [
        {
            "id": f"{split}{number}",
            "prompt": [
                {"role": "system", "content": "Jsi strážce."},
                {"role": "user", "content": f"Co je nového, {split} {number}?"},
            ],
            "completion": [{"role": "assistant", "content": "Nic. A ticho tam dole!"}],
            "meta": {"line": number},
        }
        for number in range(1, count + 1)
    ]


TRAIN, VALIDATION = make_examples(12, "train"), make_examples(3, "validation")


def make_settings(
    server: ScriptedServer, model: str = "scripted-2026-01-01", **changes: object
) -> FinetuneAPI:
    settings = {
        "dry_run": False,
        "server": Server(base_url=server.url, model=model, retries=1),
        "max_tokens_per_example": 200,
        "min_examples": 10,
        "budget": 1,
        "hyperparameters": {"n_epochs": 3},
        "default_epochs": 3,
        "poll_seconds": 0.01,
        "moderation": Moderation(by="none"),
    }
    return FinetuneAPI(**(settings | changes))


def tune(settings: FinetuneAPI) -> dict:
    train, validation, _ = export_chats(TRAIN, VALIDATION, NOTHING, settings)
    job_cost = price_job(train, settings, PRICES)
    return tune_remotely(train, validation, job_cost, settings, PRICES)


def test_the_job_is_started_with_the_checked_files_followed_and_recorded():
    with serve(ScriptedServer()) as server:
        record = tune(make_settings(server))
    (asked,) = server.requests["/fine_tuning/jobs"]
    assert asked["training_file"] == "file-train"
    assert asked["validation_file"] == "file-validation"
    assert asked["method"]["supervised"]["hyperparameters"] == {"n_epochs": 3}
    files = b"".join(server.requests["/files"])
    assert files.count(b'{"messages":[{"role":"system"') == len(TRAIN) + len(VALIDATION)
    assert record["model"] == "ft:scripted:keeper"
    assert record["reported"]["trained_tokens"] == 1234
    assert record["reported"]["dollars"] == pytest.approx(1234 * 5 / 1e6)
    assert record["estimated"]["dollars"] > 0


def test_a_second_run_follows_the_job_instead_of_paying_for_another():
    with serve(ScriptedServer()) as server:
        first = tune(make_settings(server))
        second = tune(make_settings(server))
    assert len(server.requests["/fine_tuning/jobs"]) == 1
    assert first == second


def test_other_data_is_another_job():
    with serve(ScriptedServer()) as server:
        tune(make_settings(server))
        tune(make_settings(server, seed=1))
    assert len(server.requests["/fine_tuning/jobs"]) == 2


def test_a_dry_run_sends_nothing():
    moderator = {"by": "server", "server": {"base_url": "http://127.0.0.1:9/v1", "model": "m"}}
    with serve(ScriptedServer()) as server:
        settings = make_settings(server, dry_run=True, moderation=Moderation(**moderator))
        record = tune(settings)
        answers = answer_remotely(VALIDATION, record, NOTHING, settings, PROMPT, GREEDY)
    assert server.requests == {}
    assert record["dry_run"] is True
    assert record["estimated"]["dollars"] > 0
    assert answers == []


def test_a_failed_job_is_told_in_the_providers_words():
    server = ScriptedServer()
    server.job_states = ["running", "failed"]
    with serve(server), pytest.raises(TunelineError, match="the file is no good"):
        tune(make_settings(server))


def test_a_training_beyond_the_budget_is_not_started():
    with serve(ScriptedServer()) as server, pytest.raises(TunelineError, match="nothing was sent"):
        tune(make_settings(server, budget=1e-6))
    assert server.requests == {}


def test_a_model_without_a_price_is_not_trained():
    with serve(ScriptedServer()) as server, pytest.raises(TunelineError, match="has no price"):
        tune(make_settings(server, model="other"))


def test_too_few_examples_are_refused_before_the_upload():
    with serve(ScriptedServer()) as server, pytest.raises(TunelineError, match="only 12 training"):
        tune(make_settings(server, min_examples=13))
    assert server.requests == {}


def test_every_example_is_exported_or_set_aside_with_a_reason(tmp_path: Path):
    long = make_examples(1, "long")
    long[0]["completion"][0]["content"] = "a" * 400
    with serve(ScriptedServer()) as server:
        server.moderation = lambda text: {
            "flagged": "train 7" in text,
            "categories": {"hate": "train 7" in text, "violence": False},
        }
        moderation = Moderation(by="server", server={"base_url": server.url, "model": "m"})
        settings = make_settings(server, moderation=moderation)
        train, _, report = export_chats(
            [*TRAIN, *long], VALIDATION, Cache(tmp_path / "cache"), settings
        )
    assert len(train) == 11
    split = report["train"]
    assert split["set_aside"] == [{"id": "long1", "reason": "it may have more than 200 tokens"}]
    assert split["not_moderated"] == [{"chat": 7, "categories": ["hate"], "error": None}]
    assert split["examples"] == split["chats"] + len(split["set_aside"]) + len(
        split["not_moderated"]
    )


@pytest.mark.parametrize(
    ("roles", "good"),
    [
        (["user", "assistant"], True),
        (["system", "user", "assistant", "user", "assistant"], True),
        (["user", "system", "assistant"], False),
        (["user", "user", "assistant"], False),
        (["system", "assistant"], False),
        (["user"], False),
        (["user", "bot"], False),
        ([], False),
    ],
)
def test_only_chats_that_the_provider_takes_are_exported(roles: list[str], good: bool):
    messages = [{"role": role, "content": "x"} for role in roles]
    assert (find_chat_problem(messages, 1000) is None) is good


def test_of_a_conversation_only_the_answer_of_the_example_is_trained(tmp_path: Path):
    (first, *others) = make_examples(12, "train")
    earlier = [*first["prompt"], *first["completion"], {"role": "user", "content": "A pak?"}]
    with serve(ScriptedServer()) as server:
        settings = make_settings(server, dry_run=True)
        train, _, _ = export_chats([{**first, "prompt": earlier}, *others], [], NOTHING, settings)
    weights = [one.get("weight") for one in train[0]["messages"] if one["role"] == "assistant"]
    assert weights == [0, None]


def test_an_empty_message_is_not_exported():
    messages = [{"role": "user", "content": "x"}, {"role": "assistant", "content": " "}]
    assert find_chat_problem(messages, 1000) == "one of its messages is empty"


def test_base_and_tuned_model_answer_the_same_prompts_with_the_same_decoding(tmp_path: Path):
    with serve(ScriptedServer()) as server:
        settings = make_settings(server)
        record = {"dry_run": False, "model": "ft:scripted:keeper"}
        rows = answer_remotely(
            VALIDATION, record, Cache(tmp_path / "responses.jsonl"), settings, PROMPT, GREEDY
        )
    base, tuned = server.requests["/chat/completions"][:3], server.requests["/chat/completions"][3:]
    assert {one["model"] for one in base} == {"scripted-2026-01-01"}
    assert {one["model"] for one in tuned} == {"ft:scripted:keeper"}

    def asked(requests: list[dict]) -> list[dict]:
        bare = [{k: v for k, v in one.items() if k != "model"} for one in requests]
        return sorted(bare, key=str)

    assert asked(base) == asked(tuned)
    assert base[0]["temperature"] == 0
    assert base[0]["max_tokens"] == 12
    for row, example in zip(rows, VALIDATION, strict=True):
        question = example["prompt"][-1]["content"]
        assert row["base_answer"] == row["tuned_answer"] == f"Echo: {question}"
        assert (row["id"], row["line"]) == (example["id"], example["meta"]["line"])
        assert row["tuned_tokens"] == 50
        assert row["tuned_stopped"] is True


def test_a_remote_model_is_scored_with_the_metrics_of_a_local_adapter(tmp_path: Path):
    asking = GREEDY.model_copy(update={"questions": ["Kdo jsi?"]})
    record = {"dry_run": False, "model": "ft:scripted:keeper", "job": {"id": "job1"}}
    with serve(ScriptedServer()) as server:
        rows = answer_remotely(
            VALIDATION,
            record,
            Cache(tmp_path / "responses.jsonl"),
            make_settings(server),
            PROMPT,
            asking,
        )
    scores = score_remote_answers(rows, make_examples(4, "train"), record, asking)
    assert scores["run"]["model"] == "ft:scripted:keeper"
    assert (scores["prompts"], scores["questions"]) == (len(VALIDATION), 1)
    assert scores["verdict"]["label"] == "no significant difference"
    assert {"chrf", "rouge_l", "eos_rate", "repetition"} <= scores["metrics"].keys()
    assert not {"loss", "perplexity", "seconds", "length_ratio"} & scores["metrics"].keys()
    assert score_remote_answers([], [], record, asking) == {}
