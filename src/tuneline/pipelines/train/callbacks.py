"""When the trainer measures, logs and saves. The module imports transformers as it is loaded."""

from typing import Any

from transformers import EarlyStoppingCallback, TrainerCallback


class EpochEnds(TrainerCallback):  # type: ignore[misc]
    """Measures at the end of every epoch, and saves the last step.

    Both happen with the epoch's last step rather than after it, so that no checkpoint is ever
    written twice. Whatever is saved is logged first: an interrupted run goes on counting there.
    """

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Ask for what is due after a step."""
        last = state.global_step >= state.max_steps
        if last or float(state.epoch).is_integer():
            control.should_evaluate = True
            control.should_save = control.should_save or last or args.save_strategy == "epoch"
        control.should_log = control.should_log or control.should_save or control.should_evaluate

    def on_epoch_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Ask for nothing a second time."""
        control.should_log = control.should_evaluate = control.should_save = False


class Patience(EarlyStoppingCallback):  # type: ignore[misc]
    """Stops after evaluations that were no better, as transformers does."""

    def on_train_begin(self, *_: Any, **__: Any) -> None:
        """Say nothing: the best checkpoint is released by Tuneline, not by the trainer."""


class Gradients(TrainerCallback):  # type: ignore[misc]
    """Shows the gradients of every step to a watchdog.

    Args:
        watchdog: raises if they are missing, zero or no numbers.
    """

    def __init__(self, watchdog: Any) -> None:
        self.watchdog = watchdog

    def on_pre_optimizer_step(
        self, args: Any, state: Any, control: Any, model: Any, **_: Any
    ) -> None:
        """Check them."""
        trainable = [(name, p) for name, p in model.named_parameters() if p.requires_grad]
        self.watchdog.check_gradients(trainable, state.global_step + 1)
