import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from trl.trainer.sft_trainer import DataCollatorForLanguageModeling

from tests.training.small_runs import make_examples
from tuneline.errors import TunelineError
from tuneline.models.loading import load_model
from tuneline.models.tokenizer import load_tokenizer
from tuneline.parameters import Hardware, Recipe
from tuneline.training.batches import (
    fill_bins,
    measure_lengths,
    render_examples,
    split_batch,
)


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


@given(st.lists(st.integers(1, 300), min_size=1, max_size=40), st.integers(1, 500), st.data())
def test_every_example_is_in_one_bin_and_no_bin_is_too_full(lengths, capacity, data):
    least = data.draw(st.integers(1, len(lengths)))
    bins = fill_bins(lengths, capacity, least)
    assert sorted(index for one in bins for index in one) == list(range(len(lengths)))
    assert len(bins) >= least
    assert all(bins)
    largest = max(capacity, *lengths)
    assert all(sum(lengths[index] for index in one) <= largest for one in bins)


def test_as_few_bins_as_hold_the_examples():
    assert len(fill_bins([5] * 8, 20)) == 2
    assert len(fill_bins([100, 5, 5], 20)) == 2


def test_packed_examples_do_not_see_each_other(recipe: Recipe, hardware: Hardware):
    model = load_model(recipe, hardware).eval()
    generator = torch.Generator().manual_seed(1)
    texts = [torch.randint(10, 1000, (n,), generator=generator).tolist() for n in (7, 19, 12)]
    collate = DataCollatorForLanguageModeling(0, padding_free=True)
    batch = collate([{"input_ids": ids, "labels": ids} for ids in texts])
    assert measure_lengths(batch) == [7, 19, 12]
    (part,) = split_batch(batch, [[2, 0, 1]])
    with torch.no_grad():
        packed = model(input_ids=part["input_ids"], position_ids=part["position_ids"]).logits[0]
        alone = [model(input_ids=torch.tensor([texts[index]])).logits[0] for index in (2, 0, 1)]
    torch.testing.assert_close(packed, torch.cat(alone), rtol=1e-4, atol=1e-4)
    assert part["labels"][0].eq(-100).nonzero().flatten().tolist() == [0, 12, 19]
