"""Packed examples attended one by one on a CPU: the same loss and gradient, less work."""

import pytest
import torch
from transformers import LlamaConfig, LlamaForCausalLM, MistralConfig, MistralForCausalLM
from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS

from tuneline.models.packed_attention import SDPA, attend_each_alone

LENGTHS = [17, 40, 3]
SHAPE = {
    "vocab_size": 50,
    "hidden_size": 64,
    "intermediate_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "attn_implementation": SDPA,
}


@pytest.fixture
def plain(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave transformers as it was."""
    mapping = dict(ALL_ATTENTION_FUNCTIONS._global_mapping)
    while hasattr(mapping[SDPA], "each_alone"):
        mapping[SDPA] = mapping[SDPA].each_alone
    monkeypatch.setattr(type(ALL_ATTENTION_FUNCTIONS), "_global_mapping", mapping)


def make(kind: str) -> torch.nn.Module:
    torch.manual_seed(0)
    if kind == "sliding window":  # two words shorter than the longest example
        return MistralForCausalLM(MistralConfig(**SHAPE, sliding_window=8))
    return LlamaForCausalLM(LlamaConfig(**SHAPE))


def step(kind: str, dtype: torch.dtype, lengths: list[int]) -> list[torch.Tensor]:
    """Pass a pack; give loss, logits and a gradient of the first layer."""
    model = make(kind)
    ids = torch.randint(0, 50, (1, sum(lengths)), generator=torch.Generator().manual_seed(1))
    positions = torch.cat([torch.arange(length) for length in lengths])[None]
    ends = torch.tensor([0, *lengths]).cumsum(0).to(torch.int32)
    with torch.autocast("cpu", dtype, enabled=dtype != torch.float32):
        found = model(
            input_ids=ids, labels=ids, position_ids=positions, cu_seq_lens_q=ends, use_cache=False
        )
    found.loss.backward()
    gradient = model.get_submodule("model.layers.0.self_attn.k_proj").weight.grad
    return [one.detach().float() for one in (found.loss, found.logits, gradient)]


@pytest.mark.parametrize("lengths", [LENGTHS, [40]])
@pytest.mark.parametrize("kind", ["causal", "sliding window"])
def test_loss_logits_and_gradient_are_those_of_a_mask(plain: None, kind: str, lengths: list[int]):
    masked = step(kind, torch.float32, lengths)
    attend_each_alone()
    attend_each_alone()
    for one, other in zip(step(kind, torch.float32, lengths), masked, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-6)


def test_in_bfloat16_it_is_at_least_as_exact(plain: None):
    exact = step("causal", torch.float32, LENGTHS)
    masked = step("causal", torch.bfloat16, LENGTHS)
    attend_each_alone()
    alone = step("causal", torch.bfloat16, LENGTHS)
    for one, other, true in zip(alone, masked, exact, strict=True):
        assert (one - true).norm() <= 1.1 * (other - true).norm() + 1e-4
