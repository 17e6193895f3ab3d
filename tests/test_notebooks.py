"""The notebook runs from top to bottom, in a real Jupyter kernel, in the environment `test`."""

import ast
import csv
import json
import os
import re
import shutil
import sys
from pathlib import Path
from typing import Any

import nbformat
import pytest
import yaml
from kedro.framework.session import KedroSession
from kedro.framework.startup import bootstrap_project
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
from nbformat import NotebookNode

from scripts.benchmarks.models import NAMES, make_config
from tests.conftest import PROJECT
from tests.new_use_case.making import write_csv
from tuneline.errors import TunelineError
from tuneline.notebook import AS_CONFIGURED, LossCurve, Screen
from tuneline.parameters.chosen import PLACEHOLDERS
from tuneline.pipelines.plan.memory_estimate import measure_model, predict_memory
from tuneline.use_cases import list_use_cases

pytestmark = pytest.mark.slow

PATH = PROJECT / "notebooks/colab.ipynb"
SECONDS = 1200  # for a cell; a hung kernel must not hold the tests
# What a shell would take apart.
QUESTION = """Is the 12" pan of $HOME, or `not`, "Cook's" best?"""
# What a Colab has and this machine has not: its Drive, and pip in a Python of its own.
COLAB = """
import sys, types
colab = types.ModuleType("google.colab")
colab.drive = types.SimpleNamespace(mount=lambda folder: print("mounted", folder))
sys.modules["google.colab"] = colab
"""
PIP = """#!/bin/sh
echo "pip $*"
"""
FORM = re.compile(r"^(\w+) = (.+?) #@param (.+)$", re.MULTILINE)
MACHINES = {"colab_free": "a T4", "colab_paid": "an L4"}


def read() -> NotebookNode:
    return nbformat.read(PATH, as_version=4)


def fill_in(notebook: NotebookNode, cell_id: str, **values: object) -> None:
    """Fill in a form's fields, as a user does."""
    cell = find_cell(notebook, cell_id)
    for name, value in values.items():
        before = cell.source
        stated = f"{name} = {value!r} #@param"
        cell.source = re.sub(rf"^{name} = .+? #@param", lambda _: stated, before, flags=re.M)  # noqa: B023
        assert cell.source != before, name


def list_fields(notebook: NotebookNode) -> dict[str, tuple[Any, str]]:
    """List the forms' fields: what is stated, and what Colab makes of it."""
    code = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "code")
    return {name: (ast.literal_eval(value), field) for name, value, field in FORM.findall(code)}


def find_cell(notebook: NotebookNode, cell_id: str) -> NotebookNode:
    return next(cell for cell in notebook.cells if cell.get("id") == cell_id)


def find_text(notebook: NotebookNode, cell_id: str) -> str:
    """Join what a cell printed and displayed."""
    return "".join(
        output.get("text", "") + "".join(map(str, output.get("data", {}).values()))
        for output in find_cell(notebook, cell_id).outputs
    )


