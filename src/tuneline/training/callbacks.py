"""When the trainer measures, logs and saves. The module imports transformers as it is loaded."""

import logging
import math
import time
from collections.abc import Callable
from typing import Any

from transformers import EarlyStoppingCallback, TrainerCallback

from tuneline.errors import Problem, TunelineError
from tuneline.training.best_checkpoint import Watch
from tuneline.training.sharding import take_local
from tuneline.utils.progress import Progress

log = logging.getLogger(__name__)
# LoRA starts with B at zero, so that A has no gradient in the first step (arXiv 2106.09685).
FIRST_STEP_WITH_GRADIENTS = 2
# A float16 run skips steps while its loss scale settles; it settles within a few.
PATIENCE = 20


class EpochEnds(TrainerCallback):  # type: ignore[misc]
    """Measures at the end of every epoch, and saves the last step.

    Both happen with the epoch's last step rather than after it, so that no checkpoint is ever
    written twice. Whatever is saved is logged first: an interrupted run goes on counting there.
    `watch` may name the steps instead, and one after which the training rests.
    """

    def __init__(self, watch: Watch) -> None:
        self.watch = watch

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Ask for what is due after a step."""
        last = state.global_step >= state.max_steps
        if self.watch.evaluations is not None:
            named = state.global_step in self.watch.evaluations
            control.should_evaluate = named
            control.should_save = control.should_save or named or last
        elif last or float(state.epoch).is_integer():
            control.should_evaluate = True
            control.should_save = control.should_save or last or args.save_strategy == "epoch"
        if state.global_step == self.watch.stop_after:
            control.should_training_stop = True
        control.should_log = control.should_log or control.should_save or control.should_evaluate

    def on_epoch_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Ask for nothing a second time."""
        control.should_log = control.should_evaluate = control.should_save = False


class Patience(EarlyStoppingCallback):  # type: ignore[misc]
    """Stops after evaluations that were no better, as transformers does."""

    def on_train_begin(self, *_: Any, **__: Any) -> None:
        """Say nothing: the best checkpoint is released by Tuneline, not by the trainer."""

    def on_evaluate(self, args: Any, state: Any, *rest: Any, **measured: Any) -> None:
        """Count from the first step on: the base model is no checkpoint."""
        if state.global_step:
            super().on_evaluate(args, state, *rest, **measured)


class Gradients(TrainerCallback):  # type: ignore[misc]
    """Shows the gradients of every step to a watchdog."""

    def __init__(self, watchdog: Any) -> None:
        self.watchdog = watchdog

    def on_pre_optimizer_step(
        self, args: Any, state: Any, control: Any, model: Any, **_: Any
    ) -> None:
        """Check them."""
        trainable = [(name, p) for name, p in model.named_parameters() if p.requires_grad]
        self.watchdog.check_gradients(trainable, state.global_step + 1)


class BeforeFirstStep(TrainerCallback):  # type: ignore[misc]
    """Does something once the model is divided, and before anything is measured or learned."""

    def __init__(self, work: Callable[[], None]) -> None:
        self.work = work

    def on_train_begin(self, *_: Any, **__: Any) -> None:
        """Do it."""
        self.work()


class TrainingProgress(TrainerCallback):  # type: ignore[misc]
    """Shows steps, loss, speed and cost so far, and logs each validation."""

    def __init__(self, price_per_hour: float | None, currency: str) -> None:
        self.price, self.currency = price_per_hour, currency
        self.shown: Progress | None = None

    def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Start the clock."""
        self.start = time.monotonic()
        if state.is_world_process_zero:
            self.shown = Progress("Training", "steps", state.max_steps, state.global_step)
            self.shown.__enter__()
        # An interrupted run goes on counting where it stopped: what is saved was logged before.
        logged = (one["num_tokens"] for one in reversed(state.log_history) if "num_tokens" in one)
        self.tokens = next(logged, 0)

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Count a step."""
        if self.shown is not None:
            self.shown.update()

    def end(self) -> None:
        """Show nothing any more, also of a training that failed."""
        if self.shown is not None:
            self.shown.close()

    def on_log(self, args: Any, state: Any, control: Any, logs: dict[str, Any], **_: Any) -> None:
        """Say what was measured, on one of the processes."""
        if self.shown is None:
            return
        if "eval_loss" in logs:
            log.info(
                "step %s/%s  validation loss %.4f, token accuracy %.1f %%%s",
                state.global_step,
                state.max_steps,
                logs["eval_loss"],
                100 * logs["eval_mean_token_accuracy"],
                f", chrF of the answers {logs['eval_chrf']:.1f}" if "eval_chrf" in logs else "",
            )
        elif "loss" in logs:
            rate = (logs["num_tokens"] - self.tokens) / (time.monotonic() - self.start)
            cost = self._format_cost(logs["seconds"])
            self.shown.describe(f"loss {float(logs['loss']):.4f}, {rate:,.0f} tokens/s{cost}")

    def _format_cost(self, seconds: float) -> str:
        if not self.price:
            return ""
        return f", {self.price * seconds / 3600:.2f} {self.currency} so far"


class Watchdog:
    """Watches loss and gradients, step by step."""

    def __init__(self, dtype: str, learning_rate: float) -> None:
        self.dtype, self.learning_rate = dtype, learning_rate
        self.steps = self.skipped = 0

    def check_loss(self, loss: float, step: int) -> None:
        """Refuse a loss that is no number; the error names the likely cause."""
        if not math.isfinite(loss):
            self._stop(f"the loss of step {step} is {loss}")

    def check_validation_loss(self, loss: float, step: int) -> None:
        """Refuse a validation loss that is no number: no checkpoint could be told from another.

        The step of the base model is 0.

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

        These are of the trainable parameters, after the backward pass.

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
        dead = missing or [name for name, p in parameters if not bool(take_local(p.grad).any())]
        if len(dead) == len(parameters) or missing:
            raise TunelineError(
                Problem(
                    where="recipe.lora",
                    wrong=f"{len(dead)} of {len(parameters)} adapter weights get no gradient "
                    f"(the first is {dead[0]})",
                    matters="they would stay as they were drawn, and the adapter would learn "
                    "nothing there",
                    remedy="check target_modules and the learning rate; with a quantized model on "
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
                matters="nothing that follows could be learned; the last checkpoint is from before",
                remedy=cause,
            )
        )


def _are_finite(parameters: list[tuple[str, Any]]) -> bool:
    import torch

    sums = torch.stack([take_local(one.grad).float().sum() for _, one in parameters])
    return bool(sums.isfinite().all())
