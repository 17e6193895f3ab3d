"""Executes commands as the documentation shows them, in a small copy of the project.

What differs from what a reader would type is in tables: SUBSTITUTIONS, REFUSALS, NOT_EXECUTED
and RULES. A command that no rule knows fails its test: add a rule, or correct the page.
"""

import csv
import json
import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import time
import tomllib
import urllib.request
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

import click
import pytest
from kedro.framework.cli.cli import KedroCLI
from packaging.requirements import Requirement

from scripts.samples.product_descriptions import generate_lines
from tests.documentation import PROJECT

GPU_MACHINES = r"--env=(colab_free|colab_paid|multi_gpu|base|my_gpu)\b"
# What is typed differently here, and why.
SUBSTITUTIONS = (
    # A placeholder stands for any use case.
    (r"<use[_ ]case>", "shoe_mould"),
    (r"<stage>", "finetune_api"),
    (r"<address of this repository>", str(PROJECT)),
    (r"path/to/tea\.csv", "tea.csv"),
    (r"KEDRO_ENV=laptop", "KEDRO_ENV=test"),
    (r"<your DAGs folder>|(?<=--target-dir=)~\S+", "made/folder"),
    (r"(?<=project=)\$PWD", "here"),
    # A command that is only named.
    (r"^kedro new-use-case$", "kedro new-use-case --help"),
    # The laptop's minutes become CI's seconds; the arguments stay.
    (
        r"^(kedro (?:run|catalog describe-datasets|viz run|chat|settings|status|storage)\b"
        r"(?!.*--env).*)",
        r"\1 --env=test",
    ),
    # Two trials of two steps.
    (
        r"^(kedro run --pipeline=sweep.*)",
        r"\1 --params=product_descriptions.sweep.trials=2,product_descriptions.recipe.max_steps=2",
    ),
    # Two steps instead of 1,500.
    (r"^(kedro run .*tiny_base.*)", r"\1 --params=tiny_base.steps=2"),
    # The copy holds 1,500 sample rows; a GPU's split holds 1,000 of them out.
    (
        rf"^(kedro run --pipeline=prepare {GPU_MACHINES})$",
        r"\1 --params=product_descriptions.data.split.test=16,"
        r"product_descriptions.data.split.validation=16",
    ),
    # One changed value stands for another, and two steps for a whole training.
    (r"learning_rate=1e-3", "learning_rate=1e-4"),
    (
        r"(--params=\S*recipe\.(?:learning_rate|num_train_epochs)=\S+)",
        r"\1,product_descriptions.recipe.max_steps=2",
    ),
    # The sample is made next to the copy's own raw files.
    (r"--out data/", "--out made/data/"),
)
# Commands that must be refused here before their first node, for these reasons and no other.
REFUSALS = (
    # Neither a GPU nor the hub is at hand. `prepare` needs neither and runs.
    (
        rf"^kedro (?:run|chat) (?!--pipeline=(?:\w+\.)?(?:prepare|publish)\b).*{GPU_MACHINES}",
        (
            *(
                "PyTorch finds no GPU here",
                "the GPU that is here has",
                "nor can the hub be reached",
            ),
            "the plan has not chosen it yet",
        ),
    ),
    # No test holds a key.
    (
        r"provider=server|finetune_api\.dry_run=false",
        ("this environment variable is not set",),
    ),
    # Nobody publishes from a test: no name is stated, no token is set, and the tiny base is local.
    (
        r"publish\.dry_run=false",
        ("it is not stated", "HF_TOKEN", "file on this machine", "nor can the hub be reached"),
    ),
)
# Commands that may be refused: they need something that is not part of an installation.
NO_SPARK = ("pyspark is not installed", "No module named 'pyspark'", "Spark does not start")
ALLOWED_REFUSALS = (
    (r"gguf\.llama_cpp=", ("there is no such folder",)),
    (r"hardware\.vllm_python=", ("it is no Python (3.11 or later) that has vLLM",)),
)
# Lines of the Makefile that CI has run before, or is running: the installation, `make test` itself.
RUN_BY_CI = re.compile(
    r"-m venv |-m pip install |^touch |-m pytest|^ruff |^mypy|^lint-imports|mkdocs "
    r"|^make(\[\d+\])?: Nothing"
)
# Environment variables of other libraries that pages may name; ours are in `conf`.
VARIABLES = {"AIRFLOW_HOME", "HF_ENDPOINT", "HF_HOME", "HF_TOKEN", "JUDGE_API_KEY", "KEDRO_ENV"}
# What is not executed, and why.
NOT_EXECUTED = (
    (
        r"cd tuneline|source \.venv/bin/activate|read .+|export \w+",
        "it changes only the reader's own shell",
    ),
    (r"grep .+", "the recipe of `make help`, which is run as a whole"),
    (
        r"python -m scripts\.reference\.\w+",
        "tests/scripts/test_parameters_page.py compares what it would write",
    ),
    (r"python3 -m venv ~/airflow.*|(~/airflow/\S+|airflow) .+", "no part of this project"),
    (r"git clone", "it is only named; with its arguments it is executed"),
    (r"kedro .*\bhandbook\b.*", "tests/pipelines/synthesize/test_use_cases.py types it"),
    (
        r"python -m venv \.vllm|\.vllm/bin/pip install vllm",
        "gigabytes; tests/pipelines/evaluate/test_vllm.py answers with one that is there",
    ),
    (r"pip uninstall torchao", "it is installed on a Colab only"),
    (r"(ollama|llama-cli) .+", "programs that are no part of it"),
    (
        r"(test -d llama\.cpp \|\| )?python -m scripts\.llama_cpp\.install",
        "tests/scripts/test_llama_cpp.py installs it",
    ),
    (r"rsync .+|cp -a|rm -r ~/\.cache/.+|pre-commit install", "it changes the reader's own files"),
)
# Where libraries keep what they download; a command that cleans must not find the reader's own.
CACHES = (
    "HF_HOME",
    "HF_HUB_CACHE",
    "HF_XET_CACHE",
    "XDG_CACHE_HOME",
    "PIP_CACHE_DIR",
    "TORCH_HOME",
)
SERVER_SECONDS = 1200  # at most; on a busy machine Kedro-Viz takes its time


