import importlib
import io
import logging
import resource
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from tuneline.disk import is_full

BIG = torch.zeros(100_000)


def save_with_torch(path: Path) -> None:
    torch.save(BIG, path)


def save_as_safetensors(path: Path) -> None:
    save_file({"big": BIG}, path)


def write_bytes(path: Path) -> None:
    path.write_bytes(BIG.numpy().tobytes())


@pytest.mark.parametrize("save", [save_with_torch, save_as_safetensors, write_bytes])
def test_a_disk_that_takes_no_more_is_known_by_whatever_its_writer_says(
    save: Callable[[Path], None], tmp_path: Path
):
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, limits[1]))
    try:
        with pytest.raises(Exception, match=r".") as caught:
            save(tmp_path / "big")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
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


def test_a_tensor_that_cannot_be_saved_is_no_full_disk(tmp_path: Path):
    with pytest.raises(RuntimeError) as caught:
        torch.save(BIG, tmp_path / "no folder" / "big")
    assert not is_full(caught.value)
