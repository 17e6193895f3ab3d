"""Whole files and folders, whatever happens to their writer, on a full disk as well."""

import importlib
import io
import logging
import os
import re
import resource
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pandas as pd
import plotly.graph_objects as go
import pytest
import torch
from kedro.io import AbstractDataset
from safetensors.torch import save_file
from transformers import AutoTokenizer

from tests.documentation import PROJECT
from tuneline.datasets import (
    CSVDataset,
    JSONDataset,
    JSONLinesDataset,
    LazyCSVDataset,
    PlotlyDataset,
    TextDataset,
)
from tuneline.errors import TunelineError
from tuneline.utils.caches import Cache
from tuneline.utils.files import (
    find_partials,
    find_scratch,
    is_full,
    make_scratch,
    name_unwritable,
    replace_whole,
    replace_whole_folder,
)
from tuneline.utils.locks import hold

TABLE = pd.DataFrame({"a": [1, 2]})
WRITERS: dict[str, tuple[Callable[[Path], AbstractDataset], object, object]] = {
    "json": (lambda path: JSONDataset(filepath=str(path)), {"a": 1}, {"a": object()}),
    "text": (lambda path: TextDataset(filepath=str(path)), "words", 7),
    "csv": (lambda path: CSVDataset(filepath=str(path)), TABLE, None),
    "plotly": (lambda path: PlotlyDataset(filepath=str(path)), go.Figure(), None),
    "lines": (lambda path: JSONLinesDataset(filepath=str(path)), [{"a": 1}], [{"a": object()}]),
}


@pytest.fixture(params=WRITERS)
def writer(request: pytest.FixtureRequest) -> tuple[Callable[..., AbstractDataset], object, object]:
    return WRITERS[request.param]


@pytest.fixture
def nobody() -> Iterator[None]:
    """Be somebody whom the file system may refuse something."""
    if os.geteuid() == 0:
        os.seteuid(65534)
        yield
        os.seteuid(0)
    else:
        yield


def test_what_fails_in_the_middle_leaves_the_old_file_and_nothing_else(tmp_path: Path, writer):
    make, good, bad = writer
    dataset = make(tmp_path / "file")
    dataset.save(good)
    before = (tmp_path / "file").read_bytes()
    with pytest.raises(Exception, match=r"."):
        dataset.save(bad)
    assert (tmp_path / "file").read_bytes() == before
    assert [*tmp_path.iterdir()] == [tmp_path / "file"]


def test_a_file_is_never_opened_under_its_own_name_to_be_written(tmp_path: Path, writer):
    make, good, _ = writer
    dataset = make(tmp_path / "file")
    dataset.save(good)
    os.link(tmp_path / "file", tmp_path / "old")  # the same bytes, while nobody writes into them
    before = (tmp_path / "old").read_bytes()
    dataset.save(good)
    assert (tmp_path / "old").read_bytes() == before
    assert (tmp_path / "old").stat().st_ino != (tmp_path / "file").stat().st_ino


def test_a_folder_in_a_files_place_is_told_and_stays(tmp_path: Path, writer):
    make, good, _ = writer
    (tmp_path / "file/inside").mkdir(parents=True)
    with pytest.raises(TunelineError, match=r"file: a folder lies where a file should be"):
        make(tmp_path / "file").save(good)
    assert (tmp_path / "file/inside").is_dir()


def test_a_file_in_a_folders_place_is_told_and_stays(tmp_path: Path, writer):
    make, good, _ = writer
    (tmp_path / "folder").write_text("mine")
    with pytest.raises(TunelineError, match=r"or a file where a folder should be"):
        make(tmp_path / "folder/file").save(good)
    with (
        pytest.raises(TunelineError, match=r"or a file where a folder should be"),
        replace_whole_folder(tmp_path / "folder"),
    ):
        pass
    assert (tmp_path / "folder").read_text() == "mine"


@pytest.mark.usefixtures("nobody")
@pytest.mark.parametrize(
    "write",
    [
        lambda: JSONLinesDataset(filepath="/etc/data/file").save([]),
        lambda: Cache(Path("/etc/cache")).put("a", 1),
        lambda: hold(Path("/etc/locks"), "tea.prepare"),
    ],
)
def test_a_folder_that_must_not_be_written_is_told(write: Callable[[], object]):
    with pytest.raises(TunelineError, match=r"^/etc/.+: it must not be written \(.+ allow"):
        write()


def test_what_is_read_meanwhile_is_not_taken_for_what_is_written(tmp_path: Path):
    with (
        pytest.raises(PermissionError, match="raw"),
        name_unwritable(tmp_path / "made" / "clean.csv", "free space"),
    ):
        raise PermissionError(13, "Permission denied", str(tmp_path / "raw" / "raw.csv"))


def test_a_folder_that_was_about_to_be_replaced_comes_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    rename = Path.rename

    def stop_at_the_second(path: Path, target: Path) -> Path:
        if target == tmp_path / "merged" and (path / "new").exists():
            raise KeyboardInterrupt
        return rename(path, target)

    (tmp_path / "merged").mkdir()
    (tmp_path / "merged/old").touch()
    monkeypatch.setattr(Path, "rename", stop_at_the_second)
    with (
        pytest.raises(KeyboardInterrupt),
        replace_whole_folder(tmp_path / "merged") as folder,
    ):
        (folder / "new").touch()
    assert [*tmp_path.rglob("*")] == [tmp_path / "merged", tmp_path / "merged/old"]


