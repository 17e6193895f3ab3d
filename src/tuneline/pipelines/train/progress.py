"""What a training says while it runs. The module imports transformers as it is loaded."""

import logging
import time
from typing import Any

from transformers import TrainerCallback

log = logging.getLogger(__name__)


class Progress(TrainerCallback):  # type: ignore[misc]
    """Logs a line for each of the trainer's own log entries.

    Args:
        price_per_hour: of the machine, or `None`.
        currency: of the price.
    """

    def __init__(self, price_per_hour: float | None, currency: str) -> None:
        self.price, self.currency = price_per_hour, currency

    def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Start the clock."""
        self.start, self.first = time.monotonic(), state.global_step
        # An interrupted run goes on counting where it stopped: what is saved was logged before.
        logged = (one["num_tokens"] for one in reversed(state.log_history) if "num_tokens" in one)
        self.tokens = next(logged, 0)

    def on_log(self, args: Any, state: Any, control: Any, logs: dict[str, Any], **_: Any) -> None:
        """Say how far the training is, on one of the processes."""
        if not state.is_world_process_zero:
            return
        if "eval_loss" in logs:
            log.info(
                "step %s/%s  validation loss %.4f, token accuracy %.1f %%",
                state.global_step,
                state.max_steps,
                logs["eval_loss"],
                100 * logs["eval_mean_token_accuracy"],
            )
        elif "loss" in logs:
            self._log_step(state, logs)

    def _log_step(self, state: Any, logs: dict[str, Any]) -> None:
        seconds = time.monotonic() - self.start
        steps = state.global_step - self.first
        left = seconds / steps * (state.max_steps - state.global_step) if steps else 0
        log.info(
            "step %s/%s  loss %.4f, %s tokens/s, %d:%02d left%s",
            state.global_step,
            state.max_steps,
            float(logs["loss"]),
            f"{(logs['num_tokens'] - self.tokens) / seconds:,.0f}",
            *divmod(round(left), 60),
            self._word_cost(logs["seconds"]),
        )

    def _word_cost(self, seconds: float) -> str:
        if not self.price:
            return ""
        return f", {self.price * seconds / 3600:.2f} {self.currency} so far"
