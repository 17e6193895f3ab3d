import logging
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from tests.pipelines.evaluate.adapters import make_adapter
from tuneline.errors import TunelineError
from tuneline.metrics import likelihood
from tuneline.metrics.likelihood import measure_references
from tuneline.models.adapted_model import attach_adapter
from tuneline.models.generation import generate_answers
from tuneline.models.loading import load_model
from tuneline.models.rendering import render_example, render_prompt
from tuneline.models.tokenizer import load_tokenizer
from tuneline.parameters import Evaluation, Hardware, Prompt, Recipe
from tuneline.pipelines.evaluate.answering_nodes import answer_prompts
from tuneline.utils import progress
from tuneline.utils.caches import Cache

pytestmark = pytest.mark.slow

TITLES = ["Oak Spoon", "Pellby Sparrow 8 m Steel Tape Measure with a Slow Return", "Cup", "Tea Pot"]
EXAMPLES = [
    {
        "id": str(number),
        "prompt": [{"role": "user", "content": f"Write a product description for: {title}"}],
        "completion": [{"role": "assistant", "content": f"The {title} is made of oak."}],
        "meta": {"line": number + 1, "category": "pots", "key_terms": ["oak"]},
    }
    for number, title in enumerate(TITLES)
]
TRAIN: list = []
GREEDY = Evaluation(
    title="Pots", generation={"do_sample": False, "max_new_tokens": 12}, retention=None
)
SAMPLED = Evaluation(
    title="Pots",
    generation={"do_sample": True, "temperature": 1.5, "max_new_tokens": 12},
    retention=None,
)
PROMPT = Prompt(prompt="{title}", completion="{content}")


def ask(adapter, recipe: Recipe, hardware: Hardware, cache: Path, **changes) -> list[dict]:
    """Let both models answer the four titles, and whatever `changes` make of it."""
    given = {"test": EXAMPLES, "train": TRAIN, "evaluation": GREEDY, "prompt": PROMPT} | changes
    answers, _ = answer_prompts(
        **given,
        adapter=adapter,
        answer_cache=Cache(cache),
        recipe=recipe,
        hardware=hardware,
    )
    return answers


def texts(rows: list[dict]) -> list[tuple[str, str]]:
    return [(row["base_answer"], row["tuned_answer"]) for row in rows]


def test_answers_do_not_depend_on_the_batch(recipe: Recipe, hardware: Hardware, tmp_path: Path):
    model, tokenizer = load_model(recipe, hardware), load_tokenizer(recipe)
    prompts = [render_prompt(tokenizer, example["prompt"]) for example in EXAMPLES]
    answers = [
        [
            answer.answer
            for answer in generate_answers(
                model.eval(),
                tokenizer,
                prompts,
                GREEDY,
                hardware.model_copy(update={"per_device_eval_batch_size": size}),
                Cache(tmp_path / str(size)),
                {},
            )
        ]
        for size in (1, 4)
    ]
    assert answers[0] == answers[1]


def test_the_loss_of_a_batch_is_the_loss_of_each_alone(recipe: Recipe, hardware: Hardware):
    model, tokenizer = load_model(recipe, hardware).eval(), load_tokenizer(recipe)
    found = measure_references(model, tokenizer, EXAMPLES, hardware)
    for example, loss in zip(EXAMPLES, found, strict=True):
        rendered = render_example(tokenizer, example)
        ids, labels = torch.tensor([rendered.ids]), torch.tensor([rendered.labels])
        with torch.no_grad():
            expected = model(input_ids=ids, labels=labels)
        assert loss.nats / loss.tokens == pytest.approx(float(expected.loss), rel=1e-4)
        assert loss.tokens == len(rendered.ids) - rendered.prompt_length
        expects = torch.distributions.Categorical(logits=expected.logits[0, :-1])
        entropy = expects.entropy()[rendered.prompt_length - 1 :].sum()
        assert loss.entropy == pytest.approx(float(entropy), rel=1e-4)


def test_the_loss_does_not_depend_on_how_much_is_scored_at_once(
    recipe: Recipe, hardware: Hardware, monkeypatch: pytest.MonkeyPatch
):
    model, tokenizer = load_model(recipe, hardware).eval(), load_tokenizer(recipe)
    expected = measure_references(model, tokenizer, EXAMPLES, hardware)
    monkeypatch.setattr(likelihood, "NUMBERS_ON_CPU", 1)  # token by token
    assert measure_references(model, tokenizer, EXAMPLES, hardware) == expected


def test_an_adapter_without_effect_gives_the_base_models_very_answers(
    recipe: Recipe, hardware: Hardware, tmp_path: Path
):
    adapter = make_adapter(recipe, hardware, effect=False)
    for row in ask(adapter, recipe, hardware, tmp_path / "cache"):
        assert row["base_answer"] == row["tuned_answer"]
        assert row["base_loss"] == row["tuned_loss"]


