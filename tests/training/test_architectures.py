"""Base models of other architectures are trained, or refused before their first step."""

from pathlib import Path

import pytest

from tests.base_models import make_base
from tests.training.small_runs import shrink, train
from tuneline.errors import TunelineError
from tuneline.parameters import Hardware, Recipe

pytestmark = pytest.mark.slow


@pytest.fixture
def hardware(hardware: Hardware) -> Hardware:
    """Let the architecture choose its attention: not all have PyTorch's."""
    return hardware.model_copy(update={"attn_implementation": "auto"})


def shorten(recipe: Recipe, base: Path, packing: bool) -> Recipe:
    """Make a recipe of 3 steps."""
    changes = {"base_model": str(base), "packing": packing, "num_train_epochs": 1}
    return shrink(recipe, global_batch_size=4, learning_rate=1e-2, warmup_steps=0, **changes)


@pytest.mark.parametrize(
    ("kind", "packing"),
    [("gpt2", True), ("gemma2", True), ("gemma3", True), ("bloom", False), ("qwen3_5", False)],
)
def test_another_architecture_is_trained(
    recipe: Recipe, hardware: Hardware, tmp_path: Path, kind: str, packing: bool
):
    base = make_base(tmp_path / kind, kind)
    changed = shorten(recipe, base, packing)
    adapter, log, _ = train(changed, hardware, tmp_path / "runs", count=12)
    losses = log["eval_loss"].dropna()
    assert losses.iloc[-1] < losses.iloc[0]
    assert all(bool(tensor.any()) for name, tensor in adapter.tensors.items() if "lora_B" in name)
    assert not [name for name in adapter.tensors if "vision" in name]


@pytest.mark.parametrize("kind", ["bloom", "opt", "falcon", "qwen3_5"])
def test_packing_is_refused_where_examples_would_read_each_other(
    recipe: Recipe, hardware: Hardware, tmp_path: Path, kind: str
):
    base = make_base(tmp_path / kind, kind)
    with pytest.raises(TunelineError, match="packed examples would read each other"):
        train(shorten(recipe, base, True), hardware, tmp_path / "runs", count=12)
