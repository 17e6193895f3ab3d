import torch
from hypothesis import given
from hypothesis import strategies as st
from trl.trainer.sft_trainer import DataCollatorForLanguageModeling

from tuneline.models.loading import load_model
from tuneline.parameters import Hardware, Recipe
from tuneline.pipelines.train.batches import fill_bins, measure_lengths, split_batch


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
