"""How a machine trains and answers with models of the true shape: speed, memory and prediction.

Each case (a model, an environment and a way, see training.py and answering.py) runs in a process of
its own with a time limit, so that one that fails leaves the others alone. What was measured is in
the JSON file after each case. All large models on a GPU, in at most nine minutes, and one on a CPU:

    PYTHONPATH=. python scripts/benchmarks/machine.py --out gpu.json
    PYTHONPATH=. python scripts/benchmarks/machine.py --model llama_25m --env laptop --minutes 30
"""

import argparse
import multiprocessing
import os
import platform
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path
from typing import Any

from scripts.benchmarks.cases import Case, Options, load_settings
from scripts.benchmarks.figures import Figures, make_table
from scripts.benchmarks.models import TEAMS, save_model
from scripts.benchmarks.processes import Emit, run_alone

WAYS = ("tuneline", "team", "answers", "bare", "padded", "once")
# For what a case does besides: load, pass the longest batch, answer.
MORE_SECONDS = 110
# Less than this is not enough to load a model.
LEAST_SECONDS = 15
LIBRARIES = ("transformers", "trl", "peft", "bitsandbytes", "accelerate")


def measure_case(case: Case, options: Options, folder: Path, emit: Emit) -> None:
    """Measure one case; in its process."""
    if case.way == "answers":
        from scripts.benchmarks.answering import measure_answers as measure
    else:
        from scripts.benchmarks.training import measure_training as measure
    measure(case, options, folder, emit)


def make_model(name: str, folder: Path, _: Emit) -> None:
    """Write a model; in a process of its own."""
    save_model(name, folder / name)


def describe_machine(emit: Emit) -> None:
    """Say which GPU or processor this is, and which versions; in a process of its own."""
    import torch

    emit(
        python=platform.python_version(),
        torch=torch.__version__,
        cuda=torch.version.cuda,
        libraries={name: version(name) for name in LIBRARIES},
        cores=len(os.sched_getaffinity(0)),
    )
    if not torch.cuda.is_available():
        lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
        named = (line.split(":")[1].strip() for line in lines if line.startswith("model name"))
        emit(name=next(named, platform.processor()), gpu=False)
        return
    found = torch.cuda.get_device_properties(0)
    emit(
        name=found.name,
        gpu=True,
        memory_gb=round(found.total_memory / 1e9, 2),
        compute_capability=float(f"{found.major}.{found.minor}"),
        driver=_read_driver(),
    )


def _read_driver() -> str | None:
    with suppress(OSError, subprocess.CalledProcessError):
        asked = ["nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader"]
        return subprocess.run(  # noqa: S603
            asked, capture_output=True, text=True, check=True
        ).stdout.split()[0]
    return None


class Benchmark:
    """All cases, one after the other, until the time is over.

    Args:
        arguments: of the command line.
        context: of `multiprocessing`, for the way in which processes start.
        folder: for models, and what else is left over.
    """

    def __init__(self, arguments: argparse.Namespace, context: Any, folder: Path) -> None:
        self.arguments, self.context, self.folder = arguments, context, folder
        self.end = time.monotonic() + 60 * arguments.minutes
        self.options = Options(arguments.examples, arguments.seconds, arguments.new_tokens)
        self.figures = Figures(arguments.out, vars(arguments))
        self.made: dict[str, dict[str, Any]] = {}

    def run(self) -> None:
        """Describe the machine, then measure every case; each is written once it has ended."""
        machine = self._alone(describe_machine, ())
        self.figures.describe(machine)
        for case in self._list_cases():
            hardware = load_settings(case, self.folder).hardware
            found: dict[str, Any] = {"dtype": hardware.dtype, "device": hardware.device}
            if hardware.device == "cuda" and not machine.get("gpu"):
                found |= {"status": "left out", "error": f"{case.env} needs a GPU"}
            else:
                found |= self._measure(case)
            self.figures.add(case, found)
            sys.stderr.write(f"{case.model} {case.env} {case.way}: {_summarize(found)}\n")

    def _list_cases(self) -> Iterator[Case]:
        """List the cases so that a run that is cut off has something of every model."""
        given = self.arguments
        for number in range(1, given.rounds + 1):
            for env in given.env:
                for model in given.model:
                    for dtype in given.dtype:
                        yield from (Case(model, env, way, number, dtype) for way in given.way)

    def _measure(self, case: Case) -> dict[str, Any]:
        if case.model not in self.made:
            self.made[case.model] = self._alone(make_model, (case.model, self.folder))
        if self.made[case.model]["status"] != "done":
            why = self.made[case.model].get("error", "there was no time left for it")
            return {"status": "left out", "error": f"the model was not made: {why}"}
        return self._alone(measure_case, (case, self.options, self.folder))

    def _alone(self, measure: Any, arguments: tuple[Any, ...]) -> dict[str, Any]:
        left = self.end - time.monotonic()
        if left < LEAST_SECONDS:
            return {"status": "left out", "error": "there was no time left"}
        place = Path(tempfile.mkdtemp(dir=self.folder)) / "case"
        limit = min(left, self.options.seconds + MORE_SECONDS)
        return run_alone(self.context, measure, arguments, place, limit)


def _summarize(found: dict[str, Any]) -> str:
    rate = found.get("tokens_per_second") or found.get("tuned", {}).get("tokens_per_second")
    said = [found["status"], f"{rate} tokens/s" if rate else "", found.get("error", "")]
    return ", ".join(one for one in said if one)


def parse(words: list[str]) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    large = ["phi_3_mini", "llama_3_2_3b", "mistral_7b"]
    parser.add_argument("--model", nargs="+", default=large, choices=TEAMS)
    known = sorted(path.name for path in Path("conf").iterdir() if path.is_dir())
    parser.add_argument("--env", nargs="+", default=["colab_paid", "colab_free"], choices=known)
    parser.add_argument("--way", nargs="+", default=WAYS[:3], choices=WAYS)
    formats = ["float32", "float16", "bfloat16"]
    parser.add_argument("--dtype", nargs="+", default=[None], choices=formats, help="to compare")
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--examples", type=int, default=800)
    parser.add_argument("--seconds", type=float, default=8, help="of a training; then it stops")
    parser.add_argument("--new-tokens", type=int, default=96, help="of each answer")
    parser.add_argument("--minutes", type=float, default=8.75, help="for all of them")
    parser.add_argument("--out", type=Path, default=Path("machine.json"))
    return parser.parse_args(words)


def main() -> None:
    """Measure, and print a table for docs/benchmarks.md, also of a run that is told to end."""
    arguments = parse(sys.argv[1:])
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    with tempfile.TemporaryDirectory() as folder:
        benchmark = Benchmark(arguments, multiprocessing.get_context("spawn"), Path(folder))
        try:
            benchmark.run()
        finally:
            sys.stdout.write(make_table(benchmark.figures.values) + "\n")


if __name__ == "__main__":
    main()
