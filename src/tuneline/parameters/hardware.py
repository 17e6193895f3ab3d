"""The machine."""

from typing import Literal, Self

from pydantic import Field, model_validator

from tuneline.parameters.block import Block


class Hardware(Block):
    """The machine: the same for every use case."""

    name: str = Field(description="as the plan and the report name the machine")
    device: Literal["cpu", "cuda"]
    dtype: Literal["float32", "float16", "bfloat16"] = Field(
        description="of the computation; the adapter is always float32"
    )
    memory_gb: float = Field(gt=0, description="memory of the device in GB (10^9 bytes)")
    per_device_train_batch_size: int = Field(gt=0)
    per_device_eval_batch_size: int = Field(gt=0)
    gradient_checkpointing: bool
    attn_implementation: str = Field(description="as in `from_pretrained`")

    @model_validator(mode="after")
    def _dtype_suits_device(self) -> Self:
        if self.device == "cpu" and self.dtype != "float32":
            raise ValueError(
                f"`dtype: {self.dtype}` does not suit `device: cpu`; 4-bit training on a CPU is "
                "exact in float32 only; set `dtype: float32`"
            )
        return self