@pytest.fixture
def project(finished_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Copy the finished run, with the notebook, and switch this Python's environment on."""
    folder = tmp_path / "project"
    shutil.copytree(finished_run, folder, symlinks=True)
    shutil.copytree(PROJECT / "notebooks", folder / "notebooks")
    shutil.copy(PROJECT / ".telemetry", folder)
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    monkeypatch.setenv("PATH", path)
    return folder


def execute(notebook: NotebookNode, folder: Path) -> None:
    """Run a notebook in a project and a kernel of its own."""
    resources = {"metadata": {"path": str(folder / "notebooks")}}
    NotebookClient(notebook, timeout=SECONDS, resources=resources).execute()


def run_twice(notebook: NotebookNode) -> None:
    """Let every cell but the long ones run a second time, right after the first."""
    long = ("setup", "train", "evaluate", "ask", "publish")
    cells = []
    for cell in notebook.cells:
        cells.append(cell)
        if cell.cell_type == "code" and cell.get("id") not in long:
            cells.append(nbformat.v4.new_code_cell(cell.source))
    notebook.cells = cells


def test_from_a_file_to_a_report_by_forms_alone(project: Path, tmp_path: Path):
    notebook = read()
    shop = write_csv(tmp_path / "shop.csv")
    fill_in(notebook, "parameters", machine="test")
    fill_in(
        notebook,
        "choice",
        use_case="shop",
        file=str(shop),
        base_model="data/06_models/tiny_base (this project's own)",
        questions=f"Oak pot | {QUESTION}",
        hold_out=12,
    )
    fill_in(notebook, "ask", question=QUESTION)
    run_twice(notebook)
    execute(notebook, project)

    data = project / "data/test"
    local = (project / "conf/local/shop/parameters.yml").read_text("utf-8")
    assert yaml.safe_load(local)["shop"]["data"] == {"split": {"test": 12}}
    assert "five of your rows" in find_cell(notebook, "apply-words").source
    assert "Linen Bath Towel" in find_text(notebook, "choice")
    assert "title and text are equal" in find_text(notebook, "prepare")
    assert "Plan: Ready" in find_text(notebook, "plan")
    trained = find_cell(notebook, "train").outputs
    assert sum("application/vnd.plotly.v1+json" in one.get("data", {}) for one in trained) == 1
    assert "held-out loss" in find_text(notebook, "evaluate")
    assert "<iframe srcdoc" in find_text(notebook, "evaluate")
    assert "hub" in find_text(notebook, "publish")
    scores = json.loads(next(data.glob("08_reporting/shop/scores.json/*/scores.json")).read_text())
    assert scores["prompts"] == 12
    answers = next(data.glob("07_model_output/shop/answers.jsonl")).read_text("utf-8")
    asked = [json.loads(line)["prompt"] for line in answers.splitlines()]
    assert {"Oak pot", QUESTION} <= {str(one) for one in asked}
    kept = sorted(data.glob("07_model_output/shop/answers_to_questions.csv/*/*.csv"))[-1]
    assert next(csv.DictReader(kept.open(encoding="utf-8-sig")))["question"] == QUESTION


def test_the_loss_curve_moves(monkeypatch: pytest.MonkeyPatch):
    drawn: list[int] = []
    monkeypatch.setattr(LossCurve, "draw", lambda self, log: drawn.append(len(log)))
    curve = LossCurve()
    for line in (
        "20:15  step 0/60  validation loss 3.5302, token accuracy 36.4 %",
        "20:16  Training: 2 steps, 0.22 steps/s, 3% of 60, 4:27 min left.",
        "Training: 4 steps, 0.27 steps/s, 7% of 60, loss 3.2169, 98 tokens/s, 3:29 min left.",
        "Training: 4 steps, 0.27 steps/s, 7% of 60, loss 3.2169, 98 tokens/s, 3:24 min left.",
        "Training: 1,006 steps, 2 steps/s, 10% of 9,000, loss 3.3737, 123 tokens/s, 2:50 min left.",
        "20:19  step 1006/9000  validation loss 2.1000, token accuracy 50.0 %",
    ):
        curve.read(line)
    assert drawn == [1, 2, 3, 3]
    assert curve.points[-1] == {"step": 1006, "eval_loss": 2.1}


def test_on_a_colab_the_project_comes_to_the_drive_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    (tmp_path / "notebooks").mkdir()
    pip = tmp_path / "pip"
    pip.write_text(PIP)
    pip.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    folder = tmp_path / "My Drive/tuneline"
    notebook = read()
    fill_in(notebook, "parameters", repository=str(PROJECT), folder=str(folder))
    end = notebook.cells.index(find_cell(notebook, "token")) + 1
    setup = find_cell(notebook, "setup").source
    again = [nbformat.v4.new_code_cell(source) for source in ("!touch mine", setup)]
    notebook.cells = [nbformat.v4.new_code_cell(COLAB), *notebook.cells[:end], *again]
    execute(notebook, tmp_path)

    assert (folder / "conf/base").is_dir()
    assert (folder / "mine").is_file()  # so the second time nothing was cloned anew
    said = find_text(notebook, "setup")
    assert "pip install --quiet --editable ." in said
    assert "pip uninstall --quiet --yes torchao" in said
    assert "HF_TOKEN is there." in find_text(notebook, "token")
    assert "hf_secret" not in nbformat.writes(notebook)


def test_a_command_that_fails_stops_the_notebook_in_one_line(project: Path):
    notebook = read()
    fill_in(notebook, "parameters", machine="nowhere")
    with pytest.raises(CellExecutionError, match="The last message above says what to do"):
        execute(notebook, project)
    assert "there is no folder conf/nowhere" in find_text(notebook, "prepare")
    (error,) = (one for one in find_cell(notebook, "prepare").outputs if "traceback" in one)
    assert len(error["traceback"]) == 1
    assert not find_cell(notebook, "plan").outputs


def test_settings_that_somebody_wrote_are_not_written_over(
    project: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(project)
    path = project / "conf/local/product_descriptions/parameters.yml"
    path.parent.mkdir(parents=True)
    path.write_text("product_descriptions: {}\n")
    with pytest.raises(TunelineError, match="somebody has written it"):
        Screen("test", "product_descriptions", hold_out=9).apply()
    assert path.read_text() == "product_descriptions: {}\n"
    path.unlink()
    Screen("test", "product_descriptions", hold_out=9).apply()
    assert yaml.safe_load(path.read_text()) == {
        "product_descriptions": {"data": {"split": {"test": 9}}}
    }
    Screen("test", "product_descriptions").apply()  # all as configured again
    assert not path.exists()


def test_the_notebook_is_valid_and_tracked_without_outputs():
    notebook = read()
    nbformat.validate(notebook)
    assert all(cell.id for cell in notebook.cells)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert not any(cell.outputs or cell.execution_count for cell in code)


def test_every_field_of_a_form_has_a_value_that_it_offers():
    fields = list_fields(read())
    assert fields.keys() == {
        *("repository", "folder", "machine", "use_case", "file", "base_model", "questions"),
        *("hold_out", "question"),
    }
    for value, field in fields.values():
        if field.startswith("["):
            offered, end = json.JSONDecoder().raw_decode(field)
            assert value in offered
            assert field[end:] in {"", " {allow-input: true}"}
        else:
            kinds = {str: '{type:"string"}', int: '{type:"integer"}'}
            assert field == kinds[type(value)]
    offered, _ = json.JSONDecoder().raw_decode(fields["use_case"][1])
    assert sorted(offered) == list_use_cases()
    machines, _ = json.JSONDecoder().raw_decode(fields["machine"][1])
    assert all((PROJECT / "conf" / one).is_dir() for one in machines)


def test_the_list_of_base_models_says_what_the_plan_says():
    bootstrap_project(PROJECT)
    offered, _ = json.JSONDecoder().raw_decode(list_fields(read())["base_model"][1])
    assert offered[0] == AS_CONFIGURED
    for shown in offered[1:]:
        name = next(key for key, hub in MODELS.items() if shown.startswith(f"{hub} "))
        assert shown == describe_model(name)


MODELS = {"smollm2_135m": "HuggingFaceTB/SmolLM2-135M-Instruct", **NAMES}


def describe_model(name: str) -> str:
    """Say how large a model is, and how much memory training it takes at most."""
    rooms = []
    for machine, called in MACHINES.items():
        session: Any = KedroSession.create(PROJECT, env=machine)
        parameters = session.load_context().params
        recipe, hardware = parameters["product_descriptions"]["recipe"], parameters["hardware"]
        recipe = recipe.settle(
            {**PLACEHOLDERS, "global_batch_size": 8, "max_length": 2048, "lora.r": 32}
        )
        size = measure_model(make_config(name), recipe)
        memory = predict_memory(size, recipe.max_length, recipe, hardware)
        assert memory["worst_case"] < memory["device"]
        rooms.append(f"{memory['worst_case']:.1f} GB of {called}")
    billions = (size.quantized + size.unquantized) / 1e9
    return f"{MODELS[name]} ({billions:.1f} billion parameters; at most {', '.join(rooms)})"
