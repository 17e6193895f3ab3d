import pytest
import torch

from tests.conftest import extract_adapter
from tuneline.adapters import attach_adapter
from tuneline.errors import TunelineError
from tuneline.hashing import hash_value
from tuneline.modelling import identify_base, load_model, load_tokenizer
from tuneline.parameters import Evaluation, Hardware, Recipe
from tuneline.pipelines.evaluate.answering import generate_answers
from tuneline.pipelines.evaluate.nodes import answer_prompts
from tuneline.pipelines.evaluate.reference_loss import measure_references
from tuneline.rendering import hash_template, render_example

TITLES = ["Oak Spoon", "Pellby Sparrow 8 m Steel Tape Measure with a Slow Return", "Cup", "Tea Pot"]
EXAMPLES = [
    {
        "id": str(number),
        "prompt": [{"role": "user", "content": f"Write a product description for: {title}"}],
        "completion": [{"role": "assistant", "content": f"The {title} is made of oak."}],
        "meta": {"line": number},
    }
    for number, title in enumerate(TITLES)
]
TRAIN: list = []
GREEDY = Evaluation(title="Pots", generation={"do_sample": False, "max_new_tokens": 12})


def make_adapter(recipe: Recipe, hardware: Hardware, effect: bool):
    from peft import LoraConfig, get_peft_model

    torch.manual_seed(2)
    config = LoraConfig(r=4, target_modules="all-linear", init_lora_weights=not effect)
    tokenizer = load_tokenizer(recipe)
    provenance = {
        "base": identify_base(recipe),
        "chat_template_sha256": hash_template(tokenizer),
        "examples": {"train": {"sha256": hash_value(TRAIN)}},
    }
    return extract_adapter(
        get_peft_model(load_model(recipe, hardware), config), tokenizer, provenance
    )


def test_answers_do_not_depend_on_the_batch(recipe: Recipe, hardware: Hardware):
    model, tokenizer = load_model(recipe, hardware), load_tokenizer(recipe)
    answers = [
        [
            answer.answer
            for answer in generate_answers(
                model.eval(),
                tokenizer,
                EXAMPLES,
                GREEDY,
                hardware.model_copy(update={"per_device_eval_batch_size": size}),
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
            expected = model(input_ids=ids, labels=labels).loss
        assert loss.nats / loss.tokens == pytest.approx(float(expected), rel=1e-4)
        assert loss.tokens == len(rendered.ids) - rendered.prompt_length


def test_an_adapter_without_effect_gives_the_base_models_very_answers(
    recipe: Recipe, hardware: Hardware
):
    adapter = make_adapter(recipe, hardware, effect=False)
    for row in answer_prompts(EXAMPLES, TRAIN, adapter, recipe, GREEDY, hardware):
        assert row["base_answer"] == row["tuned_answer"]
        assert row["base_loss"] == row["tuned_loss"]


def test_base_is_the_model_without_the_adapter(recipe: Recipe, hardware: Hardware):
    adapter = make_adapter(recipe, hardware, effect=True)
    rows = answer_prompts(EXAMPLES, TRAIN, adapter, recipe, GREEDY, hardware)
    bare = load_model(recipe, hardware).eval()
    expected = measure_references(bare, adapter.tokenizer, EXAMPLES, hardware)
    assert [row["base_loss"] for row in rows] == [loss.nats for loss in expected]
    assert all(row["tuned_loss"] != row["base_loss"] for row in rows)


def test_an_answer_ends_at_its_end_token_or_is_marked_as_cut(recipe: Recipe, hardware: Hardware):
    adapter = make_adapter(recipe, hardware, effect=True)
    model = attach_adapter(load_model(recipe, hardware), adapter)
    for answer in generate_answers(model, adapter.tokenizer, EXAMPLES, GREEDY, hardware):
        assert answer.stopped or answer.tokens == 12
        assert "<|" not in answer.answer


def test_an_adapter_of_another_base_is_refused_and_both_are_named(
    recipe: Recipe, hardware: Hardware
):
    adapter = make_adapter(recipe, hardware, effect=False)
    adapter.provenance["base"] = {"name": "someone/else", "commit": "abc"}
    with pytest.raises(TunelineError, match=r"trained on .*someone/else"):
        answer_prompts(EXAMPLES, TRAIN, adapter, recipe, GREEDY, hardware)


def test_an_adapter_whose_template_was_changed_is_refused(recipe: Recipe, hardware: Hardware):
    adapter = make_adapter(recipe, hardware, effect=False)
    adapter.tokenizer.chat_template += "\n"
    with pytest.raises(TunelineError, match="chat_template"):
        answer_prompts(EXAMPLES, TRAIN, adapter, recipe, GREEDY, hardware)


def test_an_adapter_that_was_trained_on_other_examples_is_refused(
    recipe: Recipe, hardware: Hardware
):
    adapter = make_adapter(recipe, hardware, effect=False)
    with pytest.raises(TunelineError, match="trained on other examples"):
        answer_prompts(EXAMPLES, EXAMPLES, adapter, recipe, GREEDY, hardware)
