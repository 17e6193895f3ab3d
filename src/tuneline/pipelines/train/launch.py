"""Several processes, started from inside a node by torch's elastic launcher."""

import logging
import os
import signal
from collections.abc import Callable
from typing import Any

from tuneline.errors import Problem, TunelineError
from tuneline.terminal import protect_terminal


def launch(task: Callable[..., None], processes: int, *arguments: Any) -> None:
    """Run a task in this process, or in several at once.

    Args:
        task: a function of a module's top level; in each process it finds `RANK`, `LOCAL_RANK` and
            `WORLD_SIZE` in the environment.
        processes: how many.
        arguments: of the task; they travel to the processes.

    Raises:
        TunelineError: if one of several processes fails; with what it said.
    """
    if processes == 1:
        task(*arguments)
        return
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
    from torch.distributed.launcher.api import LaunchConfig, elastic_launch

    for name in ("agent.server.api", "multiprocessing.api"):  # of every process that it ends
        logging.getLogger(f"torch.distributed.elastic.{name}").setLevel(logging.ERROR)
    config = LaunchConfig(
        min_nodes=1,
        max_nodes=1,
        nproc_per_node=processes,
        run_id=str(os.getpid()),
        rdzv_backend="c10d",
        rdzv_endpoint="localhost:0",
        max_restarts=0,  # a run that failed is started again by its user, and resumes
        start_method="spawn",
    )
    try:
        elastic_launch(config, _run_one)(task, processes, arguments)
    except ChildFailedError as error:
        raise TunelineError(_word_failure(error, processes)) from error


def _word_failure(error: Any, processes: int) -> Problem:
    rank, failure = error.get_first_failure()
    return Problem(
        where="hardware.processes",
        value=processes,
        wrong=f"process {rank} stopped: {str(failure.message).rstrip('.')}",
        matters="the others cannot go on without it, and were stopped as well",
        remedy="mend what it says and run the same command again; it goes on from the last "
        "checkpoint",
    )


def _run_one(task: Callable[..., None], processes: int, arguments: tuple[Any, ...]) -> None:
    from torch.distributed.elastic.multiprocessing.errors import record

    # The first process says that the training was stopped; the others end without a word.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    record(_run_set_up)(task, processes, arguments)  # what it raises reaches the first process


def _run_set_up(task: Callable[..., None], processes: int, arguments: tuple[Any, ...]) -> None:
    import kedro.framework.project  # noqa: F401 - it sets logging up, as in the first process
    import torch

    protect_terminal()
    if torch.cuda.is_available():
        torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
    else:
        torch.set_num_threads(max(1, (os.cpu_count() or 1) // processes))
    try:
        task(*arguments)
    finally:
        if torch.distributed.is_initialized():
            torch.distributed.destroy_process_group()
