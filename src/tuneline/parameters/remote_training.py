"""Training on a provider's machines, through OpenAI's fine-tuning API."""

from typing import Any

from pydantic import Field

from tuneline.parameters.block import Block, Seed
from tuneline.parameters.moderation import Moderation
from tuneline.parameters.server import Server


class RemoteTraining(Block):
    """The other way to train: upload the examples, let the provider tune its own model."""

    dry_run: bool = Field(description="true: check and price everything, send nothing")
    server: Server = Field(description="its `model` is the one to tune")
    max_tokens_per_example: int = Field(gt=0, description="the provider's limit")
    min_examples: int = Field(gt=0, description="the provider's least number of examples")
    budget: float = Field(gt=0, description="US dollars that the training may cost")
    hyperparameters: dict[str, Any] = Field(
        default={}, description="n_epochs, batch_size, learning_rate_multiplier: the API's names"
    )
    default_epochs: int = Field(
        gt=0, description="assumption of the price where n_epochs is left to the provider"
    )
    poll_seconds: float = Field(gt=0, description="how often the job is looked at")
    moderation: Moderation = Field(description="who clears each conversation before the upload")
    seed: Seed = Field(default=3407, description="of the tuning job")
