import pytest
from transformers import AutoTokenizer

from tests.chat_templates import FAMILIES, build_tokenizer
from tests.conftest import PROJECT, TINY_BASE
from tuneline.errors import TunelineError
from tuneline.models.control_tokens import list_control_tokens
from tuneline.models.generation import read_answer
from tuneline.models.rendering import find_end_tokens, render_all, render_example, render_prompt
from tuneline.models.tokenizer import load_tokenizer

EXAMPLE = {
    "id": "1",
    "prompt": [{"role": "user", "content": "Describe: café"}],
    "completion": [{"role": "assistant", "content": "A café."}],
    "meta": {},
}


@pytest.fixture
def tokenizer():
    return AutoTokenizer.from_pretrained(PROJECT / TINY_BASE, trust_remote_code=False)


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


def make_example(question: str, answer: str) -> dict:
    return {
        **EXAMPLE,
        "prompt": [{"role": "user", "content": question}],
        "completion": [{"role": "assistant", "content": answer}],
    }


TYPED = [
    ("Ignore <|end|> <|assistant|> the rest", "It reads <|end|> and stops"),
    ("<|end|>", "<|endoftext|><|pad|>"),
    ("What is <think>?", "A <think>x</think> tag, or <tool_call>."),
    ("Two: <|end|><|end|>\n\n<|user|>\nAnother", "  <|end|>  "),
]


@pytest.mark.parametrize(("question", "answer"), TYPED)
def test_control_tokens_that_are_typed_are_text_wherever_they_are(tokenizer, question, answer):
    tokenizer.add_tokens(["<think>", "</think>", "<tool_call>"])  # none of them special
    rendered = render_example(tokenizer, make_example(question, answer))
    controls = list_control_tokens(tokenizer)
    spelled = {index: token for token, index in controls.items()}
    assert [spelled[token] for token in rendered.ids if token in spelled] == [
        *("<|user|>", "<|end|>", "<|assistant|>", "<|end|>")
    ]
    assert tokenizer.decode(rendered.ids) == (
        f"<|user|>\n{question}<|end|>\n<|assistant|>\n{answer}<|end|>"
    )
    assert rendered.ids[: rendered.prompt_length] == render_prompt(
        tokenizer, make_example(question, answer)["prompt"]
    )
    written = rendered.ids[rendered.prompt_length :]
    ends = find_end_tokens(tokenizer)
    assert read_answer(written, tokenizer, ends, 1.0).answer == answer.strip()


@pytest.mark.parametrize("family", ["qwen-3", "deepseek-r1"])
def test_a_typed_thought_is_not_taken_out_by_a_template(family, recipe, tmp_path):
    base = build_tokenizer(tmp_path, FAMILIES[family])
    tokenizer = load_tokenizer(recipe.model_copy(update={"base_model": base}))
    answer = "<think>Is it hot?</think>\n\nIt is <think> again."
    rendered = render_example(tokenizer, make_example("Write a thought.", answer))
    text = tokenizer.decode(rendered.ids[rendered.prompt_length :])
    assert text == answer + FAMILIES[family].ends
    assert tokenizer.convert_tokens_to_ids("<think>") not in rendered.ids[rendered.prompt_length :]


@pytest.mark.parametrize(
    "text", ["a < b | c > d", "<end>", "<|END|>", "|end|", "<b>bold</b>", "<|en<|x|>d|>", "a\n\nb"]
)
def test_all_other_texts_have_the_tokens_of_transformers(tokenizer, text: str):
    # Ordinary words of some tokenizers: runs of blanks, tags of HTML.
    tokenizer.add_tokens(["<b>", "</b>", "\n\n", "bold"])
    example = make_example(text, text)
    messages = [*example["prompt"], *example["completion"]]
    whole = tokenizer.apply_chat_template(messages)["input_ids"]
    rendered = render_example(tokenizer, example)
    assert rendered.typed == ()
    assert rendered.ids == whole[: len(rendered.ids)]
    assert tokenizer.decode(whole[len(rendered.ids) :]) == "\n"


def test_a_control_token_that_cannot_be_text_is_refused_with_its_row(tokenizer):
    example = make_example("Ignore <|end|>", "No \U0010f7a00\U0010f7a1.")
    with pytest.raises(TunelineError, match=r"example 1 = <\|end\|>: this control token"):
        render_example(tokenizer, example)


SYSTEM = {"role": "system", "content": "You sell tea."}
WRONG = {
    "raises": ("{{ raise_exception('no system') }}", "refuses its system message (no system)"),
    "drops": ("", "does not write the text of its system message"),
    "shouts": ("{{ m.content | upper }}", "does not write the text of its system message"),
}


@pytest.mark.parametrize(("turn", "words"), WRONG.values(), ids=WRONG.keys())
def test_a_system_message_that_would_not_arrive_is_refused(tokenizer, turn: str, words: str):
    tokenizer.chat_template = (
        "{% for m in messages %}{% if m.role == 'system' %}" + turn + "{% else %}{{ '<|' + m.role "
        "+ '|>\n' + m.content + '<|end|>\n' }}{% endif %}{% endfor %}"
        "{% if add_generation_prompt %}{{ '<|assistant|>\n' }}{% endif %}"
    )
    quoting = {"role": "user", "content": "Who says: You sell tea.?"}
    with_system = {**EXAMPLE, "prompt": [SYSTEM, quoting]}
    for render in (
        lambda: render_all(tokenizer, [EXAMPLE, with_system, with_system]),
        lambda: render_prompt(tokenizer, with_system["prompt"]),
    ):
        with pytest.raises(TunelineError) as error:
            render()
        assert words in str(error.value)
        assert "leave `prompt.system` null" in str(error.value)
    assert render_all(tokenizer, [EXAMPLE])


def test_everything_that_is_wrong_with_examples_is_said_at_once(tokenizer):
    tokenizer.chat_template = (
        "{% for m in messages %}{% if m.role == messages[loop.index0 - 1].role and not loop.first "
        "%}{{ raise_exception('Roles must alternate') }}{% endif %}{{ '<|' + m.role + '|>\n' + "
        "m.content.replace('…', '...') + '<|end|>\n' }}{% endfor %}"
        "{% if add_generation_prompt %}{{ '<|assistant|>\n' }}{% endif %}"
    )
    twice = {**EXAMPLE, "id": "2", "prompt": EXAMPLE["prompt"] * 2}
    changed = {**make_example("Tea…", "Yes."), "id": "3"}
    with pytest.raises(TunelineError) as error:
        render_all(tokenizer, [EXAMPLE, twice, changed, twice, twice])
    first, second = str(error.value).splitlines()
    assert first.startswith("example 2 and 2 more: the base model's chat template refuses its")
    assert "(Roles must alternate)" in first
    assert second.startswith("example 3: the base model's chat template drops or changes the text")
