from pathlib import Path

import pytest
import torch
from kedro.io import Version
from peft import AutoPeftModelForCausalLM

from tests.conftest import extract_adapter
from tuneline.datasets import (
    AdapterDataset,
    FolderDataset,
    MovedFolderDataset,
    OptionalPartitionsDataset,
)
from tuneline.errors import TunelineError
from tuneline.models.adapted_model import attach_adapter
from tuneline.models.adapter import Adapter
from tuneline.models.loading import load_model
from tuneline.models.tokenizer import load_tokenizer
from tuneline.parameters import Hardware, Recipe


def test_a_folder_is_given_as_a_path_whether_it_exists_or_not(tmp_path: Path):
    dataset = FolderDataset(filepath=str(tmp_path / "runs"))
    assert dataset.exists()
    assert dataset.load() == tmp_path / "runs"


def test_a_finished_folder_takes_the_place_of_the_one_before(tmp_path: Path):
    dataset = MovedFolderDataset(filepath=str(tmp_path / "merged"))
    assert not dataset.exists()
    for name in ("first", "second"):
        folder = tmp_path / "merging" / name
        folder.mkdir(parents=True)
        (folder / name).touch()
        dataset.save(folder)
        assert [path.name for path in dataset.load().iterdir()] == [name]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["merged", "merging"]
    assert not any((tmp_path / "merging").iterdir())


def test_a_file_in_the_place_of_a_folder_stays(tmp_path: Path):
    (tmp_path / "merged").write_text("words")
    (tmp_path / "folder").mkdir()
    with pytest.raises(TunelineError, match="a folder lies where a file should be, or a file"):
        MovedFolderDataset(filepath=str(tmp_path / "merged")).save(tmp_path / "folder")
    assert (tmp_path / "merged").read_text() == "words"


@pytest.fixture
def adapter(recipe: Recipe, hardware: Hardware) -> Adapter:
    from peft import LoraConfig, get_peft_model

    torch.manual_seed(1)
    config = LoraConfig(
        r=4, target_modules="all-linear", init_lora_weights=False, task_type="CAUSAL_LM"
    )
    model = get_peft_model(load_model(recipe, hardware), config)
    provenance = {"base": {"name": recipe.base_model}}
    return extract_adapter(model, load_tokenizer(recipe), provenance)


def make_adapter_dataset(folder: Path, version: str | None) -> AdapterDataset:
    return AdapterDataset(filepath=str(folder / "adapter"), version=Version(version, version))


@pytest.mark.slow
def test_an_adapter_survives_the_round_trip(adapter: Adapter, tmp_path: Path):
    make_adapter_dataset(tmp_path, "v1").save(adapter)
    loaded = make_adapter_dataset(tmp_path, "v1").load()
    assert loaded.config == adapter.config
    assert loaded.provenance == adapter.provenance
    assert loaded.tokenizer.chat_template == adapter.tokenizer.chat_template
    assert all(torch.equal(loaded.tensors[name], one) for name, one in adapter.tensors.items())


@pytest.mark.slow
def test_the_same_adapter_gives_the_same_bytes(adapter: Adapter, tmp_path: Path):
    folders = []
    for version in ("v1", "v2"):
        make_adapter_dataset(tmp_path, version).save(adapter)
        folders.append(tmp_path / "adapter" / version / "adapter")
    for path in folders[0].iterdir():
        assert path.read_bytes() == (folders[1] / path.name).read_bytes(), path.name


@pytest.mark.slow
def test_the_folder_is_one_that_peft_loads_with_the_same_logits(
    adapter: Adapter, recipe: Recipe, hardware: Hardware, tmp_path: Path
):
    make_adapter_dataset(tmp_path, "v1").save(adapter)
    loaded = AutoPeftModelForCausalLM.from_pretrained(
        tmp_path / "adapter/v1/adapter", trust_remote_code=False
    ).float()
    ids = torch.tensor([[100, 200, 300]])
    ours = attach_adapter(load_model(recipe, hardware), adapter)
    with torch.no_grad():
        theirs, base = loaded(input_ids=ids).logits, None
        with loaded.disable_adapter():
            base = loaded(input_ids=ids).logits
    assert (theirs - base).abs().max() > 1e-3
    # theirs runs on the unquantized base, so the adapter's own effect is what must agree
    with torch.no_grad():
        mine = ours(input_ids=ids).logits
        with ours.disable_adapter():
            mine_base = ours(input_ids=ids).logits
    correlation = torch.corrcoef(
        torch.stack([(theirs - base).flatten(), (mine - mine_base).flatten()])
    )
    assert correlation[0, 1] > 0.9


@pytest.mark.slow
def test_a_failure_while_writing_leaves_no_folder(
    adapter: Adapter, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(type(adapter.tokenizer), "save_pretrained", fail)
    with pytest.raises(Exception, match="No space left"):
        make_adapter_dataset(tmp_path, "v1").save(adapter)
    assert not list(tmp_path.rglob("*adapter_model*"))


@pytest.mark.slow
def test_each_file_that_is_not_what_was_saved_is_named(adapter: Adapter, tmp_path: Path):
    make_adapter_dataset(tmp_path, "v1").save(adapter)
    for path in sorted((tmp_path / "adapter/v1/adapter").iterdir()):
        whole = path.read_bytes()
        for broken in (flip(whole), whole[:-9], b""):
            path.write_bytes(broken)
            with pytest.raises(TunelineError, match=rf"{path}: .+ train again: the same command"):
                make_adapter_dataset(tmp_path, "v1").load()
        path.unlink()
        with pytest.raises(TunelineError, match=str(path)):
            make_adapter_dataset(tmp_path, "v1").load()
        path.write_bytes(whole)
    make_adapter_dataset(tmp_path, "v1").load()


def flip(content: bytes) -> bytes:
    middle = len(content) // 2
    return content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]


@pytest.mark.slow
def test_an_adapter_exists_once_it_is_saved(adapter: Adapter, tmp_path: Path):
    assert not AdapterDataset(
        filepath=str(tmp_path / "adapter"), version=Version(None, None)
    ).exists()
    make_adapter_dataset(tmp_path, "v1").save(adapter)
    assert AdapterDataset(filepath=str(tmp_path / "adapter"), version=Version(None, None)).exists()


def make_dataset(folder: Path) -> OptionalPartitionsDataset:
    return OptionalPartitionsDataset(
        path=str(folder), filename_suffix="/scores.json", dataset="json.JSONDataset"
    )


def test_a_folder_that_is_not_there_is_empty_and_no_obstacle(tmp_path: Path):
    dataset = make_dataset(tmp_path / "none")
    assert dataset.exists()
    assert dataset.load() == {}


def test_files_that_came_after_the_first_look_are_found(tmp_path: Path):
    dataset = make_dataset(tmp_path)
    assert dataset.load() == {}
    for version in ("2026-01", "2026-02"):
        (tmp_path / version).mkdir()
        (tmp_path / version / "scores.json").write_text(f'"{version}"')
    assert {name: load() for name, load in dataset.load().items()} == {
        "2026-01": "2026-01",
        "2026-02": "2026-02",
    }
