from pathlib import Path

from tuneline.datasets import OptionalPartitionsDataset


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
