"""TRL's fused head on a CPU scores completions only: the same loss and gradient, less work."""

import pytest
import torch
from transformers import LlamaConfig, LlamaForCausalLM
from trl.kernels import chunked_logprob
from trl.trainer import utils

from tuneline.models.fused_head import CPU_TILE_WORDS, fit_head_to_cpu

VOCABULARY = CPU_TILE_WORDS + 1000  # two tiles
CONFIG = LlamaConfig(
    vocab_size=VOCABULARY,
    hidden_size=16,
    intermediate_size=16,
    num_hidden_layers=1,
    num_attention_heads=2,
    num_key_value_heads=1,
)


@pytest.fixture
def scored(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Count the rows of every tile that is scored forward."""
    counted: list[int] = []
    fold = chunked_logprob._forward_tile

    def count(tile: torch.Tensor, *given: object, **more: object) -> None:
        counted.append(len(tile))
        fold(tile, *given, **more)

    monkeypatch.setattr(chunked_logprob, "_forward_tile", count)
    monkeypatch.setattr(chunked_logprob, "_backward_tile", chunked_logprob._backward_tile)
    monkeypatch.setattr(utils, "_use_triton", chunked_logprob._use_triton)
    monkeypatch.setattr(utils, "_CHUNKED_LOGPROB_CHUNK_SIZE", 32768)
    return counted


def step(dtype: torch.dtype) -> tuple[torch.Tensor, ...]:
    torch.manual_seed(0)
    model = LlamaForCausalLM(CONFIG).to(dtype)
    utils.add_fused_lm_head(model, outputs=("log_probs", "entropy", "is_top1"))
    ids = torch.randint(0, VOCABULARY, (2, 40))
    labels = ids.clone()
    labels[:, :30] = -100
    found = model(input_ids=ids, labels=labels, fused_lm_head=True)
    found.loss.backward()
    gradient = model.model.layers[0].mlp.up_proj.weight.grad
    assert gradient is not None
    kept = (found.loss, found.log_probs, found.entropy, found.is_top1, gradient)
    return tuple(one.detach().float() for one in kept)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_only_tokens_with_a_label_are_scored_and_nothing_else_changes(
    dtype: torch.dtype, scored: list[int]
):
    plain = step(dtype)
    assert scored == [78]
    scored.clear()
    fit_head_to_cpu()
    fit_head_to_cpu()
    fitted = step(dtype)
    assert scored == [20, 20]
    for one, other in zip(plain, fitted, strict=True):
        torch.testing.assert_close(
            one, other, rtol=1e-5 if dtype == torch.float32 else 1e-2, atol=1e-5
        )
