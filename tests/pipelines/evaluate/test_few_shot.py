"""What is put before a prompt: the most similar training examples that fit, the nearest last."""

from types import SimpleNamespace

import pytest

from tests.conftest import CPU
from tests.models.test_generation import EXAMPLES, PROMPT
from tests.pipelines.evaluate.adapters import make_adapter
from tuneline.models.tokenizer import load_tokenizer
from tuneline.parameters import Evaluation, Prompting, Recipe
from tuneline.pipelines.evaluate.answering_nodes import answer_prompts
from tuneline.pipelines.evaluate.few_shot import build_prompts
from tuneline.prompts import list_prompts
from tuneline.utils.caches import Cache

GENERATION = {"do_sample": False, "max_new_tokens": 6}
MODEL = SimpleNamespace(config=SimpleNamespace(get_text_config=SimpleNamespace))
TITLES = ["Red Tea Pot", "Blue Tea Pot", "Steel Tape Measure", "Garden Hose", "Oak Spoon, 20 cm"]


def make_example(number: int, title: str, **more: object) -> dict:
    return {
        "id": f"train {number}",
        "prompt": [{"role": "user", "content": f"Write a product description for: {title}"}],
        "completion": [{"role": "assistant", "content": f"Answer {number}."}],
        "meta": {"line": number},
        **more,
    }


TRAIN = [make_example(number, title) for number, title in enumerate(TITLES)]


def build(recipe: Recipe, train: list[dict] = TRAIN, model: object = MODEL, **prompting: object):
    tokenizer = load_tokenizer(recipe)
    evaluation = Evaluation(
        title="Pots", generation=GENERATION, prompting=Prompting(**prompting), questions=["Tea"]
    )
    rows = list_prompts(EXAMPLES, PROMPT, evaluation)
    asked = build_prompts(model, tokenizer, rows, train, evaluation)
    return {name: [(tokenizer.decode(one.ids), one.shots) for one in asked[name]] for name in asked}


def test_the_most_similar_examples_are_before_the_prompt_the_nearest_last(recipe: Recipe):
    asked = build(recipe, shots=2)
    assert list(asked) == ["few_shot"]
    spoon, tape, _, pot, question = (text for text, _ in asked["few_shot"])
    assert spoon.index("Answer 4.") < spoon.rindex("Oak Spoon")
    assert tape.index("Answer 2.") < tape.rindex("Steel Tape Measure")
    assert {f"Answer {n}." in pot for n in (0, 1)} == {True}
    assert "Answer 3." not in pot
    assert question.count("Answer") == 2
    assert [shots for _, shots in asked["few_shot"]] == [2] * 5


def test_an_instruction_begins_the_first_question_alone_and_with_examples(recipe: Recipe):
    asked = build(recipe, shots=1, instruction="Be brief.")
    assert list(asked) == ["instructed", "few_shot"]
    for name, turns in (("instructed", 1), ("few_shot", 2)):
        text, _ = asked[name][0]
        assert text.count("Be brief.") == 1
        assert text.count("Write a product description") == turns
        assert text.index("Be brief.") < text.index("Write a product description")


def test_examples_that_do_not_fit_are_left_out_the_least_similar_first(
    recipe: Recipe, caplog: pytest.LogCaptureFixture
):
    whole = build(recipe, shots=5)["few_shot"]
    tokenizer = load_tokenizer(recipe)
    size = len(tokenizer(whole[0][0], add_special_tokens=False)["input_ids"])
    fitted = build(recipe, shots=5, max_tokens=size - 1)["few_shot"]
    assert fitted[0][1] < 5
    assert "Answer 4." in fitted[0][0]
    assert "examples fit into" in caplog.text
    assert [shots for _, shots in build(recipe, shots=5, max_tokens=1)["few_shot"]] == [0] * 5


def test_an_answer_has_to_fit_into_the_models_context_too(recipe: Recipe):
    text = SimpleNamespace(max_position_embeddings=60)
    model = SimpleNamespace(config=SimpleNamespace(get_text_config=lambda: text))
    tokenizer = load_tokenizer(recipe)
    for asked, _ in build(recipe, model=model, shots=5)["few_shot"]:
        assert len(tokenizer(asked, add_special_tokens=False)["input_ids"]) <= 60 - 6


def test_a_system_message_stays_first_and_comes_once(recipe: Recipe):
    system = {"role": "system", "content": "You sell pots."}
    train = [one | {"prompt": [system, *one["prompt"]]} for one in TRAIN]
    rows = [{"id": "1", "context": [system], "prompt": "Tea Pot"}]
    evaluation = Evaluation(title="Pots", generation=GENERATION, prompting=Prompting(shots=3))
    tokenizer = load_tokenizer(recipe)
    (asked,) = build_prompts(MODEL, tokenizer, rows, train, evaluation)["few_shot"]
    text = tokenizer.decode(asked.ids)
    assert text.count("You sell pots.") == 1
    assert text.index("You sell pots.") < text.index("Answer")


@pytest.mark.slow
def test_the_prompted_base_model_answers_next_to_both_and_its_answers_are_kept(
    recipe: Recipe, tmp_path
):
    evaluation = Evaluation(
        title="Pots",
        generation=GENERATION,
        prompting=Prompting(shots=2, instruction="Be brief."),
        retention=None,
    )
    cache = Cache(tmp_path / "cache")
    adapter = make_adapter(recipe, CPU, effect=True, train=TRAIN)
    given = (EXAMPLES, TRAIN, adapter, cache, recipe, PROMPT, evaluation, CPU)
    rows, _ = answer_prompts(*given)
    for row in rows:
        assert row["few_shot_shots"] == 2
        assert {"instructed_answer", "few_shot_tokens", "few_shot_stopped"} <= row.keys()
        assert "few_shot_loss" not in row
    assert any(row["few_shot_answer"] != row["base_answer"] for row in rows)
    kept = (tmp_path / "cache").read_bytes()
    assert answer_prompts(*given)[0] == rows
    assert (tmp_path / "cache").read_bytes() == kept
