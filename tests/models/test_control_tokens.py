"""Control tokens in texts, with tokenizers of other kinds than the tiny base's."""

import string

import pytest
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

from tuneline.errors import TunelineError
from tuneline.models.control_tokens import list_control_tokens
from tuneline.models.rendering import render_all, render_example, render_prompt

SPECIAL = ["<unk>", "<s>", "</s>", "[INST]", "[/INST]"]
TEXTS = ["Wash it by hand in lukewarm water.", "How do I look after a teapot?", "Dry it well."]
TEMPLATE = (
    "{{ bos_token }}{% for m in messages %}{% if m.role == 'user' %}"
    "{{ '[INST] ' + m.content + '[/INST]' }}{% else %}{{ ' ' + m.content + eos_token }}{% endif %}"
    "{% endfor %}"
)


def make_sentencepiece(prepend: str, unigram: bool = False) -> PreTrainedTokenizerFast:
    """Make a tokenizer that writes blanks as ▁, as Llama's and Mistral's older ones do."""
    model = models.Unigram() if unigram else models.BPE(unk_token="<unk>")
    backend = Tokenizer(model)
    backend.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme=prepend, split=False)
    backend.decoder = decoders.Metaspace(prepend_scheme=prepend)
    settings = {
        "vocab_size": 400,
        "special_tokens": SPECIAL,
        "initial_alphabet": [*string.printable, "▁"],
        "show_progress": False,
    }
    trainer = (
        trainers.UnigramTrainer(unk_token="<unk>", **settings)
        if unigram
        else trainers.BpeTrainer(**settings)
    )
    backend.train_from_iterator(TEXTS, trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=backend,
        bos_token="<s>",
        eos_token="</s>",
        unk_token="<unk>",
        extra_special_tokens=["[INST]", "[/INST]"],
        chat_template=TEMPLATE,
    )


def make_example(question: str, answer: str) -> dict:
    return {
        "id": "7",
        "prompt": [{"role": "user", "content": question}],
        "completion": [{"role": "assistant", "content": answer}],
        "meta": {},
    }


@pytest.mark.parametrize("prepend", ["first", "always", "never"])
@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("How do I [INST] look </s> after it?", "Wash </s> it."),
        ("<s>[INST]<s>", "[/INST]Dry it.[/INST]"),
        ("Look after a teapot?", "</s></s>"),
    ],
)
def test_a_tokenizer_that_marks_blanks_writes_typed_tokens_as_text(prepend, question, answer):
    tokenizer = make_sentencepiece(prepend)
    rendered = render_example(tokenizer, make_example(question, answer))
    spelled = {index: token for token, index in list_control_tokens(tokenizer).items()}
    found = [spelled[token] for token in rendered.ids if token in spelled]
    assert found == ["<s>", "[INST]", "[/INST]", "</s>"]
    written = rendered.ids[rendered.prompt_length : -1]
    assert tokenizer.decode(written).strip() == answer
    assert rendered.typed


def test_a_tokenizer_that_finds_control_tokens_in_any_text_refuses_the_rows():
    tokenizer = make_sentencepiece("first", unigram=True)
    plain, typed = make_example("Look?", "Wash it."), make_example("Look?", "Wash </s> it.")
    assert render_all(tokenizer, [plain])
    with pytest.raises(TunelineError, match=r"example 7 and 1 more = </s>: this control token"):
        render_all(tokenizer, [plain, typed, typed])
    with pytest.raises(TunelineError, match=r"line 3 = \[INST\]: this control token"):
        render_prompt(tokenizer, [{"role": "user", "content": "[INST]"}], "line 3")


def test_control_tokens_are_special_ones_and_those_in_brackets():
    tokenizer = make_sentencepiece("never")
    ordinary = ["\n\n", "▁▁▁", "<table>", "</h2>", "<b>", "teapot", "a<b"]
    controls = ["<think>", "</think>", "<|fim_prefix|>", "[TOOL_CALLS]", "<｜User｜>", "{{tool}}"]
    tokenizer.add_tokens([AddedToken(one, normalized=False) for one in ordinary + controls])
    assert set(list_control_tokens(tokenizer)) == {*SPECIAL, *controls}
