"""How fast batches are asked at once, and in how much memory.

A scripted server in a process of its own takes a stated time for each response. The items go
through the stage's own functions: batches, openai client, cache of responses, reading, checks.

    PYTHONPATH=. python scripts/benchmarks/synthesize.py
"""

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

BATCH = 10


@contextmanager
def serve_apart(seconds: float) -> Iterator[str]:
    """Start the server in another process, so that it takes no time from the client."""
    command = [sys.executable, __file__, "--serve", str(seconds)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)  # noqa: S603
    try:
        yield process.stdout.readline().strip() if process.stdout else ""
    finally:
        process.terminate()
        process.wait()


def serve_here(seconds: float) -> None:
    """Serve until the process is ended."""
    from tests.scripted_server import ScriptedServer, serve

    server = ScriptedServer(seconds=seconds)
    server.requests = Forgetful()
    with serve(server):
        sys.stdout.write(f"{server.url}\n")
        sys.stdout.flush()
        while True:
            time.sleep(60)


class Forgetful(dict):  # type: ignore[type-arg]
    """Keeps no request: the server's memory is nobody's question."""

    def setdefault(self, _: object, default: object) -> object:
        """Answer with what nobody keeps."""
        return default


def ask_all_items(url: str, items: int, concurrency: int, folder: Path) -> None:
    """Ask for items as the stage does, and make sure that every one of them came.

    The client's import, which a run pays once, is not in the time.
    """
    from tests.pipelines.synthesize.test_rounds import CHECKS, make_items
    from tuneline.llm_api.asker import Asker
    from tuneline.llm_api.requests import Request
    from tuneline.llm_api.server import ServerProvider
    from tuneline.parameters import Server
    from tuneline.pipelines.synthesize.filters import QuestionCheck
    from tuneline.pipelines.synthesize.rounds import ask_items
    from tuneline.utils.caches import Cache

    provider = ServerProvider(Server(base_url=url, model="m", concurrency=concurrency), "server")
    asker = Asker(provider, Cache(folder / "responses.jsonl"), batch_size=BATCH)
    provider.ask(Request(step="warm up", messages=[{"role": "user", "content": "?"}]))
    start = time.perf_counter()
    outcome = ask_items("questions", "Ask.", make_items(items), QuestionCheck(CHECKS), asker)
    seconds = time.perf_counter() - start
    if len(outcome.found) != items:
        raise SystemExit(f"{items - len(outcome.found)} items are missing")
    sys.stdout.write(f"{seconds:.3f}\n")


def run(url: str, items: int, concurrency: int) -> tuple[float, float]:
    """Measure seconds and peak memory (MB) in a process of its own."""
    with tempfile.TemporaryDirectory() as folder:
        options = ["--ask", url, str(items), str(concurrency), folder]
        done = subprocess.run(  # noqa: S603
            [sys.executable, __file__, *options], capture_output=True, text=True, check=True
        )
    seconds, megabytes = done.stdout.split()[-2:]
    return float(seconds), float(megabytes)


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--serve", type=float, help="used by the script itself")
    parser.add_argument("--ask", nargs=4, help="used by the script itself")
    arguments = parser.parse_args()
    if arguments.serve is not None:
        serve_here(arguments.serve)
    if arguments.ask:
        url, items, concurrency, folder = arguments.ask
        ask_all_items(url, int(items), int(concurrency), Path(folder))
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6
        sys.stdout.write(f"{peak:.1f}\n")
        return
    with serve_apart(0.2) as url:
        alone, _ = run(url, 1000, concurrency=1)
        together, _ = run(url, 1000, concurrency=16)
        sys.stdout.write(f"| 1,000 | {alone:.2f} | {together:.2f} | {alone / together:.1f} |\n")
    with serve_apart(0) as url:
        for batches in (100, 400, 1600):
            seconds, megabytes = run(url, batches * BATCH, concurrency=16)
            sys.stdout.write(f"| {batches:,} | {seconds:.1f} | {megabytes:.0f} |\n")


if __name__ == "__main__":
    main()