@dataclass
class Reader:
    """Somebody who types what the documentation says, in a copy of the project.

    Attributes:
        folder: the copy; the chain of env `test` has run there.
        typed: what was typed already, so that equal commands run once.
    """

    folder: Path
    typed: set[str] = field(default_factory=set)

    def type(self, command: str) -> None:
        """Execute a command as the tables above say.

        Raises:
            AssertionError: if it fails, or is refused for another reason than declared.
        """
        for pattern, replacement in SUBSTITUTIONS:
            command = re.sub(pattern, replacement, command)
        if command in self.typed or any(re.fullmatch(one, command) for one, _ in NOT_EXECUTED):
            return
        for pattern, rule in RULES:
            if match := re.fullmatch(pattern, command):
                rule(self, match)
                self.typed.add(command)
                return
        raise AssertionError(
            f"`{command}`: no rule says how to execute it. Correct the page, or add a rule to "
            "RULES in tests/documented_commands.py, with the reason for what is not executed."
        )


def kedro(reader: Reader, match: re.Match[str]) -> None:
    """Run a Kedro command in this process: starting a new one would take four seconds each."""
    command = match[0]
    _complete_chain(reader, command)
    refusal = _invoke(reader.folder, shlex.split(command)[1:])
    reasons = [words for pattern, words in REFUSALS if re.search(pattern, command)]
    allowed = [words for pattern, words in ALLOWED_REFUSALS if re.search(pattern, command)]
    if not refusal:
        assert not reasons, f"`{command}` should be refused here: {reasons}"
        return
    for line in refusal.splitlines():
        known = any(word in line for words in [*reasons, *allowed] for word in words)
        assert known, f"`{command}` is refused: {line}"


def _invoke(folder: Path, arguments: list[str]) -> str | None:
    """Run a command; answer with the sentence that refused it, if one did."""
    from huggingface_hub import constants

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(constants, "HF_HUB_OFFLINE", True)
        patch.setattr(constants, "HF_HUB_CACHE", str(folder / "hub"))
        try:
            KedroCLI(folder).main(arguments, prog_name="kedro", standalone_mode=False)
        except click.UsageError as error:
            raise AssertionError(f"kedro {shlex.join(arguments)}: {error.message}") from error
        except click.ClickException as error:
            return error.message
    return None


