import importlib
import io
import logging
import resource
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from transformers import AutoTokenizer

from tuneline.errors import TunelineError
from tuneline.utils.files import is_full, replace_whole_folder

BIG = torch.zeros(100_000)


def save_with_torch(path: Path) -> None:
    torch.save(BIG, path)


def save_as_safetensors(path: Path) -> None:
    save_file({"big": BIG}, path)


def write_bytes(path: Path) -> None:
    path.write_bytes(BIG.numpy().tobytes())


def save_tokenizer(path: Path) -> None:
    AutoTokenizer.from_pretrained(
        "data/06_models/tiny_base", trust_remote_code=False
    ).save_pretrained(path)


@pytest.fixture
def little_room() -> Iterator[None]:
    """No file may grow beyond 100 kB, which its writer is told as it is of a full disk."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, limits[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, limits)


WRITERS = [save_with_torch, save_as_safetensors, write_bytes, save_tokenizer]


@pytest.mark.usefixtures("little_room")
@pytest.mark.parametrize("save", WRITERS)
def test_a_disk_that_takes_no_more_is_known_by_whatever_its_writer_says(
    save: Callable[[Path], None], tmp_path: Path
):
    with pytest.raises(Exception, match=r".") as caught:
        save(tmp_path / "big")
    assert is_full(caught.value)


def test_a_log_whose_disk_is_full_does_not_bury_the_terminal(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setattr(logging, "raiseExceptions", True)
    importlib.reload(importlib.import_module("tuneline.settings"))
    handler = logging.StreamHandler(io.TextIOWrapper(io.FileIO("/dev/full", "w"), "utf-8"))
    handler.handle(logging.LogRecord("tuneline", logging.INFO, "", 1, "words", None, None))
    assert capsys.readouterr().err == ""
    handler.stream.detach()  # it would try once more when it is closed


@pytest.mark.usefixtures("little_room")
@pytest.mark.parametrize("save", WRITERS)
def test_a_folder_that_a_full_disk_cuts_is_told_in_a_sentence_and_not_left(
    save: Callable[[Path], None], tmp_path: Path
):
    with (
        pytest.raises(TunelineError, match=r"folder: the disk takes no more \(.*\); .*free space"),
        replace_whole_folder(tmp_path / "folder") as folder,
    ):
        save(folder / "big")
    assert not list(tmp_path.iterdir())


def test_a_tensor_that_cannot_be_saved_is_no_full_disk(tmp_path: Path):
    with pytest.raises(RuntimeError) as caught:
        torch.save(BIG, tmp_path / "no folder" / "big")
    assert not is_full(caught.value)
