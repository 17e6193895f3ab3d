"""What models cost."""

from typing import Self

from pydantic import Field, model_validator

from tuneline.parameters.block import Block


class Price(Block):
    """What one model costs, in US dollars for a million tokens."""

    input: float = Field(ge=0, description="tokens that are read")
    output: float = Field(ge=0, description="tokens that are written")
    batch_input: float = Field(
        ge=0, description="tokens read, through the provider's batch service"
    )
    batch_output: float = Field(ge=0, description="tokens written, likewise")
    training: float | None = Field(
        default=None, ge=0, description="tokens that are trained; null: it cannot be tuned"
    )
    tuned_input: float | None = Field(
        default=None, ge=0, description="tokens read by the tuned model"
    )
    tuned_output: float | None = Field(
        default=None, ge=0, description="tokens written by the tuned model"
    )

    @model_validator(mode="after")
    def _tuned_models_have_prices(self) -> Self:
        if self.training is not None and (self.tuned_input is None or self.tuned_output is None):
            raise ValueError(
                "`training` has a price, `tuned_input` or `tuned_output` has none; the tuned "
                "model's answers could not be priced; state all three"
            )
        return self


class Prices(Block):
    """The price table, and how tokens are estimated before a server counts them."""

    as_of: str = Field(description="when the prices were read")
    characters_per_token: float = Field(
        gt=0, description="assumption of every estimate; it depends on the language"
    )
    models: dict[str, Price] = Field(description="by the model's name, without its date")