def _complete_chain(reader: Reader, command: str) -> None:
    """Type first what the page has typed before: the start of a use case, or its whole chain."""
    if "=tea_shop" in command and not (reader.folder / "conf/base/tea_shop").is_dir():
        reader.type("kedro new-use-case tea_shop tea.csv")
    part = re.search(r"nodes=|kedro chat \w", command)
    named = re.search(r"(?:(?:--pipelines?|nodes)=|chat )(\w+)(\.\w+)?", command)
    if not named or not (part or named[2] or named[1] == "overview"):
        return
    use_case = "all" if named[1] == "overview" else named[1]
    report = reader.folder / f"data/test/08_reporting/{use_case}/report.html"
    is_one = (reader.folder / f"conf/base/{use_case}").is_dir() or use_case == "all"
    if is_one and not report.is_file():
        reader.type(f"kedro run --pipeline={use_case}")
        _share_results(reader.folder)


def make(reader: Reader, match: re.Match[str]) -> None:
    """Execute what the Makefile would, line by line; `--dry-run` says what that is."""
    targets = shlex.split(match[1] or "")
    done = subprocess.run(
        ["make", "--no-print-directory", "--dry-run", "--assume-old=.venv/installed", *targets],
        cwd=reader.folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    for line in done.stdout.replace("\\\n", "").splitlines():
        command = line.replace(".venv/bin/", "").strip()
        if command.startswith("kedro "):  # quotes are for odd names, and for none at all
            command = shlex.join(filter(None, shlex.split(command)))
        if not RUN_BY_CI.search(command):
            reader.type(command)


def make_help(reader: Reader, match: re.Match[str]) -> None:
    """Run the one target that prints something to read."""
    done = subprocess.run(
        ["make", "help"], cwd=reader.folder, capture_output=True, text=True, check=True
    )
    assert "make run" in done.stdout


def sample(reader: Reader, match: re.Match[str]) -> None:
    """Make sample data next to the copy's own."""
    environment = {**os.environ, "PYTHONPATH": f"{PROJECT}{os.pathsep}{PROJECT / 'src'}"}
    subprocess.run(
        [sys.executable, *shlex.split(match[0])[1:]], cwd=reader.folder, env=environment, check=True
    )
    assert (reader.folder / match[1]).exists()


def clean(reader: Reader, match: re.Match[str]) -> None:
    """Clean a small repository of the same shape: what was made goes, what was given stays."""
    made = ("data/06_models/shop/adapter/a", "data/08_reporting/shop/report.html", "build/i.html")
    given = ("data/01_raw/shop/rows.csv", "data/06_models/tiny_base/config.json")
    folder = reader.folder / "to_clean"
    for name in (*made, *given):
        (folder / name).parent.mkdir(parents=True)
        (folder / name).touch()
    shutil.copy(PROJECT / ".gitignore", folder)
    subprocess.run(["git", "init", "--quiet"], cwd=folder, check=True)
    (folder / "site").mkdir()
    subprocess.run(shlex.split(match[0]), cwd=folder, check=True)
    assert [name for name in (*made, *given) if (folder / name).exists()] == list(given)


def git_clone(reader: Reader, match: re.Match[str]) -> None:
    """Clone this repository; the next line of the page goes into the clone."""
    if not (PROJECT / ".git").exists():
        pytest.skip("not a git repository")
    subprocess.run([*shlex.split(match[0]), "--quiet"], cwd=reader.folder, check=True)
    assert (reader.folder / "tuneline/README.md").is_file()


def export(reader: Reader, match: re.Match[str]) -> None:
    """Compare the variable with those that something reads."""
    stated = "".join(path.read_text("utf-8") for path in (PROJECT / "conf").rglob("*.yml"))
    assert match[1] in VARIABLES or match[1] in stated, f"nothing reads {match[1]}"


def pip_install(reader: Reader, match: re.Match[str]) -> None:
    """Compare what would be installed with pyproject.toml: CI installs the real thing."""
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text("utf-8"))["project"]
    extras = project["optional-dependencies"]
    listed = [*project["dependencies"], *(one for extra in extras.values() for one in extra)]
    for word in shlex.split(match[1]):
        if word.startswith("-") or Path(word).suffix == ".txt":
            assert not Path(word).suffix or (PROJECT / word).is_file(), f"{word} is not there"
            continue
        wanted = Requirement(re.sub(r"^\.(?=\[|$)", project["name"], word))
        if wanted.name == project["name"]:
            assert wanted.extras <= extras.keys(), f"there is no extra {wanted.extras}"
        else:
            known = {Requirement(one).name for one in listed}
            assert wanted.name in known, f"{word} is not listed"


def benchmark(reader: Reader, match: re.Match[str]) -> None:
    """Look for the script and its options: benchmarks take minutes and need a quiet machine."""
    script = (PROJECT / match[1]).read_text("utf-8")
    for option in re.findall(r"--[\w-]+", match[2]):
        assert f'"{option}"' in script, f"{match[1]} knows no {option}"


