import pytest

from tests.pipelines.train.small_runs import make_examples
from tuneline.errors import TunelineError
from tuneline.models.loading import load_tokenizer
from tuneline.parameters import Recipe
from tuneline.pipelines.train.data import render_examples


def test_only_completions_are_trained_and_each_has_its_end_token(recipe: Recipe):
    tokenizer = load_tokenizer(recipe)
    for row in render_examples(tokenizer, make_examples(3), recipe):
        trained = [label for label in row["labels"] if label != -100]
        assert tokenizer.decode(trained).startswith("Pot")
        assert tokenizer.convert_tokens_to_ids("<|end|>") in trained


def test_examples_that_are_too_long_are_left_out_whole(recipe: Recipe):
    examples = make_examples(3)
    examples[1]["completion"][0]["content"] = "tea " * 500
    rows = render_examples(load_tokenizer(recipe), examples, recipe)
    assert len(rows) == 2


def test_no_example_that_fits_is_an_error(recipe: Recipe):
    short = recipe.model_copy(update={"max_length": 3})
    with pytest.raises(TunelineError, match="no example is that short"):
        render_examples(load_tokenizer(recipe), make_examples(3), short)


def test_a_template_that_ends_no_answer_is_refused(recipe: Recipe):
    tokenizer = load_tokenizer(recipe)
    tokenizer.chat_template = "{% for m in messages %}{{ m['content'] }}\n{% endfor %}"
    with pytest.raises(TunelineError, match="no end token after an answer"):
        render_examples(tokenizer, make_examples(3), recipe)


def test_a_template_that_begins_a_text_twice_is_refused(recipe: Recipe):
    tokenizer = load_tokenizer(recipe)
    tokenizer.bos_token = "<|end|>"
    tokenizer.chat_template = "<|end|><|end|>" + tokenizer.chat_template
    with pytest.raises(TunelineError, match="begins a text twice"):
        render_examples(tokenizer, make_examples(3), recipe)


def test_cut_examples_keep_their_beginning_and_lose_their_end_token(recipe: Recipe):
    tokenizer, examples = load_tokenizer(recipe), make_examples(3)
    examples[1]["completion"][0]["content"] = "tea " * 500
    examples[2]["prompt"][0]["content"] = "tea " * 500
    rows = render_examples(tokenizer, examples, recipe.model_copy(update={"overlong": "truncate"}))
    assert [len(row) == recipe.max_length for row in rows["input_ids"]] == [False, True]
    assert tokenizer.convert_tokens_to_ids("<|end|>") not in rows[1]["labels"]
