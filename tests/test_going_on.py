"""The chain once more, from the adapter of the first run and with more rows."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import MAIN, run
from tuneline.errors import TunelineError

pytestmark = pytest.mark.slow

ADAPTERS = "data/test/06_models/product_descriptions/adapter/*/adapter"
EXAMPLES = "data/test/05_model_input/product_descriptions"


@pytest.fixture
def folder(finished_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in a copy of a project whose first run is through."""
    copied = Path(shutil.copytree(finished_run, tmp_path / "project", symlinks=True))
    monkeypatch.chdir(copied)
    return copied


def state(start: Path, **split: int) -> dict[str, Any]:
    recipe = {"start_from": str(start), "num_train_epochs": 1, "learning_rate": 1e-3}
    return {MAIN: {"data": {"split": split}, "recipe": recipe}}


def test_more_rows_are_learned_and_base_old_and_new_are_compared(
    folder: Path, read_lines: Callable[[Path], list[dict]]
):
    (start,) = (path.relative_to(folder) for path in folder.glob(ADAPTERS))
    seen = {
        row["id"]
        for split in ("train", "validation")
        for row in read_lines(folder / EXAMPLES / f"{split}.jsonl")
    }
    run(folder, runtime_params=state(start, sample=240))
    now = {
        split: {row["id"] for row in read_lines(folder / EXAMPLES / f"{split}.jsonl")}
        for split in ("train", "validation", "test")
    }
    assert now["test"]
    assert not seen & (now["test"] | now["validation"])
    assert seen & now["train"]
    assert now["train"] - seen
    new = max(folder.glob(ADAPTERS))
    provenance = json.loads((new / "provenance.json").read_text("utf-8"))
    scores = folder / f"data/test/08_reporting/{MAIN}/scores.json" / new.parent.name
    found = json.loads((scores / "scores.json").read_text("utf-8"))
    assert provenance["start"]["unknown"] == []
    assert found["old"]["metrics"]["chrf"]["base"] is not None
    assert "the adapter it started from" in " ".join(
        [found["verdict"]["summary"], *found["verdict"]["notes"]]
    )
    page = (folder / f"data/test/08_reporting/{MAIN}/report.html").read_text("utf-8")
    assert "Better than the adapter it started from?" in page
    assert provenance["start"]["adapter"] in page


def test_an_adapter_that_has_seen_todays_test_rows_is_refused_before_anything_runs(folder: Path):
    (start,) = (path.relative_to(folder) for path in folder.glob(ADAPTERS))
    run(folder, "prepare", runtime_params={MAIN: {"data": {"split": {"seed": 1}}}})
    stated = state(start, seed=1)
    stated[MAIN]["recipe"]["lora"] = {"r": 8}
    with pytest.raises(TunelineError) as refused:
        run(folder, "plan", runtime_params=stated)
    said = str(refused.value)
    assert "of today's 16 test rows" in said
    rank = json.loads((folder / start / "adapter_config.json").read_text("utf-8"))["r"]
    assert rank != 8
    assert f"the adapter of start_from has {rank}; its weights would not fit" in said
    assert "recipe.lora.r = 8" in said
