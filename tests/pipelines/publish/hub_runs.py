"""A finished run whose base model lies on a local hub, and `kedro run` against that hub."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

from tests.conftest import PROJECT, TINY_BASE
from tests.hub_server import TOKEN, HubServer
from tuneline.datasets import AdapterDataset
from tuneline.models.adapter import hash_adapter

BASE, COMMIT = "maker/tiny-base", "0" * 40
REPO = "me/descriptions"
REPORTS = Path("data/test/08_reporting/product_descriptions")
RELEASE = Path("data/test/06_models/product_descriptions/release")
REAL = "--params=product_descriptions.publish.dry_run=false"


def add_base(server: HubServer) -> None:
    """Put the tiny base model on the hub, and let our token write there."""
    files = {path.name: path.read_bytes() for path in (PROJECT / TINY_BASE).iterdir()}
    # The adapter's tokenizer has to be uploaded, too: a hub takes no content twice.
    files["tokenizer.json"] += b"\n"
    server.add(BASE, files)
    server.tokens[TOKEN] = {"role": "write"}


def move_to_hub(finished: Path, folder: Path, **publish: Any) -> Path:
    """Copy a finished run, as if its base model had come from the hub."""
    shutil.copytree(finished, folder, symlinks=True, ignore=shutil.ignore_patterns("checkpoints"))
    newest = sorted((folder / "data/test/06_models/product_descriptions/adapter").iterdir())[-1]
    adapter = newest / "adapter"
    _change(adapter / "adapter_config.json", base_model_name_or_path=BASE)
    provenance = json.loads((adapter / "provenance.json").read_text())
    provenance["recipe"]["settings"]["base_model"] = BASE
    provenance["base"] = {"name": BASE, "commit": COMMIT}
    _change(adapter / "provenance.json", **provenance)
    scores = sorted((folder / REPORTS / "scores.json").iterdir())[-1] / "scores.json"
    run = json.loads(scores.read_text())["run"]
    run["adapter"] = hash_adapter(AdapterDataset(filepath=str(adapter)).load())
    _change(scores, run=run)
    _change(folder / REPORTS / "training_record.json", adapter=run["adapter"])
    state(folder, publish={"repo_id": REPO, **publish})
    return folder


def state(folder: Path, **blocks: Any) -> None:
    """State blocks of the main use case in the environment `test`."""
    path = folder / "conf/test/product_descriptions/parameters.yml"
    parameters = yaml.safe_load(path.read_text())
    for name, block in blocks.items():
        parameters["product_descriptions"].setdefault(name, {}).update(block)
    path.write_text(yaml.safe_dump(parameters))


def make_environment(server: HubServer, home: Path, **more: str) -> dict[str, str]:
    """Make the environment of a process that knows no other hub, and no token but the given."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith("HF_")}
    return {
        **kept,
        "PYTHONPATH": str(PROJECT / "src"),
        "HF_ENDPOINT": server.url,
        "HF_HOME": str(home),
        "HF_TOKEN": TOKEN,
        "HF_HUB_DISABLE_XET": "1",  # this hub takes large files by LFS
        "DO_NOT_TRACK": "1",
        **more,
    }


def start(folder: Path, environment: dict[str, str], *arguments: str) -> subprocess.Popen[str]:
    """Start `kedro run --env=test`."""
    return subprocess.Popen(
        [sys.executable, "-m", "kedro", "run", "--env=test", *arguments],
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def _change(path: Path, **values: Any) -> None:
    """Change a record; one that people write has no SHA-256 of itself, nor of files next to it."""
    changed = json.loads(path.read_text()) | values
    path.write_text(json.dumps({k: v for k, v in changed.items() if k not in {"sha256", "files"}}))
