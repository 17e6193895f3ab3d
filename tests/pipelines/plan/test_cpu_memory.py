import json
import subprocess
import sys

import pytest

from tests.conftest import PROJECT, TINY_BASE
from tuneline.models.packed_attention import attend_each_alone
from tuneline.parameters import Hardware, Recipe
from tuneline.pipelines.plan.cpu_memory import count_activations
from tuneline.pipelines.plan.memory_estimate import ModelSize

pytestmark = pytest.mark.slow

SHAPE = {
    "vocab_size": 1000,
    "hidden_size": 96,
    "intermediate_size": 352,
    "num_hidden_layers": 3,
    "num_attention_heads": 8,
    "num_key_value_heads": 4,
    "head_dim": 16,
}
TOKENS, RANK = 80, 8


def test_the_plan_is_within_10_percent_of_a_training():
    """Trained in a process of its own: another one would hold memory of its own."""
    case = json.dumps({"model": TINY_BASE.as_posix()})
    command = [sys.executable, "scripts/benchmarks/memory.py", "--case", case]
    done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    assert found["predicted"]["total"] == pytest.approx(found["measured"], rel=0.1), found


@pytest.mark.parametrize(
    ("dtype", "dropout"), [("float32", 0.0), ("float32", 0.1), ("bfloat16", 0.0)]
)
def test_what_autograd_keeps_is_what_is_counted(
    recipe: Recipe, hardware: Hardware, dtype: str, dropout: float
):
    """All that two packed examples keep in three layers, weights apart."""
    kept, trainable = keep(dtype, dropout)
    size = ModelSize(
        quantized=0,
        unquantized=0,
        trainable=trainable,
        layers=3,
        hidden=96,
        queries=128,
        key_values=64,
        feed_forward=352,
        vocabulary=0,  # without the head's tiles, which are there in the backward pass only
    )
    recipe = recipe.model_copy(update={"lora": {"r": RANK, "lora_dropout": dropout}})
    machine = hardware.model_copy(update={"dtype": dtype})
    assert count_activations(size, TOKENS, recipe, machine) == pytest.approx(kept, rel=0.05)


def keep(dtype: str, dropout: float) -> tuple[int, int]:
    """Pass two packed examples through a small Llama; count bytes kept and trainable weights."""
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM, LlamaConfig
    from trl.trainer.utils import add_fused_lm_head

    attend_each_alone()
    low = dtype == "bfloat16"
    config = LlamaConfig(**SHAPE, attn_implementation="sdpa")
    model = AutoModelForCausalLM.from_config(
        config, dtype=getattr(torch, dtype), trust_remote_code=False
    )
    lora = LoraConfig(
        task_type="CAUSAL_LM", r=RANK, lora_dropout=dropout, target_modules="all-linear"
    )
    adapted = get_peft_model(model.requires_grad_(requires_grad=False), lora).train()
    trained = [one for one in adapted.parameters() if one.requires_grad]
    for one in trained:
        one.data = one.data.float()
    add_fused_lm_head(adapted.get_base_model())
    own = {one.untyped_storage().data_ptr() for one in (*adapted.parameters(), *adapted.buffers())}
    kept: dict[int, torch.Tensor] = {}  # which keeps their addresses from being used again

    def note(tensor: torch.Tensor) -> torch.Tensor:
        address = tensor.untyped_storage().data_ptr()
        if address not in own:
            kept.setdefault(address, tensor)
        return tensor

    ids, half = torch.arange(TOKENS)[None], torch.arange(TOKENS // 2)
    ends = torch.tensor([0, TOKENS // 2, TOKENS])
    hooks = torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor)
    with torch.autocast("cpu", torch.bfloat16, enabled=low), hooks:
        adapted(
            input_ids=ids,
            labels=ids,
            position_ids=torch.cat([half, half])[None],
            cu_seq_lens_q=ends,
            fused_lm_head=True,
        )
    counted = sum(one.untyped_storage().nbytes() for one in kept.values())
    return counted, sum(one.numel() for one in trained)