def test_a_cut_file_is_told_by_its_name(tmp_path: Path):
    for name, make in (
        ("scores.json", JSONDataset),
        ("plot.json", PlotlyDataset),
        ("log.csv", CSVDataset),
    ):
        (tmp_path / name).write_bytes(b"")
        with pytest.raises(TunelineError, match=rf"{name}: it cannot be read \(.+\); it was cut"):
            make(filepath=str(tmp_path / name)).load()


def test_texts_that_a_spreadsheet_takes_for_formulas_do_not_begin_as_such(tmp_path: Path):
    texts = ["=1+1", "+1", "-1", "@a", "\t=a", "'=1", "''+", "'tis", "", "a=b", None, "\r="]
    table = pd.DataFrame({"=id": texts, "number": range(-6, 6)})
    dataset = CSVDataset(filepath=str(tmp_path / "table.csv"), load_args={"keep_default_na": True})
    dataset.save(table)
    plain = pd.read_csv(tmp_path / "table.csv")
    assert not plain.astype(str).iloc[:, 0].str.contains(r"^[=+\-@\t\r]").any()
    assert next(iter(plain)) == "'=id"
    loaded = dataset.load()
    assert loaded["number"].tolist() == list(range(-6, 6))
    assert loaded["=id"].fillna("").tolist() == [text or "" for text in texts]


def test_scratch_of_a_killed_process_is_found_and_removed_by_the_next():
    script = (
        "import os, signal; from tuneline.utils.files import make_scratch\n"
        "folder = make_scratch(); print(folder.name, flush=True)\n"
        "os.kill(os.getpid(), signal.SIGKILL)"
    )
    killed = subprocess.run(
        [sys.executable, "-c", script], cwd=PROJECT, capture_output=True, text=True, check=False
    )
    left = Path(killed.stdout.strip())
    assert left.is_dir()
    assert left in find_scratch()
    with make_scratch() as mine:
        assert not left.exists()
        assert Path(mine) not in find_scratch()


def test_half_written_files_of_dead_processes_are_found_anywhere(tmp_path: Path):
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    left = tmp_path / f"deep/.clean.csv.{ended.pid}-3.partial"
    left.parent.mkdir()
    left.write_bytes(b"half")
    (tmp_path / f".clean.csv.{os.getpid()}-0.partial").write_bytes(b"mine")
    assert find_partials(tmp_path) == [left]


def test_a_name_may_be_as_long_as_the_disk_allows(tmp_path: Path):
    path = tmp_path / f"{'茶' * 84}.a"
    with replace_whole(path) as file:
        file.write(b"whole")
    assert list(tmp_path.iterdir()) == [path]


def test_what_another_machine_writes_on_the_same_disk_stays(tmp_path: Path):
    path = tmp_path / "clean.csv"
    with replace_whole(path) as file:
        mine = Path(file.name).name
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    killed = tmp_path / mine.replace(str(os.getpid()), str(ended.pid))
    here = mine.rpartition("@")[2].removesuffix(".partial")
    other, old = (
        killed.with_name(killed.name.replace(here, name)) for name in ("other", "old.example.org")
    )
    for one in (killed, other, old):
        one.write_bytes(b"half")
    os.utime(old, (0, 0))
    with replace_whole(path) as file:
        file.write(b"whole")
    assert sorted(tmp_path.iterdir()) == [other, path]


def test_no_dataset_of_the_catalog_writes_in_another_way():
    """Kedro's own classes that save open a file under its own name."""
    others = {"yaml.YAMLDataset", "partitions.PartitionedDataset"}
    pages = [path.read_text("utf-8") for path in PROJECT.glob("conf/**/catalog*.yml")]
    kinds = {kind for page in pages for kind in re.findall(r"\b(?:type|dataset): ([\w.]+)", page)}
    assert {kind for kind in kinds if not kind.startswith("tuneline.datasets.")} == others


def test_tables_that_break_off_leave_the_old_file(tmp_path: Path):
    import polars as pl

    def write_and_break() -> None:
        with replace_whole(tmp_path / "clean.csv") as file:
            file.write(b"a\n1\n")
            raise ValueError("raw")

    LazyCSVDataset(filepath=str(tmp_path / "clean.csv")).save(pl.DataFrame({"a": ["old"]}))
    with pytest.raises(ValueError, match="raw"):
        write_and_break()
    assert (tmp_path / "clean.csv").read_text() == "a\nold\n"
    assert [*tmp_path.iterdir()] == [tmp_path / "clean.csv"]


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


FULL_DISK_WRITERS = [save_with_torch, save_as_safetensors, write_bytes, save_tokenizer]


@pytest.mark.usefixtures("little_room")
@pytest.mark.parametrize("save", FULL_DISK_WRITERS)
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
@pytest.mark.parametrize("save", FULL_DISK_WRITERS)
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
