"""What of a finished run is out of date once something before it has changed."""

import os
import shutil
from pathlib import Path
from typing import Any

import orjson
import pytest

from tests.conftest import MAIN, PROJECT, TINY_BASE, load_parameters, run
from tuneline.parameters import Hardware, UseCase
from tuneline.pipeline_registry import CHAIN
from tuneline.pipelines.overview.state import State, find_state
from tuneline.reporting.stage_records import LAST, RECORDS, SHOWN, read_stages
from tuneline.settings import CONFIG_LOADER_ARGS, CONFIG_LOADER_CLASS

pytestmark = pytest.mark.slow


@pytest.fixture
def folder(finished_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give a copy of the finished run of its own, with the times of its files."""
    made = Path(shutil.copytree(finished_run, tmp_path / "project", symlinks=True))
    monkeypatch.chdir(made)
    return made


def load_settings(folder: Path) -> dict[str, Any]:
    loader = CONFIG_LOADER_CLASS(str(folder / "conf"), env="test", **CONFIG_LOADER_ARGS)
    return dict(loader["parameters"])


def look(folder: Path, changes: dict[str, Any] | None = None, **hardware: object) -> State:
    """Find the state with some settings changed, by block."""
    loaded = load_settings(folder)
    settings = UseCase.model_validate(loaded[MAIN])
    for block, keys in (changes or {}).items():
        changed = getattr(settings, block).model_dump() | keys
        model = type(getattr(settings, block)).model_validate(changed)
        settings = settings.model_copy(update={block: model})
    machine = Hardware.model_validate({**loaded["hardware"], **hardware})
    return find_state(MAIN, read_stages(folder / "data/test", MAIN), settings, machine)


def name_outdated(state: State) -> dict[str, list[str]]:
    return {stage.name: stage.outdated for stage in state.stages if stage.outdated}


def test_a_finished_run_is_through_everywhere(folder: Path):
    state = look(folder)
    assert [stage.name for stage in state.stages] == ["prepare", "plan", "train", "evaluate"]
    assert name_outdated(state) == {}
    assert all(stage.is_through for stage in state.stages)
    assert [stage.machine for stage in state.stages] == [None, *["test CPU"] * 3]
    times = [stage.made or 0 for stage in state.stages]
    assert times == sorted(times)
    assert state.verdict
    assert state.command == 'kedro run --pipeline=ask --params=question="Your question"'
    assert {"report", "plan", "record", "rejected", "leaks"} <= state.links.keys()
    assert all((folder / "data/test" / path).is_file() for path in state.links.values())


@pytest.mark.parametrize(
    ("changes", "outdated", "command"),
    [
        (
            {"recipe": {"learning_rate": 0.5}},
            {"train": ["recipe.learning_rate was 0.004 and is 0.5"]},
            "kedro run --pipeline=train",
        ),
        (
            {"recipe": {"max_length": 77}},
            {
                "plan": ["recipe.max_length was 256 and is 77"],
                "train": ["recipe.max_length was 256 and is 77"],
            },
            "kedro run --pipeline=plan",
        ),
        (
            {"recipe": {"base_model": "data/other"}},
            {
                "plan": ["recipe.base_model was data/06_models/tiny_base and is data/other"],
                "train": ["recipe.base_model was data/06_models/tiny_base and is data/other"],
            },
            "kedro run --pipeline=plan",
        ),
        (
            {"evaluation": {"generation": {"max_new_tokens": 5}}},
            None,
            "kedro run --pipeline=evaluate",
        ),
        ({"evaluation": {"title": "Another"}}, {}, None),
        (
            {"prompt": {"prompt": "Say: {title}"}},
            None,
            "kedro run --pipeline=prepare",
        ),
    ],
)
def test_a_changed_setting_is_named_where_it_counts(
    folder: Path, changes: dict, outdated: dict | None, command: str | None
):
    state = look(folder, changes)
    if outdated is not None:
        assert name_outdated(state) == outdated
    assert state.command == (command or look(folder).command)


def test_another_machine_makes_the_plan_old_and_not_the_adapter(folder: Path):
    state = look(folder, name="big CPU", memory_gb=64)
    assert name_outdated(state) == {"plan": ["it was made for test CPU, this is big CPU"]}


def test_newer_raw_data_and_other_examples_are_named(folder: Path):
    raw = folder / "data/test/01_raw" / MAIN / "trn.json.gz"
    raw.parent.mkdir(parents=True)
    raw.write_bytes(b"")
    (raw.parent / "questions.txt").write_text("Tea?")
    assert name_outdated(look(folder)) == {"prepare": ["the raw data are newer"]}
    os.utime(raw, (1, 1))
    assert name_outdated(look(folder)) == {}
    examples = folder / "data/test/05_model_input" / MAIN
    for split in ("train", "test"):
        lines = (examples / f"{split}.jsonl").read_bytes().splitlines(keepends=True)
        (examples / f"{split}.jsonl").write_bytes(b"".join(lines[1:]))
    assert name_outdated(look(folder)) == {
        "plan": ["the training examples are others"],
        "train": ["the training examples are others"],
        "evaluate": ["the test prompts are others"],
    }


def test_newer_sources_of_synthesis_and_newer_feedback_are_named(tmp_path: Path):
    loaded, name = load_settings(PROJECT), "persona_dialogues"
    paths = {
        "sources": f"01_raw/{name}/templates.yml",
        "synthesize": LAST["synthesize"].format(use_case=name),
        "rows": f"02_intermediate/{name}/raw.jsonl",
        "feedback": f"07_model_output/{name}/feedback.jsonl",
        "prepare": LAST["prepare"].format(use_case=name),
    }
    for time, path in enumerate(paths.values(), start=1):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_bytes(b"")
        os.utime(tmp_path / path, (time, time))

    def look(newer: str = "", feedback: bool = True) -> dict[str, list[str]]:
        if newer:
            os.utime(tmp_path / paths[newer], (9, 9))
        settings = UseCase.model_validate(loaded[name])
        data = settings.data.model_copy(update={"feedback": feedback})
        settings = settings.model_copy(update={"data": data})
        hardware = Hardware.model_validate(loaded["hardware"])
        return name_outdated(find_state(name, read_stages(tmp_path, name), settings, hardware))

    assert look() == {}
    assert look("feedback", feedback=False) == {}
    assert look() == {"prepare": ["the feedback is newer"]}
    assert look("sources")["synthesize"] == ["the raw data are newer"]
    assert look("rows")["prepare"] == ["the raw data are newer", "the feedback is newer"]


def test_an_evaluation_of_another_adapter_is_old(folder: Path):
    path = folder / "data/test/08_reporting" / MAIN / "training_record.json"
    record = orjson.loads(path.read_bytes())
    del record["sha256"]
    path.write_bytes(orjson.dumps(record | {"adapter": "other"}))
    assert name_outdated(look(folder)) == {"evaluate": ["it judged another adapter"]}
    shutil.rmtree(folder / "data/test/06_models" / MAIN / "adapter")
    assert name_outdated(look(folder))["train"] == ["its adapter is gone"]


def test_damaged_records_are_named_and_the_others_still_count(folder: Path):
    reporting = folder / "data/test/08_reporting" / MAIN
    (reporting / "plan.json").write_text('{"inputs": ')
    (folder / "data/test/05_model_input" / MAIN / "train.jsonl").write_text("{")
    state = look(folder)
    damaged = {stage.name: stage.damaged for stage in state.stages if stage.damaged}
    assert damaged.keys() == {"prepare", "plan"}
    assert f"data/test/08_reporting/{MAIN}/plan.json: it cannot be read" in damaged["plan"][0]
    assert state.verdict
    assert state.command == "kedro run --pipeline=prepare"


def test_what_the_stages_left_before_they_were_recorded_is_shown_too(folder: Path):
    """The records of an earlier version have no `inputs`."""
    reporting = folder / "data/test/08_reporting" / MAIN
    for name in ("training_record.json", "leak_report.json"):
        record = orjson.loads((reporting / name).read_bytes())
        (reporting / name).write_bytes(
            orjson.dumps({key: record[key] for key in record.keys() - {"inputs", "sha256"}})
        )
    state = look(folder)
    assert name_outdated(state) == {}
    assert state.stages[2].machine is None


def test_the_next_plan_takes_its_minutes_from_the_finished_run(folder: Path):
    assert (folder / TINY_BASE).is_dir()
    run(folder, "plan")
    plan = orjson.loads((folder / f"data/test/08_reporting/{MAIN}/plan.json").read_bytes())
    for part in ("training", "evaluation"):
        assert plan["time"][part]["basis"].startswith("as the last one on ")
    shown = [one["detectable"] for one in plan["evidence"]["metrics"].values()]
    assert plan["evidence"]["measured"] == all(shown)
    assert name_outdated(look(folder)) == {}


def test_the_files_that_are_read_are_those_of_the_catalog():
    stated = "".join(path.read_text("utf-8") for path in PROJECT.glob("conf/base/catalog_*.yml"))
    for template in {*LAST.values(), *RECORDS.values(), *SHOWN.values()}:
        assert f"${{globals:data}}/{template}\n" in stated
    assert {*CHAIN, "sweep", "merge", "publish"} == LAST.keys()


def test_without_a_run_there_is_nothing(tmp_path: Path):
    state = find_state(
        "tea",
        read_stages(tmp_path, "tea"),
        load_parameters(),
        Hardware.model_validate(load_settings(PROJECT)["hardware"]),
        "--env=colab_free",
    )
    assert state.verdict is None
    assert state.command == "kedro run --pipeline=tea --env=colab_free"
