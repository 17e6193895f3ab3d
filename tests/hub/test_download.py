import json
import os
import re
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from tests.conftest import PROJECT, TINY_BASE
from tuneline.hub.cache import choose_files

pytestmark = pytest.mark.slow

# What there is to download, in 10^6 bytes.
TINY = sum(path.stat().st_size for path in (PROJECT / TINY_BASE).iterdir()) / 10**6
# All happens in a process of its own: huggingface_hub reads its variables as it is imported.
BEGINNING = """
import atexit, logging, os
from pathlib import Path
from tests.hub_mirror import HubMirror, read_folder, serve_hub

logging.basicConfig(level="INFO", format="%(message)s")
cache = Path(os.environ["HF_HUB_CACHE"])
tiny = read_folder(Path("{base}"))
copies = {{"original/model.pth": 10**12, "consolidated.safetensors": 10**12, "model.gguf": 10**12}}
hub = HubMirror({{"owner/tiny": tiny | copies, "owner/duplicate": tiny}})
hub.repos["owner/duplicate"]["model.safetensors"] += b" "
served = serve_hub(hub)
os.environ["HF_ENDPOINT"] = served.__enter__()
atexit.register(served.__exit__, None, None, None)

from tuneline.errors import TunelineError
from tuneline.hub.download import fetch_base, find_space_problems, retry_when_full
from tuneline.parameters import Hardware, Recipe

def name(base):
    return Recipe(
        base_model=base, quantization={{"load_in_4bit": True}}, lora={{}}, global_batch_size=1,
        max_length=1, num_train_epochs=1, learning_rate=1,
    )

def leave_part(megabytes):
    blobs = cache / "models--owner--other" / "blobs"
    blobs.mkdir(parents=True)
    part = blobs / ("e" * 64 + ".0123abcd.incomplete")
    part.write_bytes(b"x" * megabytes * 10**6)
    os.utime(part, (0, 0))
    return part
"""


