"""Chat templates of the shipped base models' kinds, in Ollama's words."""

import pytest
from transformers import AutoTokenizer

from tuneline.parameters import Recipe
from tuneline.pipelines.merge.ollama import read_frame

START = "{% for m in messages %}"
# As the models' repositories have them, without what is for tools.
TEMPLATES = {
    # Without a question to answer it ends the text.
    "Phi-3": START + "{{ '<|' + m['role'] + '|>\n' + m['content'] + '<|end|>\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|assistant|>\n' }}{% else %}{{ eos_token }}{% endif %}",
    # It writes a system message of its own where there is none.
    "Qwen2.5": "{% if messages[0]['role'] != 'system' %}"
    "{{ '<|im_start|>system\nYou are Qwen.<|im_end|>\n' }}{% endif %}"
    + START
    + "{{ '<|im_start|>' + m['role'] + '\n' + m['content'] + '<|im_end|>\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}",
    # It writes the date before the system message, or without one.
    "Llama-3.2": "{{ bos_token }}{% if messages[0]['role'] == 'system' %}"
    "{% set system = messages[0]['content'] %}{% set messages = messages[1:] %}{% else %}"
    "{% set system = '' %}{% endif %}{{ '[system]Today: 26 Jul 2024\n\n' + system + '[eot]' }}"
    + START
    + "{{ '[' + m['role'] + ']\n\n' + m['content'] | trim + '[eot]' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '[assistant]\n\n' }}{% endif %}",
    # The system message goes into the first question; every question begins a text.
    "Llama-2": "{% if messages[0]['role'] == 'system' %}{% set system = messages[0]['content'] %}"
    "{% set messages = messages[1:] %}{% else %}{% set system = false %}{% endif %}"
    + START
    + "{% if (m['role'] == 'user') != (loop.index0 % 2 == 0) %}{{ raise_exception('no') }}"
    "{% endif %}{% if m['role'] == 'user' %}{{ bos_token + '[INST] ' }}"
    "{% if loop.first and system %}{{ '<<SYS>>\n' + system + '\n<</SYS>>\n\n' }}{% endif %}"
    "{{ m['content'] + ' [/INST]' }}{% else %}{{ ' ' + m['content'] + ' ' + eos_token }}"
    "{% endif %}{% endfor %}",
    # The system message goes into the last question.
    "Mistral": "{% if messages[0]['role'] == 'system' %}{% set system = messages[0]['content'] %}"
    "{% set messages = messages[1:] %}{% else %}{% set system = false %}{% endif %}{{ bos_token }}"
    + START
    + "{% if m['role'] == 'user' %}{{ '[INST] ' }}{% if loop.last and system %}"
    "{{ system + '\n\n' }}{% endif %}{{ m['content'] + '[/INST]' }}{% else %}"
    "{{ ' ' + m['content'] + eos_token }}{% endif %}{% endfor %}",
}
TALKS = {
    "one question": ["user"],
    "a system message": ["system", "user"],
    "a conversation": ["user", "assistant", "user", "assistant", "user"],
    "both": ["system", "user", "assistant", "user"],
}


@pytest.fixture
def tokenizer(recipe: Recipe):
    found = AutoTokenizer.from_pretrained(recipe.base_model, trust_remote_code=False)
    found.bos_token = "<s>"
    return found


@pytest.mark.parametrize("talk", TALKS.values(), ids=TALKS.keys())
@pytest.mark.parametrize("template", TEMPLATES.values(), ids=TEMPLATES.keys())
def test_a_conversation_is_rendered_as_the_tokenizer_does_it(tokenizer, template: str, talk: list):
    tokenizer.chat_template = template
    messages = [{"role": role, "content": f"{role} {n}"} for n, role in enumerate(talk)]
    expected = tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
    # llama.cpp writes the token that begins a text itself.
    assert read_frame(tokenizer).render(messages) == expected.removeprefix("<s>")


def test_the_words_for_ollama_say_the_same(tokenizer):
    tokenizer.chat_template = TEMPLATES["Qwen2.5"]
    assert read_frame(tokenizer).format_for_ollama() == (
        "{{ if .System }}<|im_start|>system\n{{ .System }}<|im_end|>\n<|im_start|>user\n{{ else }}"
        "<|im_start|>system\nYou are Qwen.<|im_end|>\n<|im_start|>user\n{{ end }}"
        '{{ range .Messages }}{{ if eq .Role "user" }}{{ .Content }}'
        '{{ else if eq .Role "assistant" }}<|im_end|>\n<|im_start|>assistant\n{{ .Content }}'
        "<|im_end|>\n<|im_start|>user\n{{ end }}{{ end }}<|im_end|>\n<|im_start|>assistant\n"
    )
    tokenizer.chat_template = TEMPLATES["Mistral"]
    assert read_frame(tokenizer).format_for_ollama() == (
        '[INST] {{ range $i, $_ := .Messages }}{{ if eq .Role "user" }}'
        "{{ if and $.System (eq (len (slice $.Messages $i)) 1) }}{{ $.System }}\n\n{{ end }}"
        '{{ .Content }}{{ else if eq .Role "assistant" }}[/INST] {{ .Content }}<|endoftext|>[INST] '
        "{{ end }}{{ end }}[/INST]"
    )


@pytest.mark.parametrize(
    "template",
    [
        "{{ raise_exception('no') }}",
        "{% for m in messages %}{{ loop.index }}{{ m['role'] }}{{ m['content'] }}{% endfor %}",
        "{% for m in messages %}{{ m['content'] }}{{ '\"\"\"' }}{% endfor %}",
    ],
)
def test_a_template_that_does_more_is_left_to_ollama(tokenizer, template: str):
    tokenizer.chat_template = template
    assert read_frame(tokenizer) is None
