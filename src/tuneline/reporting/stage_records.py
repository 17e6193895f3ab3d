"""What the stages of a use case have left on the disk, as it is: read fast, and without a model."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from tuneline.errors import TunelineError
from tuneline.utils.disks import shorten_path
from tuneline.utils.files import name_unreadable
from tuneline.utils.hashing import hash_json_lines, order_versions, read_sealed
from tuneline.utils.locks import find_holder

AGAIN = "run the stage that makes it again"
# By stage, the file that it writes last, and the records that are read. `{use_case}` is a folder.
LAST = {
    "synthesize": "08_reporting/{use_case}/synthesis_report.json",
    "prepare": "05_model_input/{use_case}/test.jsonl",
    "plan": "08_reporting/{use_case}/plan.html",
    "train": "08_reporting/{use_case}/training_record.json",
    "evaluate": "08_reporting/{use_case}/report.html",
    "rubric": "08_reporting/{use_case}/rubric.json",
    "sweep": "08_reporting/{use_case}/sweep.html",
    "merge": "08_reporting/{use_case}/merge_record.json",
    "publish": "08_reporting/{use_case}/published.json",
}
RECORDS = {
    "prepare": "08_reporting/{use_case}/leak_report.json",
    "plan": "08_reporting/{use_case}/plan.json",
    "train": "08_reporting/{use_case}/training_record.json",
    "evaluate": "08_reporting/{use_case}/scores.json",
    "publish": "08_reporting/{use_case}/published.json",
}
# What people look at, in this order, by the word of the link.
SHOWN = {
    "report": "08_reporting/{use_case}/report.html",
    "data": "08_reporting/{use_case}/data.html",
    "plan": "08_reporting/{use_case}/plan.html",
    "tokens": "08_reporting/{use_case}/mask_preview.html",
    "sweep": "08_reporting/{use_case}/sweep.html",
    "record": "08_reporting/{use_case}/training_record.json",
    "rejected": "03_primary/{use_case}/rejected.csv",
    "leaks": "08_reporting/{use_case}/leaks.csv",
    "runs": "08_reporting/{use_case}/comparison.csv",
    "card": "08_reporting/{use_case}/card.md",
}
EXAMPLES = "05_model_input/{use_case}/{split}.jsonl"
SYNTHESIZED = "02_intermediate/{use_case}/raw.jsonl"
FEEDBACK = "07_model_output/{use_case}/feedback.jsonl"
# Files next to the raw rows that no example is made of.
NOT_RAW = {"questions.txt"}


def read_stages(data: Path, use_case: str) -> dict[str, Any]:
    """Read what the stages have left.

    Returns:
        In plain values: `made`, when the last file of each stage was written (seconds since 1970),
        and when the newest `raw` file, the `synthesized` rows and the `feedback` were (None: there
        are none); the `records` by stage, `examples` by split as fingerprints, the `test`
        examples; whether there is an `adapter`; `links`, the pages and tables that are there, from
        the folder of all data; `running`, who runs which stage; and what is `damaged`, sentences by
        stage.
    """
    damaged: dict[str, list[str]] = {}

    def read(stage: str, path: Path, how: Callable[[Path], Any]) -> Any:
        path = shorten_path(path)
        try:
            with name_unreadable(path, AGAIN):
                return how(path) if path.is_file() else None
        except TunelineError as error:
            damaged.setdefault(stage, []).append(str(error))
            return None

    def locate(template: str, **names: str) -> Path:
        return data / template.format(use_case=use_case, **names)

    records = {
        stage: found
        for stage, template in RECORDS.items()
        if (found := read(stage, _find_latest(locate(template)), _read_record)) is not None
    }
    splits = {split: locate(EXAMPLES, split=split) for split in ("train", "validation")}
    test = locate(EXAMPLES, split="test")
    return {
        "made": {
            stage: made
            for stage, template in LAST.items()
            if (made := _find_time(locate(template))) is not None
        },
        "raw": max(_list_times(data / "01_raw" / use_case), default=None),
        "synthesized": _find_time(locate(SYNTHESIZED)),
        "feedback": _find_time(locate(FEEDBACK)),
        "records": records,
        "examples": {
            split: found
            for split, path in splits.items()
            if (found := read("prepare", path, hash_json_lines))
        },
        "test": read("prepare", test, _read_lines) or [],
        "adapter": any(data.glob(f"06_models/{use_case}/adapter/*/*/adapter_model.safetensors")),
        "links": {
            word: template.format(use_case=use_case)
            for word, template in SHOWN.items()
            if locate(template).is_file()
        },
        "running": {
            stage: holder
            for stage in LAST
            if (holder := find_holder(data / ".locks", f"{use_case}.{stage}"))
        },
        "damaged": damaged,
    }


def _find_latest(path: Path) -> Path:
    """Find the last version of a dataset that has versions; of others, the file."""
    if not path.is_dir():
        return path
    names = [one.parent.name for one in path.glob(f"*/{path.name}")]
    return path / order_versions(path, names)[-1] / path.name if names else path


def _read_record(path: Path) -> dict[str, Any]:
    return read_sealed(path, AGAIN)


def _read_lines(path: Path) -> list[Any]:
    return [json.loads(line) for line in path.read_bytes().splitlines()]


def _find_time(path: Path) -> float | None:
    return path.stat().st_mtime if path.is_file() else None


def _list_times(folder: Path) -> Iterator[float]:
    for path in folder.rglob("*"):
        if path.is_file() and path.name not in NOT_RAW:
            yield path.stat().st_mtime