def viz(reader: Reader, match: re.Match[str]) -> None:
    """Start Kedro-Viz until it answers, then stop it."""
    port = _find_port()
    typed = [sys.executable, "-m", *shlex.split(match[0]), "--no-browser", f"--port={port}"]
    _start_until_it_answers(typed, f"http://127.0.0.1:{port}/api/main", reader)


def viz_build(reader: Reader, match: re.Match[str]) -> None:
    """Draw the lineage in a process of its own: Kedro-Viz forks, which torch does not survive."""
    environment = {**os.environ, "KEDRO_ENV": match[1]}
    typed = [sys.executable, "-m", *shlex.split(match[2])]
    done = subprocess.run(
        typed, cwd=reader.folder, env=environment, check=True, capture_output=True, text=True
    )
    assert (reader.folder / "build/index.html").is_file()
    # Kedro-Viz draws no layers at all if some pipeline's layers go in a circle.
    assert "circular" not in done.stdout + done.stderr


def chat(reader: Reader, match: re.Match[str]) -> None:
    """Start the chat page until the address that it prints answers, then stop it."""
    _complete_chain(reader, match[0])
    log = reader.folder / "chat.log"
    with log.open("w") as output:
        process = _start(reader, [sys.executable, "-m", *shlex.split(match[0])], output)
    try:
        pattern = r"http://127\.0\.0\.1:\d+"
        _wait(process, lambda: re.search(pattern, log.read_text("utf-8")))
        url = re.search(pattern, log.read_text("utf-8"))
        assert url
        _wait(process, lambda: _answers(url[0]))
    finally:
        _stop(process)


def spark(reader: Reader, match: re.Match[str]) -> None:
    """Clean inside Spark, in a process of its own: its Java stays until the process ends."""
    # The reader's raw data are fewer than conf/base expects.
    sizes = ",".join(f"product_descriptions.data.split.{one}=16" for one in ("test", "validation"))
    typed = [sys.executable, "-m", *shlex.split(match[0]), f"--params={sizes}"]
    done = subprocess.run(typed, cwd=reader.folder, capture_output=True, text=True, check=False)
    said = done.stdout + done.stderr
    assert done.returncode == 0 or any(words in said for words in NO_SPARK), said


def storage(reader: Reader, match: re.Match[str]) -> None:
    """Look at disks, and clean caches, in a process whose caches lie in the copy."""
    caches = {name: str(reader.folder / "caches" / name) for name in CACHES}
    environment = {**os.environ, **caches}
    typed = [sys.executable, "-m", *shlex.split(match[0])]
    done = subprocess.run(
        typed, cwd=reader.folder, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def http_server(reader: Reader, match: re.Match[str]) -> None:
    """Start the small web server on a free port until it answers, then stop it."""
    port = _find_port()
    (reader.folder / "build").mkdir(exist_ok=True)
    arguments = [sys.executable, *shlex.split(match[1])[1:], str(port)]
    _start_until_it_answers(arguments, f"http://127.0.0.1:{port}/", reader)


def _find_port() -> int:
    """Find a free port; Kedro-Viz takes none above 49151, which the system would often choose."""
    for port in range(8100, 9100):
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
    raise AssertionError("no port is free")


def _start_until_it_answers(arguments: list[str], url: str, reader: Reader) -> None:
    log = reader.folder / "server.log"
    with log.open("w") as output:
        process = _start(reader, arguments, output)
    try:
        _wait(process, lambda: _answers(url))
    except AssertionError as error:
        raise AssertionError(f"{error}: {log.read_text('utf-8')[-2000:]}") from error
    finally:
        _stop(process)


def _start(reader: Reader, arguments: list[str], output: IO[str] | int) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        arguments,
        cwd=reader.folder,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
        stdout=output,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )


def _wait(process: subprocess.Popen[bytes], happens: Callable[[], object]) -> None:
    deadline = time.monotonic() + SERVER_SECONDS
    while not happens():
        assert process.poll() is None, f"{process.args} ended by itself"
        assert time.monotonic() < deadline, f"{process.args} does not answer"
        time.sleep(0.2)


def _answers(url: str) -> bool:
    with suppress(OSError), urllib.request.urlopen(url, timeout=60) as response:
        return bool(response.status == 200)
    return False


def _stop(process: subprocess.Popen[bytes]) -> None:
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)
    process.wait()


