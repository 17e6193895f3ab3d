import shutil
from pathlib import Path

import pytest
import torch

from tests.training import sharded_on_cpu
from tests.training.small_runs import shrink, train
from tuneline.errors import TunelineError
from tuneline.models.adapter import Adapter
from tuneline.parameters import Hardware, Recipe
from tuneline.training.best_checkpoint import BY_LOSS, Choice
from tuneline.training.sharding import even_out
from tuneline.training.sharding_limits import check_choice, find_sharding_problems

# Sums of float32 in another order, after twelve steps; a weight of the adapter is about 0.1.
ROUNDING = 1e-4
DIVIDED = {"processes": 2, "fsdp": True}


def assert_same(one: Adapter, other: Adapter) -> None:
    assert one.tensors.keys() == other.tensors.keys()
    for name, tensor in one.tensors.items():
        assert torch.allclose(tensor, other.tensors[name], atol=ROUNDING), name


@pytest.mark.slow
def test_a_divided_model_in_4_bits_learns_what_a_whole_one_does_and_goes_on_after_a_kill(
    recipe: Recipe, hardware: Hardware, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    recipe = shrink(recipe, save_steps=2)
    in_4_bits = hardware.model_copy(update={"memory_gb": 0.01, "tokens_per_batch": 100})
    whole, _, _ = train(recipe, in_4_bits, tmp_path / "whole")
    divided = in_4_bits.model_copy(update=DIVIDED)
    with monkeypatch.context() as patch:
        patch.setattr("tuneline.training.run.fit", sharded_on_cpu.fit_until_one_process_dies)
        with pytest.raises(TunelineError, match="process 1 stopped: Signal 9"):
            train(recipe, divided, tmp_path / "divided")
    (checkpoint,) = (tmp_path / "divided").glob("*/checkpoint-2")
    written = sum(path.stat().st_size for path in checkpoint.iterdir())
    base = sum(path.stat().st_size for path in Path(recipe.base_model).glob("*.safetensors"))
    assert written < base  # the base model is not gathered
    shutil.copytree(tmp_path / "divided", tmp_path / "again whole")
    monkeypatch.setattr("tuneline.training.run.fit", sharded_on_cpu.fit)
    again, log, _ = train(recipe, divided, tmp_path / "divided")
    assert log["step"].iloc[-1] == 12
    assert_same(whole, again)
    monkeypatch.undo()
    alone, _, _ = train(recipe, in_4_bits, tmp_path / "again whole")
    assert_same(whole, alone)


def test_processes_get_as_many_rows_of_which_the_added_ones_are_not_measured():
    rows = [{"input_ids": [1, 2, 3], "labels": [-100, 2, 3]}] * 3
    assert even_out(rows[:2], rows, 2) == rows[:2]
    assert even_out(rows[:1], rows, 2)[1] == {"input_ids": [1, 2, 3], "labels": [-100] * 3}
    assert len(even_out([], rows, 4)) == 1


@pytest.mark.parametrize(
    ("changes", "blocks", "said"),
    [
        ({"optim": "adamw_8bit"}, ["Block"], "optim = adamw_8bit: it does not know weights"),
        ({"metric_for_best_model": "chrf"}, None, "answers no prompts while it is trained"),
        ({"lora": {"r": 8, "init_lora_weights": "loftq"}}, None, "loftq: peft computes it from"),
        (
            {"quantization": {"load_in_4bit": True, "bnb_4bit_quant_storage": "uint8"}},
            None,
            "bnb_4bit_quant_storage = uint8: it is not hardware.dtype",
        ),
        ({}, [], "transformers names no blocks of layers"),
    ],
)
def test_what_a_divided_model_cannot_be_trained_with_is_named(
    recipe: Recipe, hardware: Hardware, changes: dict, blocks: list[str] | None, said: str
):
    changed = shrink(recipe, **{"metric_for_best_model": None, **changes})
    divided = hardware.model_copy(update=DIVIDED)
    (problem,) = find_sharding_problems("tea.recipe", changed, divided, blocks)
    assert said in str(problem)
    assert not list(find_sharding_problems("tea.recipe", changed, hardware, blocks))


def test_a_run_whose_answers_choose_its_checkpoint_is_not_divided_later(
    hardware: Hardware, tmp_path: Path
):
    divided, by_answers = hardware.model_copy(update=DIVIDED), Choice("chrf", "they are quick")
    check_choice(tmp_path, by_answers, hardware)
    check_choice(tmp_path, BY_LOSS, divided)
    with pytest.raises(TunelineError, match="answers choose the checkpoint of this run"):
        check_choice(tmp_path, by_answers, divided)
