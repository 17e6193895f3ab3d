"""What a user types or brings wrongly: one clear sentence, exit status 1, nothing left."""

import gzip
import shutil
import subprocess
from pathlib import Path

import pytest

from scripts.samples.product_descriptions import generate_lines
from tests.commands import kedro
from tests.conftest import RAW, write_raw

pytestmark = pytest.mark.slow


def kedro_run(folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    return kedro(folder, "run", *options, KEDRO_ENV="test")


def made(folder: Path) -> list[str]:
    """List the files that a run has made; its locks stay, and nobody holds them."""
    files = (path for path in (folder / "data/test").rglob("*") if path.is_file())
    return [path.name for path in files if path.parent.name != ".locks"]


def refuse(folder: Path, *options: str) -> str:
    done = kedro_run(folder, *options)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    assert made(folder) == []
    return done.stderr


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (gzip.compress(b"", mtime=0), "the file is empty; there is nothing to learn from; put"),
        (gzip.compress(b"title,content\na,b\n", mtime=0), "lines is a row that can be read"),
        (b"\x1f\x8b\x08\x00", "ends too early"),
        (gzip.compress(b'{"id": 1, "titel": "x"}\n', mtime=0), "did you mean `titel`"),
    ],
)
def test_a_raw_file_of_another_kind(project: Path, content: bytes, words: str):
    (project / RAW).write_bytes(content)
    assert words in refuse(project, "--pipeline=prepare")


def test_what_fails_in_a_node_is_said_once(project: Path):
    done = kedro_run(project, "--params=product_descriptions.recipe.max_length=20")
    assert (done.stdout + done.stderr).count("the run does not fit") == 1
    assert "Node train_adapter" in (project / "tuneline.log").read_text("utf-8")


def test_what_ends_a_run_is_said_once_and_kept_in_the_log(project: Path):
    (project / RAW).write_bytes(gzip.compress(b"once upon a time\n", mtime=0))
    done = kedro_run(project, "--pipeline=prepare")
    assert (done.stdout + done.stderr).count("lines is a row that can be read") == 1
    assert "lines is a row that can be read" in (project / "tuneline.log").read_text("utf-8")


def test_a_raw_file_that_ends_too_early_leaves_nothing(project: Path):
    lines = list(generate_lines(30_000))
    write_raw(project / RAW, lines)
    whole = (project / RAW).read_bytes()
    (project / RAW).write_bytes(whole[: len(whole) * 9 // 10])
    assert "ends too early" in refuse(project, "--pipeline=prepare")


def test_a_raw_file_that_is_missing(project: Path):
    (project / RAW).unlink()
    message = refuse(project)
    assert f"{RAW}: `product_descriptions.raw` is not there" in message
    assert "put the raw file there" in message


def test_a_stage_whose_input_was_not_made_names_the_stage_to_run(project: Path):
    assert "run `kedro run --pipeline=prepare` first" in refuse(project, "--pipeline=plan")
    assert "run `kedro run --pipeline=train` first" in refuse(project, "--pipeline=evaluate")


def test_an_unknown_environment(project: Path):
    assert "--env = colab_fre: there is no folder" in refuse(project, "--env=colab_fre")


def test_an_unknown_pipeline(project: Path):
    assert "--pipeline = trian: there is no such pipeline" in (
        message := refuse(project, "--pipeline=trian")
    )
    assert "did you mean `train`" in message


def test_an_unknown_parameter(project: Path):
    message = refuse(project, "--params=product_descriptions.recipe.learning_rat=1e-4")
    assert "--params: product_descriptions.recipe.learning_rat = 0.0001: trl " in message
    assert "did you mean `learning_rate`" in message


def test_a_base_model_that_cannot_be_found_offline(project: Path):
    message = refuse(project, "--params=product_descriptions.recipe.base_model=nobody/nothing")
    assert "--params: product_descriptions.recipe.base_model = nobody/nothing: " in message
    assert "it is neither in the local cache" in message
    assert "leave --env out" in message


def test_a_folder_that_holds_no_model(project: Path):
    shutil.rmtree(project / "data/06_models/tiny_base")
    message = refuse(project)
    assert message.count("conf/test/product_descriptions/parameters.yml: ") == 1
    assert "there is no model in this folder" in message


def test_a_machine_without_the_gpu_its_environment_asks_for(project: Path):
    message = refuse(project, "--params=hardware.device=cuda,hardware.compute_capability=7.5")
    assert "PyTorch finds no GPU here" in message


def test_too_few_rows_to_split(project: Path):
    write_raw(project / RAW, list(generate_lines(40)))
    done = kedro_run(project, "--pipeline=prepare")
    assert done.returncode == 1
    assert "there are only" in done.stderr
    assert "none would be left to train on" in done.stderr
    assert "train.jsonl" not in made(project)


def test_a_misspelled_option_of_the_command_is_kedros_to_refuse(project: Path):
    assert kedro_run(project, "--pipline=train").returncode == 2


@pytest.mark.parametrize("env", ["base", "test"])
def test_a_file_that_is_no_yaml_is_named_with_its_line(project: Path, env: str):
    path = project / f"conf/{env}/product_descriptions/parameters.yml"
    lines = path.read_text(encoding="utf-8").count("\n")
    with path.open("a", encoding="utf-8") as file:
        file.write('    asked: [What is it, "a teapot\n')
    message = refuse(project, "--pipeline=prepare")
    assert f"conf/{env}/product_descriptions/parameters.yml" in message
    assert f"line {lines + 2}" in message
    assert "into double quotes" in message


def test_a_file_that_is_not_utf_8_is_named_with_its_line(project: Path):
    path = project / "conf/base/product_descriptions/parameters.yml"
    plain = path.read_text("utf-8").encode("ascii", errors="ignore").decode()
    text = plain.replace('prompt: "Write', 'prompt: "Píšeš')
    path.write_bytes(text.encode("cp1250"))
    line = text[: text.index("Píšeš")].count("\n") + 1
    message = refuse(project, "--pipeline=prepare")
    assert f"parameters.yml, line {line}: the file is not UTF-8" in message


def test_a_reference_in_a_text_is_no_traceback(project: Path):
    path = project / "conf/base/product_descriptions/parameters.yml"
    text = path.read_text("utf-8")
    path.write_text(
        text.replace("  prompt:\n", '  prompt:\n    system: "You know ${HOME}."\n'), "utf-8"
    )
    message = refuse(project, "--pipeline=prepare")
    assert "product_descriptions.prompt.system = You know ${HOME}.: " in message
    assert r"in double quotes `\\${…}`" in message
    path.write_text(
        text.replace("  prompt:\n", '  prompt:\n    system: "You know \\\\${{HOME}}."\n'), "utf-8"
    )
    assert kedro_run(project, "--pipeline=prepare").returncode == 0
    assert "You know ${HOME}." in next(project.rglob("train.jsonl")).read_text("utf-8")
