"""Stops a training that cannot become anything, and says the likely cause."""

import math
from typing import Any

from tuneline.errors import Problem, TunelineError

# LoRA starts with B at zero, so that A has no gradient in the first step (arXiv 2106.09685).
FIRST_STEP_WITH_GRADIENTS = 2
# A float16 run skips steps while its loss scale settles; it settles within a few.
PATIENCE = 20


class Watchdog:
    """Watches loss and gradients, step by step.

    Args:
        dtype: number format of the computation.
        learning_rate: as the recipe states it.
    """

    def __init__(self, dtype: str, learning_rate: float) -> None:
        self.dtype, self.learning_rate = dtype, learning_rate
        self.steps = self.skipped = 0

    def check_loss(self, loss: float, step: int) -> None:
        """Refuse a loss that is no number.

        Args:
            loss: of one step.
            step: its number.

        Raises:
            TunelineError: naming the likely cause.
        """
        if not math.isfinite(loss):
            self._stop(f"the loss of step {step} is {loss}")

    def check_validation_loss(self, loss: float, step: int) -> None:
        """Refuse a validation loss that is no number: no checkpoint could be told from another.

        Args:
            loss: of all validation examples.
            step: the steps done; 0 is the base model.

        Raises:
            TunelineError: naming the likely cause.
        """
        if math.isfinite(loss):
            return
        if step:
            self._stop(f"the validation loss after step {step} is {loss}")
        raise TunelineError(
            Problem(
                where="recipe.base_model",
                wrong=f"its validation loss is {loss} before any training, in {self.dtype}",
                matters="there would be nothing to compare the training with",
                remedy="compute in another number format (bfloat16, or float32), or take another "
                "base model",
            )
        )

    def check_gradients(self, parameters: list[tuple[str, Any]], step: int) -> None:
        """Refuse gradients that are missing, zero or, step after step, no number.

        Args:
            parameters: the trainable ones, by name, after the backward pass.
            step: its number.

        Raises:
            TunelineError: naming the likely cause.
        """
        self.steps += 1
        if self.steps <= FIRST_STEP_WITH_GRADIENTS:
            self._check_alive(parameters)
        self.skipped = 0 if _are_finite(parameters) else self.skipped + 1
        if self.skipped > (PATIENCE if self.dtype == "float16" else 0):
            self._stop(f"the gradients of step {step} are no numbers")

    def _check_alive(self, parameters: list[tuple[str, Any]]) -> None:
        missing = [name for name, parameter in parameters if parameter.grad is None]
        if not missing and self.steps < FIRST_STEP_WITH_GRADIENTS:
            return
        dead = missing or [name for name, p in parameters if not bool(p.grad.any())]
        if len(dead) == len(parameters) or missing:
            raise TunelineError(
                Problem(
                    where="recipe.lora",
                    wrong=f"{len(dead)} of {len(parameters)} adapter weights get no gradient "
                    f"(the first is {dead[0]})",
                    matters="they would stay as they were drawn, and the adapter would learn "
                    "nothing there",
                    remedy="check target_modules and the learning rate; with a quantised model on "
                    "a CPU, update bitsandbytes",
                )
            )

    def _stop(self, wrong: str) -> None:
        cause = (
            "float16 overflows at 65,504; train on a GPU with bfloat16, lower recipe.max_grad_norm "
            "or recipe.learning_rate"
            if self.dtype == "float16"
            else "the steps are most likely too large; lower recipe.learning_rate, raise "
            "recipe.warmup_steps or set recipe.max_grad_norm: 0.3"
        )
        raise TunelineError(
            Problem(
                where="recipe.learning_rate",
                value=self.learning_rate,
                wrong=wrong,
                matters="nothing that follows could be learnt; the last checkpoint is from before",
                remedy=cause,
            )
        )


def _are_finite(parameters: list[tuple[str, Any]]) -> bool:
    import torch

    sums = torch.stack([parameter.grad.float().sum() for _, parameter in parameters])
    return bool(sums.isfinite().all())