def test_base_is_the_model_without_the_adapter(recipe: Recipe, hardware: Hardware, tmp_path: Path):
    adapter = make_adapter(recipe, hardware, effect=True)
    rows = ask(adapter, recipe, hardware, tmp_path / "cache")
    bare = load_model(recipe, hardware).eval()
    expected = measure_references(bare, adapter.tokenizer, EXAMPLES, hardware)
    assert [row["base_loss"] for row in rows] == [loss.nats for loss in expected]
    assert all(row["tuned_loss"] != row["base_loss"] for row in rows)


def test_questions_are_asked_with_the_system_message_and_have_no_reference(
    recipe: Recipe, hardware: Hardware, tmp_path: Path
):
    adapter = make_adapter(recipe, hardware, effect=True)
    rows = ask(
        adapter,
        recipe,
        hardware,
        tmp_path / "cache",
        evaluation=GREEDY.model_copy(update={"questions": ["What is oak?"]}),
        prompt=PROMPT.model_copy(update={"system": "You sell {{pots}}."}),
    )
    assert [row["line"] for row in rows] == [1, 2, 3, 4, None]
    question = rows[-1]
    assert question["context"] == [{"role": "system", "content": "You sell {pots}."}]
    assert question["reference"] is question["base_loss"] is question["reference_tokens"] is None
    assert question["tuned_tokens"] > 0


def test_sampled_answers_are_drawn_alike_for_both_models_and_again(
    recipe: Recipe, hardware: Hardware, tmp_path: Path
):
    idle = make_adapter(recipe, hardware, effect=False)
    rows = ask(idle, recipe, hardware, tmp_path / "1", evaluation=SAMPLED)
    assert all(base == tuned for base, tuned in texts(rows))
    assert texts(rows) == texts(ask(idle, recipe, hardware, tmp_path / "2", evaluation=SAMPLED))
    assert texts(rows) != texts(ask(idle, recipe, hardware, tmp_path / "3"))


def test_an_answer_ends_at_its_end_token_or_is_marked_as_cut(
    recipe: Recipe, hardware: Hardware, tmp_path: Path
):
    adapter = make_adapter(recipe, hardware, effect=True)
    model = attach_adapter(load_model(recipe, hardware), adapter)
    prompts = [render_prompt(adapter.tokenizer, example["prompt"]) for example in EXAMPLES]
    cache = Cache(tmp_path / "cache")
    for answer in generate_answers(model, adapter.tokenizer, prompts, GREEDY, hardware, cache, {}):
        assert answer.stopped or answer.tokens == 12
        assert "<|" not in answer.answer


def test_each_answer_has_its_part_of_the_time_however_short_it_is(
    recipe: Recipe, hardware: Hardware, tmp_path: Path
):
    model, tokenizer = load_model(recipe, hardware).eval(), load_tokenizer(recipe)
    prompts = [render_prompt(tokenizer, example["prompt"]) for example in EXAMPLES]
    long = GREEDY.model_copy(update={"generation": {"do_sample": False, "max_new_tokens": 60}})
    start = time.perf_counter()
    answers = generate_answers(
        model, tokenizer, prompts, long, hardware, Cache(tmp_path / "cache"), {}
    )
    elapsed = time.perf_counter() - start
    assert len({answer.tokens for answer in answers}) > 1
    by_length = sorted(answers, key=lambda answer: answer.tokens)
    assert 0 < by_length[0].seconds < by_length[-1].seconds
    assert sum(answer.seconds for answer in answers) <= elapsed


def test_what_was_answered_is_not_generated_again(
    recipe: Recipe, hardware: Hardware, tmp_path: Path
):
    adapter = make_adapter(recipe, hardware, effect=True)
    first = ask(adapter, recipe, hardware, tmp_path / "cache")
    size = (tmp_path / "cache").stat().st_size
    # Times tell: generated again, they would differ.
    assert ask(adapter, recipe, hardware, tmp_path / "cache") == first
    assert (tmp_path / "cache").stat().st_size == size


