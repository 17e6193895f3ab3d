import pytest
import torch

from tuneline.errors import TunelineError
from tuneline.training.callbacks import PATIENCE, Watchdog


def weight(gradient: float | None) -> tuple[str, torch.nn.Parameter]:
    parameter = torch.nn.Parameter(torch.ones(2))
    parameter.grad = None if gradient is None else torch.full((2,), gradient)
    return "layer.lora_B", parameter


def test_a_loss_that_is_no_number_is_named_with_its_cause():
    with pytest.raises(TunelineError, match=r"recipe\.learning_rate = 0\.1: the loss of step 7 is"):
        Watchdog("float32", 0.1).check_loss(float("nan"), 7)
    with pytest.raises(TunelineError, match="float16 overflows"):
        Watchdog("float16", 0.1).check_loss(float("inf"), 7)


def test_a_validation_loss_that_is_no_number_is_no_best_epoch():
    watchdog = Watchdog("bfloat16", 0.1)
    watchdog.check_validation_loss(2.5, 0)
    with pytest.raises(TunelineError, match=r"recipe\.base_model: its validation loss is nan befo"):
        watchdog.check_validation_loss(float("nan"), 0)
    with pytest.raises(TunelineError, match="the validation loss after step 40 is inf"):
        watchdog.check_validation_loss(float("inf"), 40)


def test_a_missing_gradient_is_noticed_in_the_first_step():
    with pytest.raises(TunelineError, match=r"1 of 2 adapter weights get no gradient"):
        Watchdog("float32", 0.1).check_gradients([weight(1.0), weight(None)], 1)


def test_gradients_that_are_all_zero_are_noticed_once_they_cannot_be():
    watchdog = Watchdog("float32", 0.1)
    watchdog.check_gradients([weight(0.0)], 1)  # A, while B is zero
    with pytest.raises(TunelineError, match="get no gradient"):
        watchdog.check_gradients([weight(0.0)], 2)


def test_float16_may_skip_a_few_steps_but_not_for_ever():
    watchdog = Watchdog("float16", 0.1)
    for step in range(PATIENCE):
        watchdog.check_gradients([weight(float("inf"))], step)
    watchdog.check_gradients([weight(1.0)], 21)
    for step in range(PATIENCE):
        watchdog.check_gradients([weight(float("nan"))], step)
    with pytest.raises(TunelineError, match="are no numbers"):
        watchdog.check_gradients([weight(float("nan"))], PATIENCE + 1)
    with pytest.raises(TunelineError, match="are no numbers"):
        Watchdog("float32", 0.1).check_gradients([weight(float("nan"))], 1)
