"""A use case of one's own from documents, or from a few rows: by command, killed, and prepared."""

import json
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.commands import kedro, start_kedro
from tests.new_use_case.making import create_use_case
from tests.pipelines.synthesize.documents import write_documents, write_pair
from tests.pipelines.synthesize.test_row_nodes import NEW, OWN, write_csv, write_row
from tests.scripted_server import ScriptedServer, serve

pytestmark = pytest.mark.slow

MADE = Path("data/test/02_intermediate")
EXAMPLES = Path("data/test/05_model_input")
SPLITS = ("train", "validation", "test")


def read_examples(project: Path, use_case: str) -> dict[str, list[dict[str, Any]]]:
    folder = project / EXAMPLES / use_case
    return {
        split: [json.loads(line) for line in (folder / f"{split}.jsonl").read_text().splitlines()]
        for split in SPLITS
    }


def change(path: Path, use_case: str, **blocks: Any) -> None:
    """State blocks of a use case's parameters."""
    stated = yaml.safe_load(path.read_text())
    stated[use_case] |= blocks
    path.write_text(yaml.safe_dump(stated, sort_keys=False, allow_unicode=True))


def ask_server(project: Path, server: ScriptedServer) -> None:
    """Let a server write about the documents of the village."""
    about = {"base_url": server.url, "model": "scripted", "retries": 0}
    block = {"provider": "server", "server": about, "documents": {"questions": 2}}
    change(project / "conf/base/village/parameters.yml", "village", synthesize=block)


@pytest.fixture
def village(project: Path, tmp_path: Path) -> Path:
    """Make a use case of a folder of documents, by the command."""
    folder = write_documents(tmp_path / "village")
    done = kedro(project, "new-use-case", "village", str(folder), "--write-questions")
    assert done.returncode == 0, done.stderr
    assert "“Mordant”" in done.stdout
    return project


def test_documents_are_asked_about_offline_and_each_stays_in_one_split(village: Path):
    done = kedro(village, "run", "--env=test", "--pipeline=village.synthesize")
    assert done.returncode == 0, done.stderr
    done = kedro(village, "run", "--env=test", "--pipeline=village.prepare")
    assert done.returncode == 0, done.stderr
    examples = read_examples(village, "village")
    files = [{one["meta"]["origin"]["file"] for one in examples[split]} for split in SPLITS]
    assert all(len(one) == 1 for one in files)
    assert len(set().union(*files)) == 3
    mordant = next(
        one for many in examples.values() for one in many if "Mordant" in str(one["prompt"])
    )
    origin = mordant["meta"]["origin"]
    assert (origin["file"], origin["page"], origin["model"]) == ("dye.pdf", 2, "offline")
    raw = len((village / MADE / "village/raw.jsonl").read_text().splitlines())
    clean = len((village / "data/test/03_primary/village/clean.csv").read_text().splitlines()) - 1
    rejected = village / "data/test/03_primary/village/rejected.csv"
    assert raw == clean + len(rejected.read_text().splitlines()) - 1
    assert (village / "data/test/08_reporting/village/data.html").is_file()


def test_a_killed_run_goes_on_and_asks_for_nothing_twice(village: Path):
    command = ("run", "--env=test", "--pipeline=village.synthesize")
    with serve(ScriptedServer()) as server:
        server.write, server.hold_after = write_pair, 3
        ask_server(village, server)
        running = start_kedro(village, *command)
        responses = village / MADE / "village/responses.jsonl"
        while not responses.exists() or responses.read_bytes().count(b"\n") < 3:
            assert running.process.is_alive(), running.read()
            time.sleep(0.05)
        running.send(signal.SIGKILL)
        assert running.wait().returncode == -signal.SIGKILL
        server.hold_after = None
        server.release.set()
        done = kedro(village, *command)
        assert done.returncode == 0, done.stderr
        assert not server.asked_again
    rows = [
        json.loads(line) for line in (village / MADE / "village/raw.jsonl").read_text().splitlines()
    ]
    assert {row["id"] for row in rows} == set(server.delivered)


def test_rows_in_the_manner_of_own_ones_stay_with_them_in_one_split(project: Path, tmp_path: Path):
    own = write_csv(tmp_path / "letters.csv", OWN)
    create_use_case("letters", own, project)
    rename_raw(project)
    with serve(ScriptedServer()) as server:
        server.write = write_row
        about = {"base_url": server.url, "model": "scripted"}
        rows = {"columns": ["text", "label", "reply"], "count": len(NEW)}
        change(
            project / "conf/base/letters/parameters.yml",
            "letters",
            synthesize={"provider": "server", "server": about, "rows": rows},
            data={
                "id": "id",
                "columns": ["text", "label", "reply", "like"],
                "origin": "origin",
                "split": {"test": 3, "validation": 3, "group": "like"},
            },
        )
        done = kedro(project, "run", "--env=test", "--pipeline=letters.synthesize")
        assert done.returncode == 0, done.stderr
    done = kedro(project, "run", "--env=test", "--pipeline=letters.prepare")
    assert done.returncode == 0, done.stderr
    examples = read_examples(project, "letters")
    likes = [set(list_likes(examples[split])) for split in SPLITS]
    assert sum(map(len, likes)) == len(set().union(*likes)) == len(OWN)
    assert sum(map(len, examples.values())) == len(OWN) + len(NEW)


def list_likes(examples: list[dict[str, Any]]) -> Iterator[str]:
    for one in examples:
        origin = one["meta"]["origin"]
        yield origin.get("like") or f"own-{origin['line']:05d}"


def rename_raw(project: Path) -> None:
    """Give the raw rows of a use case the place of its own rows, as the documentation says."""
    for environment in ("base", "test"):
        path = project / f"conf/{environment}/letters/catalog.yml"
        path.write_text(path.read_text().replace("letters.raw:", "letters.own_rows:"))
    merged = {
        "type": "tuneline.datasets.MergedJSONLinesDataset",
        "filepath": "${globals:data}/02_intermediate/letters/raw.jsonl",
    }
    with (project / "conf/base/letters/catalog.yml").open("a") as file:
        file.write(yaml.safe_dump({"letters.raw": merged}))
