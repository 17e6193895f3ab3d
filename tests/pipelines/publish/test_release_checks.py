"""A release is looked through file by file before it leaves the machine."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from tuneline.errors import TunelineError
from tuneline.parameters import Publish
from tuneline.pipelines.publish.nodes import check_release
from tuneline.pipelines.publish.release_checks import (
    REQUIRED,
    find_other_scores,
    find_release_problems,
)

CONFIG = {"base_model_name_or_path": "maker/base", "r": 4, "modules_to_save": None}
NAME = "base_model.model.model.layers.0.self_attn.q_proj"


@pytest.fixture
def release(tmp_path: Path) -> Path:
    """Make a small release that is in order."""
    folder = tmp_path / "release"
    folder.mkdir()
    for name in {*REQUIRED, "tokenizer.json"}:
        (folder / name).write_text("{}")
    (folder / "adapter_config.json").write_text(json.dumps(CONFIG))
    tensors = {f"{NAME}.lora_A.weight": torch.ones(4, 8), f"{NAME}.lora_B.weight": torch.ones(8, 4)}
    save_file(tensors, folder / "adapter_model.safetensors")
    return folder


def change(folder: Path, **tensors: torch.Tensor) -> None:
    path = folder / "adapter_model.safetensors"
    save_file({**load_file(path), **tensors}, path)


def cut(folder: Path) -> None:
    path = folder / "adapter_model.safetensors"
    path.write_bytes(path.read_bytes()[:-10])


def write(name: str, text: str) -> Callable[[Path], object]:
    return lambda folder: (folder / name).write_text(text)


def test_a_release_in_order_has_no_problem(release: Path):
    (release / "tokenizer.json").write_text('{"/home/": 1}')  # a vocabulary may hold anything
    # An answer may be about computers; what it says of paths is not said of this machine.
    (release / "README.md").write_text("See https://example.org/home/page and `ls /tmp/x C:\\\\a`.")
    (release / "scores.json").write_text('{"categories": {"and/or": 1, "/": 2, "</s>": 3}}')
    assert list(find_release_problems(release)) == []
    listed = check_release(release, Publish(repo_id="me/x"))
    assert [file["path"] for file in listed["files"]] == sorted({*REQUIRED, "tokenizer.json"})
    assert listed["bytes"] == sum(path.stat().st_size for path in release.iterdir())


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda folder: (folder / "README.md").unlink(), "README.md: it is missing"),
        (lambda folder: (folder / "tokenizer.json").unlink(), "tokenizer.json: it is missing"),
        (write("scores.json", ""), "scores.json: it is empty"),
        (write("optimizer.pt", "x"), "optimizer.pt: it is no file of a release"),
        (lambda folder: (folder / "more").mkdir(), "more: it is no file of a release"),
        (cut, "it cannot be read"),
        (
            lambda folder: change(folder, **{f"{NAME}.lora_A.weight": torch.ones(5, 8)}),
            "has rank 5, the config says r = 4",
        ),
        (
            lambda folder: change(folder, **{"base_model.model.embed.weight": torch.ones(9, 9)}),
            "is a whole layer of the base model",
        ),
        (
            lambda folder: change(
                folder, **{f"{NAME}.lora_A.weight": torch.full((4, 8), torch.nan)}
            ),
            "holds values that are no numbers",
        ),
        (
            lambda folder: change(folder, **{f"{NAME}.lora_B.weight": torch.zeros(8, 4)}),
            "it was never trained",
        ),
        (
            write("provenance.json", '{"base": "/content/drive/MyDrive/model"}'),
            "provenance.json = /content/drive/MyDrive/model: it is a path on this machine",
        ),
        (
            write("scores.json", '{"model": "C:\\\\Users\\\\me\\\\data"}'),
            "scores.json = C:\\\\Users\\\\me\\\\data: it is a path on this machine",
        ),
        (
            write("training_record.json", '{"x": ["/workspace/models/base"]}'),
            "training_record.json = /workspace/models/base: it is a path on this machine",
        ),
        (write("README.md", f"From {Path.cwd()}/data."), "it is a path on this machine"),
        (write("README.md", "hf_" + "Ab1" * 10), "looks like a secret token"),
        (
            write("adapter_config.json", json.dumps(CONFIG | {"base_model_name_or_path": "x/y/z"})),
            "a base that is only a folder or a file on this machine",
        ),
    ],
)
def test_what_is_wrong_is_one_sentence_and_stops_a_real_run(
    release: Path, spoil: Callable[[Path], object], words: str
):
    spoil(release)
    (problem,) = find_release_problems(release)
    assert words in str(problem)
    assert "Ab1Ab1" not in str(problem)
    with pytest.raises(TunelineError):
        check_release(release, Publish(repo_id="me/x", dry_run=False))
    assert check_release(release, Publish(repo_id="me/x"))["problems"] == [str(problem)]


def test_scores_of_other_answers_are_named():
    rows = [{"id": "1"}, {"id": "2"}]
    assert list(find_other_scores(rows, rows)) == []
    (problem,) = find_other_scores(rows, rows[:1])
    assert "answer_scores.jsonl: they are of other answers" in str(TunelineError(problem))
