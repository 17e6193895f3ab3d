"""What a plan depends on, so that `train` can tell whether it is still the plan of this run."""

from typing import Any

from tuneline.examples import Example
from tuneline.hashing import hash_value
from tuneline.parameters import Hardware, Recipe

# A plan says nothing that the others of a recipe's keys (learning rate, seed …) would change.
RECIPE_KEYS = {
    "base_model",
    "revision",
    "quantization",
    "lora",
    "global_batch_size",
    "max_length",
    "overflow",
    "overflow_share",
    "packing",
    "chat_template_path",
    "max_steps",
    "num_train_epochs",
    "optim",
    "warmup_steps",
    "lr_scheduler_type",
    "lr_scheduler_kwargs",
    "eval_strategy",
    "eval_steps",
}


def describe_inputs(train: list[Example], recipe: Recipe, hardware: Hardware) -> dict[str, Any]:
    """Describe what a plan is made of.

    Args:
        train: examples to learn from.
        recipe: what is trained and how.
        hardware: the machine.

    Returns:
        Plain values by dotted name.
    """
    settings = {
        f"recipe.{key}": value for key, value in recipe.model_dump(include=RECIPE_KEYS).items()
    }
    machine = {f"hardware.{key}": value for key, value in hardware.model_dump().items()}
    return {"training examples": hash_value(train)[:16], **settings, **machine}
