"""A use case of conversations of several turns: two commands, no edit."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import polars as pl
import pytest
from click.testing import CliRunner
from kedro.framework.startup import bootstrap_project
from pydantic import ValidationError

from tests.conftest import run
from tests.new_use_case.making import (
    list_talks,
    write_column_of_turns,
    write_long_sharegpt,
    write_messages,
)
from tuneline.cli import cli
from tuneline.errors import TunelineError
from tuneline.new_use_case.draft import Options, make_draft
from tuneline.new_use_case.preview import show_preview
from tuneline.new_use_case.sources import find_source
from tuneline.parameters.use_case import UseCase

pytestmark = pytest.mark.slow
Read = Callable[[Path], list[dict[str, Any]]]


def create(project: Path, path: Path) -> str:
    bootstrap_project(project)
    done = CliRunner().invoke(cli, ["new-use-case", "talks", str(path)])
    assert done.exit_code == 0, done.output
    return done.output


def test_from_sharegpt_to_a_report_by_turns(project: Path, tmp_path: Path, read_lines: Read):
    said = create(project, write_long_sharegpt(tmp_path / "talks.json"))
    assert "line 2, turn 2" in said
    run(project, "talks")
    data = project / "data/test"
    examples = {
        split: read_lines(data / f"05_model_input/talks/{split}.jsonl")
        for split in ("train", "validation", "test")
    }
    talks = {split: {one["meta"]["line"] for one in made} for split, made in examples.items()}
    assert not talks["train"] & talks["test"]
    rows = read_lines(data / "07_model_output/talks/answers.jsonl")
    asked = {one["id"]: one for one in rows}
    clean = pl.read_csv(data / "03_primary/talks/clean.csv", infer_schema=False)
    texts = {
        name: [one["content"] for one in orjson.loads(cell)]
        for name, cell in clean.select("id", "conversations").iter_rows()
    }
    for example in examples["test"]:
        name, _, turn = example["id"].rpartition("-")
        row = asked[example["id"]]
        before = [*(one["content"] for one in row["context"]), row["prompt"], row["reference"]]
        assert before == texts[name][: len(before)]  # true turns, not those that a model wrote
        assert row["groups"] == {"conversation": name}
        assert len([one for one in before if one != "You sell goods."]) == 2 * int(turn)
    (scores,) = (data / "08_reporting/talks/scores.json").glob("*/scores.json")
    assert orjson.loads(scores.read_bytes())["groupings"] == {"conversation": 4}
    report = (data / "08_reporting/talks/report.html").read_text("utf-8")
    assert "assistant: " in report  # the turns before a prompt are shown
    masks = (data / "08_reporting/talks/mask_preview.html").read_text("utf-8")
    assert masks.count("&lt;|assistant|&gt;") >= len(examples["train"][0]["prompt"])


@pytest.mark.parametrize(
    ("file", "write"),
    [("talks.jsonl", write_messages), ("talks.csv", write_column_of_turns)],
)
def test_messages_and_a_column_of_turns_are_prepared(
    project: Path, tmp_path: Path, read_lines: Read, file: str, write: Callable[[Path], Path]
):
    create(project, write(tmp_path / file))
    run(project, "talks.prepare")
    folder = project / "data/test"
    report = orjson.loads((folder / "08_reporting/talks/cleaning_report.json").read_bytes())
    assert (report["clean"], report["turns"]["clean"]) == (39, 78)
    assert report["rejected"] == (2 if file == "talks.jsonl" else 0)
    train = read_lines(folder / "05_model_input/talks/train.jsonl")
    longest = max(train, key=lambda one: len(one["prompt"]))
    assert [one["role"] for one in longest["prompt"]][-5:] == ["user", "assistant"] * 2 + ["user"]


@pytest.mark.parametrize(
    "options",
    [{"prompt_column": "assistant"}, {"answer_column": "system"}, {"template": "{assistant}"}],
)
def test_who_asks_and_who_answers_is_not_changed(tmp_path: Path, options: dict[str, str]):
    source = find_source(write_messages(tmp_path / "talks.jsonl"))
    with pytest.raises(TunelineError, match="say who asks and who answers"):
        make_draft("talks", source, Options(**options))


@pytest.mark.parametrize(
    "words",
    [{"prompt": "{assistant}"}, {"completion": "{user} {assistant}"}, {"system": "{assistant}"}],
)
def test_templates_that_would_tell_the_answer_are_refused(parameters: UseCase, words: dict):
    stated = parameters.model_dump()
    stated["data"] |= {"columns": ["talk"], "conversations": {"column": "talk"}}
    stated["data"] |= {"rules": {}, "split": {"test": 1, "validation": 1}, "category": None}
    stated["data"] |= {"slices": [], "key_terms": None, "answer_rules": {}}
    stated["prompt"] = {"prompt": "{user}", "completion": "{assistant}"}
    assert UseCase.model_validate(stated)
    stated["prompt"] |= words
    with pytest.raises(ValidationError, match="another prompt than the turns"):
        UseCase.model_validate(stated)


def test_the_preview_shows_the_turns_and_marks_what_is_learned(project: Path, tmp_path: Path):
    shown = show_preview(write_messages(tmp_path / "talks.jsonl"))
    assert "line 2, turn 1" in shown
    assert "line 2, turn 2" in shown
    assert "conversation begins with the assistant (1" in shown
    assert "conversation has two user messages in a row (1" in shown
    _, text = [one for one in list_talks()[1] if one[0] == "assistant"][-1]
    assert text.split()[0] in shown.partition('class="answer"')[2]
