import pytest
import torch
from transformers.integrations import sdpa_attention

from tuneline.models.loading import avoid_slow_kernel, choose_attention
from tuneline.parameters import Hardware

T4 = {"device": "cuda", "compute_capability": 7.5, "dtype": "float16"}


def test_auto_takes_sdpa_where_flash_attention_is_not_installed_or_the_gpu_too_old(
    hardware: Hardware,
):
    for changes in ({}, T4, {**T4, "compute_capability": 8.9}):
        machine = hardware.model_copy(update={"attn_implementation": "auto", **changes})
        assert choose_attention(machine) == "sdpa"
    assert choose_attention(hardware.model_copy(update={"attn_implementation": "eager"})) == "eager"


def test_an_old_gpu_is_kept_off_the_slow_kernel_and_a_new_one_is_not(
    hardware: Hardware, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(sdpa_attention, "use_gqa_in_sdpa", sdpa_attention.use_gqa_in_sdpa)
    key = torch.zeros(1, 2, 4, 64)
    avoid_slow_kernel(hardware.model_copy(update={**T4, "compute_capability": 8.0}))
    assert sdpa_attention.use_gqa_in_sdpa(None, key, key)
    avoid_slow_kernel(hardware.model_copy(update=T4))
    assert not sdpa_attention.use_gqa_in_sdpa(None, key, key)
