"""What the processes of a training agree on before it starts: inputs, folder, checkpoint."""

import os
import secrets
from pathlib import Path
from typing import Any

from tuneline.errors import Problem, TunelineError
from tuneline.models.fingerprints import describe_hardware, list_versions
from tuneline.models.run_differences import RunInputs, counts_for_run, find_differences
from tuneline.parameters import Hardware
from tuneline.training.checkpoints import INPUTS, find_checkpoint
from tuneline.training.launch import AGAIN
from tuneline.utils.hashing import read_sealed

# What ended the processes of this training, until all of them know it.
STOPPED = "stopped.txt"
REMEDY = "nothing to do: it is written again as the run starts"


def agree(run: Path, hardware: Hardware) -> Path | None:
    """Agree on the checkpoint that an interrupted run goes on from, once all train the same.

    Every process calls it, and gets the same answer or the same error. The first one looks for the
    checkpoint: several of them would remove the same half-written one. None starts from the
    beginning.

    Raises:
        TunelineError: if a machine trains something else, is counted twice, does not share the
            folder, or if the processes have started again after an error that they would only meet
            again.
    """
    if hardware.world_size == 1:
        return find_checkpoint(run)
    import torch
    from accelerate import PartialState

    PartialState(cpu=hardware.device == "cpu")  # joins the processes as the trainer would
    is_first = torch.distributed.get_rank() == 0
    if hardware.machines > 1:
        _check_machines(run, hardware)
        _check_folder(run, is_first)
        _check_stopped(run, is_first)
    return _tell(find_checkpoint(run) if is_first else None)  # type: ignore[no-any-return]


def note_stopped(run: Path, error: TunelineError) -> None:
    """Note what ends this training, for the processes that start again on several machines."""
    (run / STOPPED).write_text(str(error), "utf-8")


def _tell(value: Any) -> Any:
    """Give every process what the first one has."""
    import torch

    told = [value]
    torch.distributed.broadcast_object_list(told)
    return told[0]


def _list_all(value: Any) -> list[Any]:
    """Give every process what each of them has."""
    import torch

    found: list[Any] = [None] * torch.distributed.get_world_size()
    torch.distributed.all_gather_object(found, value)
    return found


def _check_machines(run: Path, hardware: Hardware) -> None:
    # The file may be another machine's, if they differ in nothing that the run's name follows from.
    here = read_sealed(run / INPUTS, REMEDY) | {
        "hardware": describe_hardware(hardware),
        "versions": list_versions(),
    }
    found: list[tuple[int, RunInputs]] = _list_all((hardware.machine, here))
    numbers = sorted(number for number, _ in found)
    if numbers != sorted([*range(hardware.machines)] * hardware.processes):
        raise TunelineError(_format_numbers(sorted({*numbers})))
    first = next(one for number, one in found if number == 0)
    for number, other in found:
        named = [
            one.name
            for one in find_differences(
                first, other, lambda key: counts_for_run(key) or key.startswith("hardware.")
            )
        ]
        versions = first["versions"], other["versions"]
        named += [name for name, one in versions[0].items() if versions[1].get(name) != one]
        if named:
            raise TunelineError(_format_other(number, named))


def _check_folder(run: Path, is_first: bool) -> None:
    """Look for a file that the first process has just made under a name that nobody knew."""
    import torch

    mark = run / f".{_tell(secrets.token_hex(8))}.partial"
    if is_first:
        mark.touch()
    torch.distributed.barrier()
    is_shared = all(_list_all(mark.exists()))
    torch.distributed.barrier()
    if is_first:
        mark.unlink()
    if not is_shared:
        raise TunelineError(
            Problem(
                where=str(run),
                wrong="this folder is not the same on all machines",
                matters="a machine that is started again would find no checkpoint to go on from",
                remedy=f"put the project's data on a disk that all of them share, and {AGAIN}",
            )
        )


def _check_stopped(run: Path, is_first: bool) -> None:
    import torch

    again = any(_list_all(os.environ.get("TORCHELASTIC_RESTART_COUNT", "0") != "0"))
    path = run / STOPPED
    said = _tell(path.read_text("utf-8") if again and is_first and path.exists() else None)
    torch.distributed.barrier()
    if is_first:
        path.unlink(missing_ok=True)
    if said:
        raise TunelineError(
            Problem(
                where="hardware.machines",
                wrong=f"one of them stopped: {said.rstrip('.')}",
                matters="all of them would stop there again",
                remedy=f"fix what it says and {AGAIN}",
            )
        )


def _format_numbers(numbers: list[int]) -> Problem:
    return Problem(
        where="hardware.machine",
        value=", ".join(map(str, numbers)),
        wrong="these are the numbers of the machines that have met",
        matters="each of them must be another one, and one of them 0, which writes the adapter",
        remedy="give every machine its own: --params=hardware.machine=1",
    )


def _format_other(number: int, names: list[str]) -> Problem:
    return Problem(
        where=f"machine {number}",
        wrong=f"it would train something else than machine 0: {', '.join(names)} "
        f"{'differs' if len(names) == 1 else 'differ'}",
        matters="all of them train one adapter, from the same examples by the same recipe",
        remedy="give all of them the same project, data, libraries and --params",
    )
