"""Trainings whose model is divided between processes on a CPU, where Accelerate divides none.

It divides a model among GPUs alone: what it finds out about the processes is changed here, before
they train. All else is what runs on GPUs, with gloo in the place of NCCL.
"""

import os

from accelerate import state
from accelerate.utils import DistributedType

from tests.training import killed_run
from tuneline.errors import TunelineError
from tuneline.training import run

FIT = run.fit


def fit(task: run.Task) -> TunelineError | None:
    pretend_to_have_gpus()
    return FIT(task)


def fit_until_one_process_dies(task: run.Task) -> TunelineError | None:
    if os.environ["RANK"] == "1":
        killed_run.die_in_step_3()
    return fit(task)


def pretend_to_have_gpus() -> None:
    found = state.PartialState.__init__

    def init(self: state.PartialState, *arguments: object, **options: object) -> None:
        found(self, *arguments, **options)
        if self.distributed_type == DistributedType.MULTI_CPU:
            self.distributed_type = DistributedType.MULTI_XPU

    state.PartialState.__init__ = init
