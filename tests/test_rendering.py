import pytest
from transformers import AutoTokenizer

from tests.conftest import PROJECT, TINY_BASE
from tuneline.errors import TunelineError
from tuneline.rendering import find_end_tokens, render_example, render_prompt

EXAMPLE = {
    "id": "1",
    "prompt": [{"role": "user", "content": "Describe: café"}],
    "completion": [{"role": "assistant", "content": "A café."}],
    "meta": {},
}


@pytest.fixture
def tokenizer():
    return AutoTokenizer.from_pretrained(PROJECT / TINY_BASE)


def test_the_prompt_of_an_example_is_the_prompt_one_asks_with(tokenizer):
    rendered = render_example(tokenizer, EXAMPLE)
    asked = render_prompt(tokenizer, EXAMPLE["prompt"])
    assert rendered.ids[: rendered.prompt_length] == asked


def test_only_the_completion_is_trained_and_its_end_token_is(tokenizer):
    rendered = render_example(tokenizer, EXAMPLE)
    trained = [token for token in rendered.labels if token != -100]
    assert tokenizer.decode(trained) == "A café.<|end|>"


def test_pad_end_of_turn_and_end_of_text_are_three_tokens(tokenizer):
    ends = find_end_tokens(tokenizer)
    assert [tokenizer.decode(token) for token in ends] == ["<|end|>", "<|endoftext|>"]
    assert tokenizer.pad_token_id not in ends


def test_a_template_that_changes_the_prompt_once_answered_is_refused(tokenizer):
    tokenizer.chat_template = (
        "{% for m in messages %}{{ m['content'] }}{% if m['role'] == 'user' and not loop.last %}"
        "(answered){% endif %}{% endfor %}{{ eos_token }}"
    )
    with pytest.raises(TunelineError, match="renders its prompt differently"):
        render_example(tokenizer, EXAMPLE)


def test_tokens_that_would_merge_across_the_boundary_leave_the_prompt_as_it_is(tokenizer):
    tokenizer.chat_template = (
        "{% for m in messages %}{{ m['content'] }}{% endfor %}"
        "{% if not add_generation_prompt %}{{ eos_token }}{% endif %}"
    )
    example = {
        **EXAMPLE,
        "prompt": [{"role": "user", "content": "The te"}],
        "completion": [{"role": "assistant", "content": "apot is made of"}],
    }
    rendered = render_example(tokenizer, example)
    assert rendered.ids[: rendered.prompt_length] == render_prompt(tokenizer, example["prompt"])
    assert tokenizer.decode(rendered.ids) == "The teapot is made of<|endoftext|>"
