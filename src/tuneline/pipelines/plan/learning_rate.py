"""What the learning rate does over a run, worked out with the scheduler itself."""

import math
from typing import Any

from tuneline.parameters import Recipe


def describe_learning_rate(total: int, recipe: Recipe) -> dict[str, Any]:
    """Work out how far the learning rate rises.

    Args:
        total: steps of the run.
        recipe: the learning rate, its warm-up and its scheduler.

    Returns:
        `warmup_steps`; `peak`, the largest of the run as a share of the one that is stated, null
        for a scheduler that waits for losses.
    """
    import torch
    from transformers import get_scheduler

    stated = recipe.model_extra or {}
    warmup = stated.get("warmup_steps") or 0
    steps = int(warmup) if warmup >= 1 else math.ceil(total * warmup)
    name = str(stated.get("lr_scheduler_type", "linear"))
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    kwargs = dict(stated.get("lr_scheduler_kwargs") or {})
    scheduler = get_scheduler(name, optimizer, steps, total, kwargs)
    (share,) = getattr(scheduler, "lr_lambdas", [None])
    peak = None if share is None else round(max(share(step) for step in range(total)), 4)
    return {"warmup_steps": steps, "peak": peak}
