"""What a training says while it runs."""

import logging
import time
from typing import Any

log = logging.getLogger(__name__)


def make_progress() -> Any:
    """Make a trainer callback that logs step, loss, tokens per second and time left."""
    from transformers import TrainerCallback

    class Progress(TrainerCallback):  # type: ignore[misc]
        """Logs one line for each of the trainer's own log entries."""

        def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            self.start = time.monotonic()

        def on_log(
            self, args: Any, state: Any, control: Any, logs: dict[str, Any], **_: Any
        ) -> None:
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
            left = seconds / state.global_step * (state.max_steps - state.global_step)
            log.info(
                "step %s/%s  loss %.4f, %s tokens/s, %d:%02d left",
                state.global_step,
                state.max_steps,
                float(logs["loss"]),
                f"{logs['num_tokens'] / seconds:,.0f}",
                *divmod(round(left), 60),
            )

    return Progress()