def run(
    tmp_path: Path,
    script: str,
    megabytes: int | None = None,
    limit: int | None = None,
    **environment: str,
) -> str:
    """Run a script next to a hub of its own; give back what it says.

    Args:
        tmp_path: where its cache lies.
        script: what follows the beginning.
        megabytes: the size of a real disk for the cache alone, mounted for this process alone.
        limit: bytes that a file may have.
        environment: variables.
    """
    cache = tmp_path / "disk" / "hub"
    cache.parent.mkdir(exist_ok=True)
    file = tmp_path / "script.py"
    text = BEGINNING.format(base=PROJECT / TINY_BASE) + textwrap.dedent(script)
    file.write_text(text, encoding="utf-8")
    command = [sys.executable, str(file)]
    if limit:
        command = ["prlimit", f"--fsize={limit}", *command]
    if megabytes:
        mount = f'mount -t tmpfs -o size={megabytes * 10**6} tmpfs "$0" && exec "$@"'
        command = ["unshare", "-rm", "sh", "-c", mount, str(cache.parent), *command]
    done = subprocess.run(
        command,
        cwd=PROJECT,
        env={
            **os.environ,
            "HF_HUB_CACHE": str(cache),
            "HF_HUB_DISABLE_PROGRESS_BARS": "1",
            "HF_HUB_OFFLINE": "0",
            "PYTHONPATH": f"{PROJECT}:{PROJECT / 'src'}",
            **environment,
        },
        capture_output=True,
        text=True,
        check=False,
        timeout=1200,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def may_mount() -> bool:
    """Tell whether a process may mount a small disk for itself alone."""
    if not shutil.which("unshare"):
        return False
    command = ["unshare", "-rm", "sh", "-c", "mount -t tmpfs -o size=4k tmpfs /mnt"]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


on_a_small_disk = pytest.mark.skipif(not may_mount(), reason="this system lets nobody mount a disk")


def allow(free_when_full: bool) -> dict[str, str]:
    clean = {"interrupted_downloads": True}
    return {"TUNELINE_STORAGE": json.dumps({"free_when_full": free_when_full, "clean": clean})}


def test_the_log_of_a_download_has_its_size_and_rate(tmp_path: Path):
    script = """
    import logging
    from tuneline.utils import progress

    progress.SECONDS_BETWEEN_LINES = 0
    logging.basicConfig(level="INFO", format="%(message)s")
    fetch_base(name("owner/tiny"))
    """
    lines = [line for line in run(tmp_path, script).splitlines() if line.startswith("Downloading")]
    size = r"[0-9.,]+ (?:MB|kB)"
    last = rf"Downloading owner/tiny: ({size}), {size}/s, all of them\."
    assert re.fullmatch(last, lines[-1]), lines
    assert sum(re.fullmatch(last, line) is not None for line in lines) == 1


def test_a_base_model_is_fetched_without_the_copies_that_nothing_reads_and_loads(tmp_path: Path):
    script = """
    from tuneline.hub.cache import has_small_files, has_weights
    from tuneline.models.loading import load_model
    from tuneline.models.tokenizer import load_tokenizer

    recipe = name("owner/tiny")
    fetch_base(recipe, weights=False)
    assert "model.safetensors" not in hub.delivered
    assert has_small_files(recipe) and not has_weights(recipe)
    fetch_base(recipe)
    asked = hub.requests
    load_tokenizer(recipe)
    cpu = Hardware(
        name="CPU", device="cpu", memory_gb=8, tokens_per_batch=256, per_device_train_batch_size=4,
        per_device_eval_batch_size=8, gradient_checkpointing=False, attn_implementation="sdpa",
    )
    model = load_model(recipe, cpu)
    fetch_base(recipe)
    assert hub.requests == asked
    assert sorted(hub.delivered) == sorted(tiny), hub.delivered
    print(model.num_parameters(), "parameters")
    """
    said = run(tmp_path, script)
    assert "Downloading owner/tiny" in said
    assert "parameters" in said


@on_a_small_disk
def test_a_download_that_does_not_fit_is_refused_before_it_starts(tmp_path: Path):
    script = """
    try:
        fetch_base(name("owner/tiny"))
    except TunelineError as error:
        print(error)
    assert hub.delivered == []
    """
    said = run(tmp_path, script, megabytes=3)
    assert f"recipe.base_model = owner/tiny: {TINY:.1f} MB are to be downloaded into " in said
    lacking = f"has 3.0 MB free; {TINY - 3:.1f} MB are missing"
    assert f"its disk ({tmp_path / 'disk'}) {lacking}" in said
    assert "kedro storage --clean" in said


@on_a_small_disk
def test_base_models_that_fit_alone_but_not_together_are_told_before_a_run(tmp_path: Path):
    script = """
    bases = [(f"{one}.recipe.base_model", name(f"owner/{one}")) for one in ("tiny", "duplicate")]
    assert find_space_problems(bases[:1]) == find_space_problems(bases[1:]) == []
    assert find_space_problems([bases[0]] * 3) == []
    (problem,) = find_space_problems(bases)
    print(problem)
    assert hub.delivered == []
    """
    both = f"duplicate.recipe.base_model = owner/duplicate: {2 * TINY:.1f} MB are to be"
    assert both in run(tmp_path, script, megabytes=9)


# A run of one node, whose base model is on the hub.
A_RUN = """
from kedro.io import DataCatalog, MemoryDataset
from kedro.pipeline import Node, Pipeline

from tests.conftest import CPU, load_parameters
from tuneline.checks.preflight import fetch_weights, find_run_problems
from tuneline.parameters import Merge

parameters = load_parameters()
recipe = parameters.recipe.model_copy(update={"base_model": "owner/tiny"})
merge = Merge(
    into="original", base_model="owner/duplicate", max_shard_size="1GB", prompts=1,
    gguf={"llama_cpp": None, "types": ["f16"]},
)
inputs = {
    "params:mine.recipe": recipe,
    "params:mine.evaluation": parameters.evaluation,
    "params:mine.prompt": parameters.prompt,
    "params:hardware": CPU,
}

def make_run(stage):
    taken = inputs | ({"params:merge": merge} if stage == "merge" else {})
    catalog = DataCatalog({key: MemoryDataset(value) for key, value in taken.items()})
    return Pipeline([Node(lambda *_: 1, list(taken), "made", name="a", tags=[stage])]), catalog
"""


@on_a_small_disk
def test_a_run_that_would_fill_the_disk_is_refused_before_its_first_node(tmp_path: Path):
    script = """
    for stage in ("train", "merge"):
        for problem in find_run_problems(*make_run(stage)):
            print(f"{stage}: {problem}")
    print("weights", hub.delivered.count("model.safetensors"))
    """
    said = run(tmp_path, A_RUN + textwrap.dedent(script), megabytes=3)
    weights = (PROJECT / TINY_BASE / "model.safetensors").stat().st_size / 10**6
    for stage in ("train", "merge"):
        words = f"mine.recipe.base_model = owner/tiny: {weights:.1f} MB are to be downloaded"
        assert f"{stage}: {words}" in said
    assert "merge: merge.base_model = owner/duplicate: " in said
    assert "train: merge.base_model" not in said
    assert "weights 0" in said


def test_weights_come_once_before_a_run_that_loads_them(tmp_path: Path):
    script = """
    import shutil

    from tuneline.hooks import CheckBeforeRun

    for stage in ("plan", "train", "evaluate", "ask", "merge"):
        shutil.rmtree(cache, ignore_errors=True)
        hub.delivered.clear()
        hook, (pipeline, catalog) = CheckBeforeRun(), make_run(stage)
        hook.project, hook.loader = cache.parent, {"globals": {"data": "data"}, "parameters": {}}
        for _ in range(2):
            hook.before_pipeline_run(pipeline, catalog)
            print(stage, hub.delivered.count("model.safetensors"))
    """
    said = run(tmp_path, A_RUN + textwrap.dedent(script))
    for times in ("plan 0", "train 1", "evaluate 1", "ask 1", "merge 2"):
        assert said.count(times) == 2, said


def test_a_run_that_is_refused_downloads_no_weights(tmp_path: Path):
    script = """
    from tuneline.hooks import CheckBeforeRun

    inputs["params:mine.recipe"] = recipe.model_copy(update={"chat_template_path": "gone.jinja"})
    hook, (pipeline, catalog) = CheckBeforeRun(), make_run("train")
    hook.loader = {"parameters": {}}
    try:
        hook.before_pipeline_run(pipeline, catalog)
    except TunelineError as error:
        print(error)
    print("weights", hub.delivered.count("model.safetensors"))
    """
    said = run(tmp_path, A_RUN + textwrap.dedent(script))
    assert "there is no such file" in said
    assert "weights 0" in said


@on_a_small_disk
def test_a_disk_that_is_full_by_then_is_said_of_the_parameter(tmp_path: Path):
    script = """
    fetch_base(recipe, weights=False)
    (cache.parent / "taken").write_bytes(b"x" * 5 * 10**6)
    (problem,) = fetch_weights(*make_run("train"))
    print(problem)
    """
    said = run(tmp_path, A_RUN + textwrap.dedent(script), megabytes=8)
    assert "mine.recipe.base_model = owner/tiny: " in said


def test_what_loads_a_model_downloads_nothing(tmp_path: Path):
    script = """
    from tuneline.models.loading import load_model

    fetch_base(recipe, weights=False)
    try:
        load_model(recipe, CPU)
    except OSError:
        print("weights", hub.delivered.count("model.safetensors"))
    """
    assert "weights 0" in run(tmp_path, A_RUN + textwrap.dedent(script))


@on_a_small_disk
@pytest.mark.parametrize("allowed", [True, False])
def test_a_disk_that_something_else_fills_meanwhile(tmp_path: Path, allowed: bool):
    """The check passes; then half of the disk is taken while the weights come."""
    script = """
    part = leave_part(megabytes=5)
    hub.before_file = lambda file: (cache.parent / "taken").write_bytes(b"x" * 6 * 10**6)
    try:
        fetch_base(name("owner/tiny"))
        print("fetched", hub.delivered.count("model.safetensors"))
    except TunelineError as error:
        print(error)
    print("part", part.exists())
    """
    said = run(tmp_path, script, megabytes=14, **allow(allowed))
    if allowed:
        assert "Removed part of a file of owner/other: 5.0 MB, an interrupted download" in said
        assert "fetched 2" in said
        assert "part False" in said
    else:
        assert " are missing; the download would end with a full disk" in said
        assert "part True" in said


@on_a_small_disk
def test_what_may_go_makes_room_for_a_download_and_no_more_than_needed_goes(tmp_path: Path):
    script = """
    part = leave_part(megabytes=2)
    fetch_base(name("owner/tiny"))
    print("part", part.exists())
    """
    assert "part False" in run(tmp_path, script, megabytes=8, **allow(True))
    shutil.rmtree(tmp_path / "disk")
    assert "part True" in run(tmp_path, script, megabytes=12, **allow(True))


def test_a_limit_that_is_no_full_disk_is_said_as_such(tmp_path: Path):
    script = """
    try:
        fetch_base(name("owner/tiny"))
    except TunelineError as error:
        print(error)
    """
    said = run(tmp_path, script, limit=10**6)
    assert "the disk takes no more, although" in said


@on_a_small_disk
def test_whatever_else_is_written_is_tried_again_when_something_could_be_removed(tmp_path: Path):
    script = """
    part = leave_part(megabytes=2)
    tries = []
    def write():
        tries.append(1)
        (cache.parent / "checkpoint").write_bytes(b"x" * 2 * 10**6)
    retry_when_full(write, cache.parent)
    print("tries", len(tries), "part", part.exists())
    """
    assert "tries 2 part False" in run(tmp_path, script, megabytes=3, **allow(True))


@on_a_small_disk
def test_another_disk_that_is_full_costs_the_cache_nothing(tmp_path: Path):
    script = """
    part = leave_part(megabytes=1)
    tries = []
    def write():
        tries.append(1)
        raise OSError(28, "No space left on device")
    for folder in (Path(__file__).parent, cache.parent):
        try:
            retry_when_full(write, folder)
        except OSError:
            print("tries", len(tries), "part", part.exists())
    """
    said = run(tmp_path, script, megabytes=3, **allow(True))
    assert "tries 1 part True\ntries 3 part False" in said


def test_nobody_is_asked_offline_or_about_a_folder(tmp_path: Path):
    script = f"""
    fetch_base(name("owner/tiny"))
    fetch_base(name("{PROJECT / TINY_BASE}"))
    print("requests", hub.requests)
    """
    assert "requests 0" in run(tmp_path, script, HF_HUB_OFFLINE="1")


def test_a_branch_that_moves_on_is_followed_before_a_run_and_files_come_once(
    tmp_path: Path,
):
    script = """
    from tests import hub_mirror
    from tuneline.models.loading import identify_base

    recipe = name("owner/tiny")
    fetch_base(recipe)
    first = identify_base(recipe.base_model, recipe.revision)
    hub_mirror.COMMIT = "2" * 40
    hub.repos["owner/tiny"]["README.md"] = b"more words"
    hub.delivered.clear()
    fetch_base(recipe, weights=False)
    assert identify_base(recipe.base_model, recipe.revision) == first | {"commit": "2" * 40}
    fetch_base(recipe)
    print("delivered", hub.delivered)
    """
    assert "delivered []" in run(tmp_path, script)


def test_weights_that_cannot_come_are_told_before_a_run_that_needs_them(tmp_path: Path):
    script = """
    from huggingface_hub import close_session
    from tests.conftest import load_parameters
    from tuneline.checks.base_models import find_base_problems

    recipe = load_parameters().recipe.model_copy(update={"base_model": "owner/tiny"})
    assert list(find_base_problems("mine", recipe)) == []
    served.__exit__(None, None, None)
    close_session()  # a connection that is kept would still be answered
    hub.repos.clear()
    assert list(find_base_problems("mine", recipe, weights=False)) == []
    (problem,) = find_base_problems("mine", recipe)
    print(problem)
    """
    said = run(tmp_path, script)
    assert "mine.recipe.base_model = owner/tiny: it is neither in the local cache nor" in said


def test_shards_and_one_file_are_told_apart():
    shards = [f"model-0000{number}-of-00002.safetensors" for number in (1, 2)]
    others = ["model.safetensors.index.json", "tokenizer.model", "consolidated.safetensors"]
    chosen = {*shards, "model.safetensors.index.json", "tokenizer.model"}
    assert choose_files([*shards, *others]) == chosen
    assert choose_files([*shards, *others], weights=False) == chosen - set(shards)
    assert choose_files([*shards, "model.safetensors"]) == {"model.safetensors"}
