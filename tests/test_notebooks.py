"""The notebooks run from top to bottom, in a real Jupyter kernel, in the environment `test`."""

import asyncio
import csv
import os
import re
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import nbformat
import pytest
from kedro.framework.project import pipelines
from kedro.framework.startup import bootstrap_project
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
from nbformat import NotebookNode

from tests.conftest import PROJECT

pytestmark = pytest.mark.slow

NAMES = ["colab_free", "colab_paid", "explore"]
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


def read(name: str) -> NotebookNode:
    return nbformat.read(PROJECT / f"notebooks/{name}.ipynb", as_version=4)


def override(notebook: NotebookNode, **parameters: str) -> NotebookNode:
    """Put a cell after the one tagged `parameters`, as papermill does."""
    at = next(
        number
        for number, cell in enumerate(notebook.cells)
        if "parameters" in cell.metadata.get("tags", [])
    )
    lines = [f"{name} = {value!r}" for name, value in parameters.items()]
    notebook.cells.insert(at + 1, nbformat.v4.new_code_cell("\n".join(lines)))
    return notebook


def find_commands(notebook: NotebookNode) -> Iterator[str]:
    for cell in notebook.cells:
        if cell.cell_type == "code":
            yield from re.findall(r"^!(?:TERM=dumb )?(kedro .*)$", cell.source, flags=re.MULTILINE)


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
    """Copy the finished run, with the notebooks, and switch this Python's environment on."""
    folder = tmp_path / "project"
    shutil.copytree(finished_run, folder, symlinks=True)
    shutil.copytree(PROJECT / "notebooks", folder / "notebooks")
    shutil.copy(PROJECT / ".telemetry", folder)
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    monkeypatch.setenv("PATH", path)
    return folder


async def execute(notebooks: dict[Path, NotebookNode]) -> None:
    """Run notebooks side by side, each in a project and a kernel of its own."""
    clients = [
        NotebookClient(
            notebook,
            timeout=SECONDS,
            resources={"metadata": {"path": str(folder / "notebooks")}},
        )
        for folder, notebook in notebooks.items()
    ]
    await asyncio.gather(*(client.async_execute() for client in clients))


def test_the_notebooks_run_from_top_to_bottom(project: Path, tmp_path: Path):
    notebooks = {name: override(read(name), machine="test") for name in NAMES}
    folders = [project, tmp_path / "paid", tmp_path / "explored"]
    for folder in folders[1:]:
        shutil.copytree(project, folder, symlinks=True)
    ask = find_cell(notebooks["colab_free"], "ask")
    ask.source = ask.source.replace('"Blue teapot, 1 liter"', repr(QUESTION))
    asyncio.run(execute(dict(zip(folders, notebooks.values(), strict=True))))

    asked = sorted(
        project.glob(
            "data/test/07_model_output/*/answers_to_questions.csv/*/answers_to_questions.csv"
        )
    )[-1]
    assert next(csv.DictReader(asked.open(encoding="utf-8-sig")))["question"] == QUESTION
    for name in ("colab_free", "colab_paid"):
        assert "Plan: Ready" in find_text(notebooks[name], "plan")
        assert "held-out loss" in find_text(notebooks[name], "evaluate")
    explore = notebooks["explore"]
    assert "line" in find_text(explore, "clean")
    assert "plotly" in str(find_cell(explore, "loss-curve").outputs)
    assert "<iframe srcdoc" in find_text(explore, "report")


@pytest.mark.parametrize("name", ["colab_free", "colab_paid"])
def test_on_a_colab_the_project_comes_to_the_drive_once(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    (tmp_path / "notebooks").mkdir()
    pip = tmp_path / "pip"
    pip.write_text(PIP)
    pip.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    folder = tmp_path / "My Drive/tuneline"
    notebook = override(read(name), repository=str(PROJECT), folder=str(folder))
    end = notebook.cells.index(find_cell(notebook, "token")) + 1
    setup = find_cell(notebook, "setup").source
    again = [nbformat.v4.new_code_cell(source) for source in ("!touch mine", setup)]
    notebook.cells = [nbformat.v4.new_code_cell(COLAB), *notebook.cells[:end], *again]
    asyncio.run(execute({tmp_path: notebook}))

    assert (folder / "conf/base").is_dir()
    assert (folder / "mine").is_file()  # so the second time nothing was cloned anew
    said = find_text(notebook, "setup")
    assert "pip install --quiet --editable ." in said
    assert "pip uninstall --quiet --yes torchao" in said
    assert "HF_TOKEN is there." in find_text(notebook, "token")
    assert "hf_secret" not in nbformat.writes(notebook)


def test_a_command_that_fails_stops_the_notebook(project: Path):
    notebook = override(read("colab_free"), machine="nowhere")
    with pytest.raises(CellExecutionError, match="The last message above says what to do"):
        asyncio.run(execute({project: notebook}))
    assert "there is no folder conf/nowhere" in find_text(notebook, "prepare")
    assert not find_cell(notebook, "plan").outputs


@pytest.mark.parametrize("name", NAMES)
def test_a_notebook_is_valid_and_tracked_without_outputs(name: str):
    notebook = read(name)
    nbformat.validate(notebook)
    assert all(cell.id for cell in notebook.cells)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert not any(cell.outputs or cell.execution_count for cell in code)


@pytest.mark.parametrize("use_case", ["product_descriptions", "essential_oils"])
@pytest.mark.parametrize("name", ["colab_free", "colab_paid"])
def test_every_command_names_a_pipeline_and_a_stage_that_there_are(name: str, use_case: str):
    bootstrap_project(PROJECT)
    commands = list(find_commands(read(name)))
    assert commands
    for command in commands:
        if not command.startswith("kedro run"):
            continue
        arguments = command.replace("{use_case}", use_case)
        assert pipelines[re.search(r"--pipeline=(\S+)", arguments)[1]].nodes
