"""The whole chain, as `kedro run --env=test` does it."""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import polars as pl
import pytest
import torch
from peft import AutoPeftModelForCausalLM
from safetensors.torch import load_file
from transformers import AutoTokenizer

from tests.commands import kedro
from tests.conftest import SAMPLE_ROWS, copy_project, run, state_evaluation
from tuneline.metrics.likelihood import measure_references
from tuneline.models.loading import load_model
from tuneline.models.tokenizer import load_tokenizer
from tuneline.parameters import Hardware, Recipe

pytestmark = pytest.mark.slow

DATA = Path("data/test")


def adapter_folder(project: Path) -> Path:
    versions = sorted((project / DATA / "06_models/product_descriptions/adapter").iterdir())
    return versions[-1] / "adapter"


def read_scores(project: Path) -> dict:
    versions = sorted((project / DATA / "08_reporting/product_descriptions/scores.json").iterdir())
    return json.loads((versions[-1] / "scores.json").read_text())


def test_no_row_is_lost(finished_run: Path):
    folder = finished_run / DATA / "03_primary/product_descriptions"
    rows = [
        pl.read_csv(folder / f"{name}.csv", infer_schema=False).height
        for name in ("clean", "rejected")
    ]
    assert sum(rows) == SAMPLE_ROWS


def test_the_adapter_is_a_standard_folder_with_its_provenance(finished_run: Path):
    folder = adapter_folder(finished_run)
    names = {path.name for path in folder.iterdir()}
    assert {
        "adapter_model.safetensors",
        "adapter_config.json",
        "tokenizer.json",
        "chat_template.jinja",
        "provenance.json",
    } <= names
    provenance = json.loads((folder / "provenance.json").read_text())
    assert set(provenance["versions"]) >= {"torch", "transformers", "peft", "trl", "bitsandbytes"}
    assert provenance["examples"]["train"]["count"] == 128
    assert all(len(provenance[key]["sha256"]) == 64 for key in ("recipe", "base"))


def test_the_adapter_is_float32_and_every_part_of_it_was_trained(finished_run: Path):
    tensors = load_file(adapter_folder(finished_run) / "adapter_model.safetensors")
    assert {tensor.dtype for tensor in tensors.values()} == {torch.float32}
    # LoRA's B starts at zero: one that is still zero never had a gradient.
    assert all(tensor.abs().max() > 0 for name, tensor in tensors.items() if "lora_B" in name)