def test_progress_goes_into_the_log_without_a_terminal(
    recipe: Recipe,
    hardware: Hardware,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setattr(progress, "SECONDS_BETWEEN_LINES", 0.0)
    monkeypatch.setattr(progress, "HEARTBEAT_SECONDS", 3600.0)
    caplog.set_level(logging.INFO)
    alone = hardware.model_copy(update={"per_device_eval_batch_size": 1, "tokens_per_batch": 1})
    adapter = make_adapter(recipe, hardware, effect=True)
    ask(adapter, recipe, alone, tmp_path / "cache")
    rate, left = r"[\d.,]+", r"\d+:\d\d min left\."
    for work, unit in (("Answering", "prompts"), ("Measuring the loss", "references")):
        lines = [one for one in caplog.messages if one.startswith(work)]
        assert len(lines) == 2 * 4  # for base and tuned model each
        words = rf"{work}: 1 {unit}, {rate} {unit}/s, 25% of 4, {left}"
        assert re.fullmatch(words, lines[0]), lines[0]
        assert lines[-1].endswith("all of them.")
    caplog.clear()
    ask(adapter, recipe, alone, tmp_path / "cache")
    assert "4 of 4 answers are there already." in caplog.messages
    assert not [one for one in caplog.messages if one.startswith("Answering")]


def test_another_adapter_or_decoding_is_answered_anew(
    recipe: Recipe, hardware: Hardware, tmp_path: Path
):
    cache = tmp_path / "cache"
    tuned = texts(ask(make_adapter(recipe, hardware, effect=True), recipe, hardware, cache))
    idle = make_adapter(recipe, hardware, effect=False)
    assert all(base == idle for base, idle in texts(ask(idle, recipe, hardware, cache)))
    assert any(base != effect for base, effect in tuned)
    shorter = GREEDY.model_copy(update={"generation": {"do_sample": False, "max_new_tokens": 3}})
    rows = ask(idle, recipe, hardware, cache, evaluation=shorter)
    assert max(row["base_tokens"] for row in rows) <= 3


def test_a_killed_evaluation_goes_on_and_ends_like_one_that_was_not(
    recipe: Recipe, hardware: Hardware, tmp_path: Path
):
    """A real process, killed without a chance to tidy up once its first batch is on the disk."""
    script = (
        "import sys; from pathlib import Path\n"
        "from tests.models.test_generation import ask_slowly\n"
        "ask_slowly(Path(sys.argv[1]))\n"
    )
    cache = tmp_path / "killed"
    child = subprocess.Popen([sys.executable, "-c", script, str(cache)], env=_environment())
    while not cache.exists() or not cache.read_bytes().endswith(b"\n"):
        assert child.poll() is None, "the process ended before it could be killed"
        time.sleep(0.01)
    child.send_signal(signal.SIGKILL)
    child.wait()
    kept = cache.read_bytes()
    assert 1 <= kept.count(b"\n") < 2 * len(EXAMPLES)
    resumed = ask_slowly(cache)
    assert cache.read_bytes().startswith(kept)
    assert texts(resumed) == texts(ask_slowly(tmp_path / "whole"))
    assert cache.read_bytes().count(b"\n") == 2 * len(EXAMPLES)


def ask_slowly(cache: Path) -> list[dict]:
    """Ask with a batch of one, so that there are eight batches to be killed between."""
    from tests.conftest import CPU, load_parameters

    recipe = load_parameters().recipe
    hardware = CPU.model_copy(update={"per_device_eval_batch_size": 1})
    long = GREEDY.model_copy(update={"generation": {"do_sample": False, "max_new_tokens": 40}})
    adapter = make_adapter(recipe, hardware, effect=True)
    return ask(adapter, recipe, hardware, cache, evaluation=long)


def _environment() -> dict[str, str]:
    project = str(Path(__file__).parents[2])
    return {**os.environ, "PYTHONPATH": f"{project}:{project}/src", "OMP_NUM_THREADS": "1"}


def test_an_empty_test_split_is_refused(recipe: Recipe, hardware: Hardware, tmp_path: Path):
    adapter = make_adapter(recipe, hardware, effect=False)
    with pytest.raises(TunelineError, match=r"test\.jsonl: it holds no row"):
        ask(adapter, recipe, hardware, tmp_path / "cache", test=[])


def test_an_adapter_of_another_base_is_refused_and_both_are_named(
    recipe: Recipe, hardware: Hardware, tmp_path: Path
):
    adapter = make_adapter(recipe, hardware, effect=False)
    adapter.provenance["base"] = {"name": "someone/else", "commit": "abc"}
    with pytest.raises(TunelineError, match=r"tiny_base.*trained on .*someone/else"):
        ask(adapter, recipe, hardware, tmp_path / "cache")


def test_an_adapter_whose_template_was_changed_is_refused(
    recipe: Recipe, hardware: Hardware, tmp_path: Path
):
    adapter = make_adapter(recipe, hardware, effect=False)
    adapter.tokenizer.chat_template += "\n"
    with pytest.raises(TunelineError, match="chat_template"):
        ask(adapter, recipe, hardware, tmp_path / "cache")


def test_an_adapter_that_was_trained_on_other_examples_is_refused(
    recipe: Recipe, hardware: Hardware, tmp_path: Path
):
    adapter = make_adapter(recipe, hardware, effect=False)
    with pytest.raises(TunelineError, match="trained on other examples"):
        ask(adapter, recipe, hardware, tmp_path / "cache", train=EXAMPLES)