# How each command is executed. The first pattern that fits the whole command counts.
RULES: tuple[tuple[str, Callable[[Reader, re.Match[str]], None]], ...] = (
    (r"kedro viz run.*", viz),
    (r"KEDRO_ENV=(\S+) (kedro viz build.*)", viz_build),
    (rf"kedro chat (?!.*{GPU_MACHINES}).*", chat),
    (r"kedro storage.*", storage),
    (r"kedro run --env=spark.*", spark),
    (r"kedro .+", kedro),
    (r"make help", make_help),
    (r"make(?: (.+))?", make),
    (r"python -m scripts\.samples\..* --out (\S+)", sample),
    (r"git clean .+", clean),
    (r"git clone .+", git_clone),
    (r"export (\w+)=.+", export),
    (r"(?:python -m )?pip install (.+)", pip_install),
    (r"(?:PYTHONPATH=\. )?python (scripts/benchmarks/\w+\.py)(.*)", benchmark),
    (r"(python -m http\.server .*?) \d+", http_server),
)


def order(command: str) -> int:
    """Put parts of a chain before whole chains, and last what changes values or removes files.

    A changed value writes another plan and another adapter, which the parts would refuse. No
    adapter fits a base model that has been made again, so that comes after everything else.
    """
    if re.search("tiny[-_]base", command):
        return 3
    if "--params" in command or "--yes" in command:
        return 2
    part = re.search(r"--(from-nodes|nodes)=|--pipeline=\w+\.\w+", command)
    return int(command.startswith("kedro run") and not part)


def furnish(folder: Path) -> None:
    """Bring what the pages ask a reader to bring, in the words of the pages.

    Args:
        folder: a copy of the project in which the chain of env `test` has run.
    """
    shutil.copy(PROJECT / "Makefile", folder)
    shutil.copy(PROJECT / ".telemetry", folder)  # or every command would call home
    for name in ("scripts/orchestrators", "notebooks"):
        shutil.copytree(PROJECT / name, folder / name)
    (folder / "made/folder").mkdir(parents=True)
    _write_questions(folder)
    for source in (PROJECT / "data/01_raw").iterdir():
        if not (folder / "data/01_raw" / source.name).exists():
            (folder / "data/01_raw" / source.name).symlink_to(source)
    _share_results(folder)
    _fill_cache(folder / "caches/HF_HUB_CACHE")
    _write_tea_shop(folder / "tea.csv")
    _write_machine(folder)


def _share_results(folder: Path) -> None:
    """Put what was made in `data/test` where laptop and GPU look for it, too."""
    shutil.copytree(folder / "data/test", folder / "data", dirs_exist_ok=True)


def _fill_cache(cache: Path) -> None:
    """Put one repository into the hub's cache, in the layout of huggingface_hub."""
    repository, commit = cache / "models--owner--tea", "0" * 40
    for name in ("blobs", "refs", f"snapshots/{commit}"):
        (repository / name).mkdir(parents=True)
    (repository / "refs/main").write_text(commit)
    (repository / "blobs/1").write_text("{}")
    (repository / f"snapshots/{commit}/config.json").symlink_to("../../blobs/1")


def _write_questions(folder: Path) -> None:
    """Write the files of questions that the page on asking names, each with several questions."""
    for data in ("data", "data/test"):
        own = folder / data / "01_raw/product_descriptions/questions.txt"
        own.parent.mkdir(parents=True, exist_ok=True)
        own.write_text("Blue teapot, 1 liter\nOak bench\n", encoding="utf-8")
    (folder / "my_questions.csv").write_text("question\nRed kettle\nBrass lamp\n", encoding="utf-8")


def _write_tea_shop(path: Path) -> None:
    topics = ("green", "black", "white")
    with path.open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["topic", "question", "answer"])
        for number, line in enumerate(generate_lines(150)):
            with suppress(json.JSONDecodeError):  # some are broken, as in real data
                row = json.loads(line)
                question = f"What is the {row['title']} like?"
                rows.writerow([topics[number % 3], question, row["content"]])


def _write_machine(folder: Path) -> None:
    """Write `conf/my_gpu` as the page on configuration shows it."""
    page = (PROJECT / "docs/configuration.md").read_text("utf-8")
    block = re.search(r"```yaml\n(hardware:\n.*?)```", page, re.DOTALL)
    assert block, "docs/configuration.md shows no machine of one's own"
    (folder / "conf/my_gpu").mkdir()
    (folder / "conf/my_gpu/parameters_hardware.yml").write_text(block[1], encoding="utf-8")