def test_peft_and_transformers_load_the_adapter_and_it_answers(
    finished_run: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(finished_run)
    folder = adapter_folder(finished_run)
    model = AutoPeftModelForCausalLM.from_pretrained(folder, trust_remote_code=False).float()
    tokenizer = AutoTokenizer.from_pretrained(folder, trust_remote_code=False)
    asked = tokenizer.apply_chat_template(
        [{"role": "user", "content": "Write a product description for: Pellby Oak Spoon"}],
        add_generation_prompt=True,
        return_tensors="pt",
        return_dict=True,
    )
    assert model.generate(**asked, max_new_tokens=8).shape[1] > asked["input_ids"].shape[1]


def test_a_few_steps_lower_the_loss_and_sixteen_prompts_show_little(finished_run: Path):
    scores = read_scores(finished_run)
    assert scores["verdict"]["label"] == "no significant difference"
    loss = scores["metrics"]["loss"]
    assert loss["difference"] < 0
    assert loss["wins"] > 2 * loss["losses"]


def test_the_log_starts_with_the_base_model_and_ends_with_the_last_step(finished_run: Path):
    folder = finished_run / DATA / "08_reporting/product_descriptions"
    log = pd.read_csv(folder / "training_log.csv")
    plan = json.loads((folder / "plan.json").read_text())
    assert log["step"].iloc[0] == 0
    assert log["step"].iloc[-1] == plan["steps"]["total"]
    assert log["eval_loss"].iloc[0] > log["eval_loss"].dropna().iloc[-1]


def test_the_evaluation_agrees_with_the_trainer_on_the_base_model(
    finished_run: Path, read_lines: Callable, recipe: Recipe, hardware: Hardware
):
    """Two ways to the same number: TRL's validation loss at step 0, and ours on the same rows."""
    log = pd.read_csv(finished_run / DATA / "08_reporting/product_descriptions/training_log.csv")
    rows = read_lines(finished_run / DATA / "05_model_input/product_descriptions/validation.jsonl")
    model, tokenizer = load_model(recipe, hardware).eval(), load_tokenizer(recipe)
    losses = measure_references(model, tokenizer, rows, hardware)
    ours = sum(loss.nats for loss in losses) / sum(loss.tokens for loss in losses)
    assert ours == pytest.approx(log["eval_loss"].iloc[0], rel=1e-4)


def test_every_answer_leads_back_to_its_line(finished_run: Path, read_lines: Callable):
    rows = read_lines(finished_run / DATA / "07_model_output/product_descriptions/answers.jsonl")
    test = read_lines(finished_run / DATA / "05_model_input/product_descriptions/test.jsonl")
    answers = [row for row in rows if row["reference"] is not None]
    assert [row["id"] for row in answers] == [row["id"] for row in test]
    assert [row["line"] for row in answers] == [row["meta"]["line"] for row in test]
    assert all(row["base_tokens"] > 0 and row["tuned_seconds"] > 0 for row in rows)


def test_a_second_run_gives_the_same_adapter_bit_for_bit(finished_run: Path, tmp_path: Path):
    folder = copy_project(tmp_path / "again")
    done = kedro(folder, "run", "--env=test", "--pipelines=prepare,plan,train")
    assert done.returncode == 0, done.stderr
    for path in adapter_folder(finished_run).iterdir():
        assert path.read_bytes() == (adapter_folder(folder) / path.name).read_bytes(), path.name


def test_the_last_lines_say_where_the_results_are_and_what_changed(
    finished_run: Path, project: Path
):
    shutil.copytree(finished_run / DATA, project / DATA)
    done = kedro(project, "run", "--env=test", "--pipeline=evaluate")
    assert done.returncode == 0, done.stderr
    lines = [line.split("  ", 1)[1] for line in done.stdout.splitlines()]  # without the time
    basis = lines.index("measured on 16 prompts")
    heading = next(place for place, line in enumerate(lines) if line.startswith("—— "))
    assert "base model" in lines[heading + 1]
    for line in lines[basis + 1 : basis + 5]:
        assert "base" in line
        assert "tuned" in line
    assert lines[basis + 5] == "what next"
    assert lines[basis + 6].startswith("  1. ")
    *_, adapter, report, heading, ask, new = lines
    assert heading == "—— try next ——"
    assert ask == 'kedro run --pipeline=ask --env=test --params=question="Blue teapot, 1 liter"'
    assert new.startswith("kedro new-use-case ")
    assert done.stderr == ""  # neither bars nor warnings of libraries
    assert (project / adapter.split()[-1]).is_dir()
    assert (project / report.split()[-1]).is_file()


def test_a_plan_of_another_run_is_refused(finished_run: Path, project: Path):
    from tuneline.errors import TunelineError

    shutil.copytree(finished_run / DATA, project / DATA)
    changed = {"product_descriptions": {"recipe": {"num_train_epochs": 9}}}
    with pytest.raises(
        TunelineError, match=r"plan: recipe\.num_train_epochs = 2\.0: this run has 9"
    ):
        run(project, "train", runtime_params=changed)


def test_the_registry_is_listed_without_loading_what_stages_need():
    script = (
        "import sys\n"
        "from tuneline.pipeline_registry import register_pipelines\n"
        "import tuneline.settings, tuneline.cli\n"
        "print(sorted(register_pipelines()))\n"
        "heavy = {'torch', 'transformers', 'trl', 'peft', 'datasets', 'bitsandbytes'}\n"
        "heavy |= {'pandas', 'polars', 'scipy', 'plotly', 'tuneline.parameters'}\n"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    for name in (
        "__default__",
        "all",
        "prepare",
        "plan",
        "train",
        "evaluate",
        "overview",
        "tiny_base",
        "finetune_api",
    ):
        assert f"'{name}'" in done.stdout


def test_a_second_evaluation_is_next_to_the_first_and_asks_nothing_again(
    finished_run: Path, project: Path
):
    shutil.copytree(finished_run / DATA, project / DATA)
    cache = project / DATA / "07_model_output/product_descriptions/answer_cache.jsonl"
    answered = cache.read_bytes()
    rubric = {
        "criteria": [{"name": "readability", "description": "Does it read well?"}],
        "people": True,
    }
    state_evaluation(project, rubric=rubric, language="en")
    run(project, "evaluate")
    assert cache.read_bytes() == answered
    folder = project / DATA / "08_reporting/product_descriptions"
    assert pd.read_csv(folder / "comparison.csv")["comparable"].tolist() == [True, True]
    assert "Runs compared" in (folder / "report.html").read_text(encoding="utf-8")
    output = project / DATA / "07_model_output/product_descriptions"
    folders = ("rating_sheet", "rating_page", "rating_key")
    (sheet,), (page,), (key,) = ((output / name).iterdir() for name in folders)
    assert sheet.stem == page.stem == key.stem
    assert (output / "feedback.jsonl").read_bytes() == b""


def test_a_worse_adapter_ends_the_command_with_a_status_of_its_own_if_that_is_asked(
    finished_run: Path, tmp_path: Path
):
    project = Path(shutil.copytree(finished_run, tmp_path / "project", symlinks=True))
    path = project / DATA / "07_model_output/product_descriptions/answers.jsonl"
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    for row in rows:
        row |= {"base_answer": row["reference"] or "Oak.", "tuned_answer": "xx"}
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    command = ("run", "--env=test", "--pipeline=evaluate", "--from-nodes=evaluate.measure_answers")
    plain = kedro(project, *command)
    assert plain.returncode == 0, plain.stderr
    asked = kedro(
        project, *command, "--params=product_descriptions.evaluation.fail_when_worse=true"
    )
    assert asked.returncode == 3
    assert "product_descriptions: the verdict is worse" in asked.stderr
    assert "Traceback" not in asked.stderr
    assert "report.html" in asked.stderr + asked.stdout
