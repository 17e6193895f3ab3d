"""Every family of chat templates: texts, boundaries, end tokens, and the same on every day."""

from pathlib import Path

import pytest

from tests.chat_templates import FAMILIES, Family, build_tokenizer
from tuneline.models.chat_template import describe_template
from tuneline.models.generation import read_answer
from tuneline.models.rendering import (
    find_end_tokens,
    hash_template,
    render_all,
    render_example,
    render_prompt,
)
from tuneline.models.tokenizer import load_tokenizer
from tuneline.parameters import Recipe

TALKS = {
    "one question": ["user"],
    "system": ["system", "user"],
    "conversation": ["user", "assistant", "user"],
    "both": ["system", "user", "assistant", "user"],
}
ANSWER = "Rinse it: <hot> water.\n\nThen dry it , slowly ."


@pytest.fixture(scope="module", params=FAMILIES.values(), ids=FAMILIES.keys())
def family(request: pytest.FixtureRequest) -> Family:
    return request.param


@pytest.fixture(scope="module")
def tokenizer(family: Family, parameters, tmp_path_factory: pytest.TempPathFactory):
    return load(parameters.recipe, family, tmp_path_factory.mktemp("base"))


def load(recipe: Recipe, family: Family, folder: Path):
    base = build_tokenizer(folder, family)
    return load_tokenizer(recipe.model_copy(update={"base_model": base}))


def make_example(roles: list[str], answer: str = ANSWER) -> dict:
    prompt = [{"role": role, "content": f"The {role}'s text {n}"} for n, role in enumerate(roles)]
    answers = [{"role": "assistant", "content": answer}]
    return {"id": "1", "prompt": prompt, "completion": answers, "meta": {}}


def list_examples(family: Family) -> list[dict]:
    talks = [roles for roles in TALKS.values() if family.system or "system" not in roles]
    return [make_example(roles) for roles in talks]


def test_an_answer_is_trained_with_its_end_and_nothing_else(tokenizer, family: Family):
    for example, rendered in zip(
        list_examples(family), render_all(tokenizer, list_examples(family)), strict=True
    ):
        prompt, answer = (
            tokenizer.decode(rendered.ids[part], clean_up_tokenization_spaces=False)
            for part in (slice(rendered.prompt_length), slice(rendered.prompt_length, None))
        )
        assert answer == family.before + ANSWER + family.ends
        assert prompt.endswith(family.asked)
        end = 0
        for message in example["prompt"]:
            assert prompt.count(message["content"]) == 1
            if message["role"] != "system":
                end = prompt.index(message["content"], end)


def test_a_model_is_asked_with_the_prompt_of_the_training_by_whoever_asks(tokenizer, family):
    for example in list_examples(family):
        rendered = render_example(tokenizer, example)
        asked = rendered.ids[: rendered.prompt_length]
        assert render_prompt(tokenizer, example["prompt"]) == asked
        deployed = tokenizer.apply_chat_template(example["prompt"], add_generation_prompt=True)
        assert deployed["input_ids"] == asked


def test_a_perfect_model_answers_with_the_reference(tokenizer, family: Family):
    rendered = render_example(tokenizer, make_example(["user"]))
    ends = find_end_tokens(tokenizer)
    written = rendered.ids[rendered.prompt_length :]
    # It stops at the first of the end tokens.
    first = next(index for index, token in enumerate(written) if token in ends)
    found = read_answer(written[: first + 1], tokenizer, ends, 1.0)
    assert (found.answer, found.stopped) == (ANSWER, True)
    assert tokenizer.pad_token_id not in ends


def test_a_completed_template_stays_as_it_is_when_it_is_loaded_again(
    tokenizer, recipe: Recipe, tmp_path: Path
):
    tokenizer.save_pretrained(tmp_path)
    (tmp_path / "config.json").write_text('{"model_type": "llama"}')
    again = load_tokenizer(recipe.model_copy(update={"base_model": str(tmp_path)}))
    assert hash_template(again) == hash_template(tokenizer)


@pytest.mark.parametrize("name", ["llama-3.2", "gpt-oss", "smollm3"])
def test_a_date_is_the_same_on_every_day_and_said(name: str, recipe: Recipe, tmp_path: Path):
    tokenizer = load(recipe, FAMILIES[name], tmp_path)
    text = tokenizer.decode(render_prompt(tokenizer, make_example(["user"])["prompt"]))
    assert any(date in text for date in ("26 Jul 2024", "2024-07-26", "26 July 2024"))
    assert any("writes the date of the day" in one for one in describe_template(tokenizer))


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("qwen-2.5", "“You are Qwen.”"),
        ("smollm2", "“You are SmolLM.”"),
        ("qwen-3", "thoughts are switched off"),
        ("qwen-3.5", "thoughts are switched off"),
        ("qwen-3, no switch", r'asked with "<think>\n\n</think>\n\n"'),
        ("gpt-oss", 'asked with "<|channel|>final<|message|>"'),
        ("command-r7b", 'asked with "<|START_RESPONSE|>"'),
        ("deepseek-r1", r'asked with "\n</think>\n\n"'),
        ("no generation prompt", r'asked with "<|im_start|>assistant\n"'),
    ],
)
def test_what_a_template_does_by_itself_is_said(
    name: str, words: str, recipe: Recipe, tmp_path: Path
):
    sentences = describe_template(load(recipe, FAMILIES[name], tmp_path))
    assert any(words in one for one in sentences), sentences


@pytest.mark.parametrize("name", ["phi-4", "command-r", "mistral-0.3", "gemma-3"])
def test_of_a_plain_template_nothing_is_said(name: str, recipe: Recipe, tmp_path: Path):
    assert describe_template(load(recipe, FAMILIES[name], tmp_path)) == []
