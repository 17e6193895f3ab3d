"""Several processes that train one adapter, on one machine or on several: torch's elastic launcher.

On one machine a run that failed is started again by its user, and resumes. Several machines meet at
an address of machine 0; where one of them is lost, the others wait for it, and all go on from the
last checkpoint.
"""

import logging
import os
import re
import signal
from collections.abc import Callable
from typing import Any

from tuneline.errors import Problem, TunelineError
from tuneline.parameters import Hardware
from tuneline.utils.terminal import protect_terminal

log = logging.getLogger(__name__)

# The machines of a training know each other by it: one training at a time meets at an address.
MEETING = "tuneline"
# How often the processes start again after one of them was lost, and how long a machine waits for
# the others: as long as it may take to start one again.
RESTARTS, WAIT_SECONDS = 3, 3600
# How long the others look for machine 0.
SEARCH_SECONDS = 300
AGAIN = "run the same command again, on every machine; it goes on from the last checkpoint"


def launch(task: Callable[..., Any], hardware: Hardware, *arguments: Any) -> list[Any]:
    """Run a task in this process, or in several at once.

    The task is a function of a module's top level; in each process it finds `RANK`, `LOCAL_RANK`
    and `WORLD_SIZE` in the environment. Gives what it has returned in each process of this machine.

    Raises:
        TunelineError: if one of several processes fails, with what it said; if the machines do not
            meet.
    """
    if hardware.world_size == 1:
        return [task(*arguments)]
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
    from torch.distributed.elastic.rendezvous import RendezvousError
    from torch.distributed.launcher.api import elastic_launch

    for name in ("agent.server.api", "multiprocessing.api"):  # of every process that it ends
        logging.getLogger(f"torch.distributed.elastic.{name}").setLevel(logging.ERROR)
    if hardware.machines > 1:
        _prepare_machine(hardware)
    try:
        values = elastic_launch(_configure(hardware), _run_one)(task, hardware, arguments)
    except ChildFailedError as error:
        raise TunelineError(_format_failure(error, hardware)) from error
    except RendezvousError as error:
        raise TunelineError(_format_missed(error, hardware)) from error
    return list(values.values())


def _prepare_machine(hardware: Hardware) -> None:
    # A machine that comes back may be the first by torch's count; one that was the first before
    # would go on looking for the others at its own address (torch 2.13, `next_rendezvous`).
    os.environ["TORCH_DISABLE_SHARE_RDZV_TCP_STORE"] = "1"
    # Tracebacks of what is started again; what ends a training is said in a sentence.
    for name in ("multiprocessing.api", "rendezvous.dynamic_rendezvous"):
        logging.getLogger(f"torch.distributed.elastic.{name}").setLevel(logging.CRITICAL)
    log.info(
        "Machine %s (of %s) meets the others at %s.",
        *(hardware.machine, hardware.machines, hardware.rendezvous),
    )


def _configure(hardware: Hardware) -> Any:
    from torch.distributed.launcher.api import LaunchConfig

    several = hardware.machines > 1
    return LaunchConfig(
        min_nodes=hardware.machines,
        max_nodes=hardware.machines,
        nproc_per_node=hardware.processes,
        run_id=MEETING if several else str(os.getpid()),
        rdzv_backend="c10d",
        rdzv_endpoint=(several and hardware.rendezvous) or "localhost:0",
        rdzv_configs={
            "is_host": hardware.machine == 0,
            "join_timeout": WAIT_SECONDS,
            "read_timeout": SEARCH_SECONDS,
        },
        max_restarts=RESTARTS if several else 0,
        start_method="spawn",
    )


def _format_failure(error: Any, hardware: Hardware) -> Problem:
    rank, failure = error.get_first_failure()
    return Problem(
        where="hardware.processes" if hardware.machines == 1 else "hardware.machines",
        value=hardware.processes if hardware.machines == 1 else hardware.machines,
        wrong=f"process {rank} stopped: {str(failure.message).rstrip('.')}",
        matters="the others cannot go on without it, and were stopped as well",
        remedy="fix what it says and run the same command again; it goes on from the last "
        "checkpoint"
        if hardware.machines == 1
        else f"fix what it says and {AGAIN}",
    )


def _format_missed(error: Exception, hardware: Hardware) -> Problem:
    return Problem(
        where="hardware.rendezvous",
        value=hardware.rendezvous,
        wrong=f"the {hardware.machines} machines do not meet there, or machine 0 is gone "
        f"({' '.join(str(error).split()) or type(error).__name__})",
        matters="none of them can train without the others",
        remedy=f"see that machine 0 runs and that the others reach this address, and {AGAIN}",
    )


def _run_one(task: Callable[..., Any], hardware: Hardware, arguments: tuple[Any, ...]) -> Any:
    from torch.distributed.elastic.multiprocessing.errors import record

    # The first process says that the training was stopped; the others end without a word.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    # What it raises reaches the first process.
    return record(_run_set_up)(task, hardware, arguments)


def _run_set_up(task: Callable[..., Any], hardware: Hardware, arguments: tuple[Any, ...]) -> Any:
    import kedro.framework.project  # noqa: F401 - it sets logging up, as in the first process
    import torch

    protect_terminal()
    if torch.cuda.is_available():
        torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
    else:
        torch.set_num_threads(max(1, (os.cpu_count() or 1) // hardware.processes))
    try:
        return task(*arguments)
    except RuntimeError as error:  # as PyTorch says that it has lost another process
        if hardware.machines > 1:
            log.warning(
                "Machine %s stops (%s), and starts again once all of them are there.",
                hardware.machine,
                _shorten(error),
            )
        raise
    finally:
        if torch.distributed.is_initialized():
            torch.distributed.destroy_process_group()


def _shorten(error: Exception) -> str:
    """Leave out the line of PyTorch's own source, and its advice."""
    words = re.sub(r"^\[\S+\] ", "", " ".join(str(error).split()))
    return words.split(". ")[0][:200]
