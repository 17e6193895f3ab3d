"""The machine."""

from typing import Any, Literal, Self

from pydantic import Field, model_validator

from tuneline.parameters.block import Block

# GPUs before it emulate bfloat16, slowly (NVIDIA's CUDA programming guide, compute capabilities).
BFLOAT16_CAPABILITY = 8.0


class Hardware(Block):
    """The machine: the same for every use case."""

    name: str = Field(description="as the plan and the report name the machine")
    device: Literal["cpu", "cuda"] = Field(description="where the model computes")
    compute_capability: float | None = Field(
        default=None, description="of the GPU, as NVIDIA lists it; null for a CPU"
    )
    dtype: Literal["float32", "float16", "bfloat16"] = Field(
        description="of the computation; left out, it follows from device and compute capability; "
        "the adapter is always float32"
    )
    memory_gb: float = Field(gt=0, description="memory of the device in GB (10^9 bytes)")
    processes: int = Field(
        default=1, ge=1, description="that train side by side, each on a device of its own"
    )
    tokens_per_batch: int = Field(
        gt=0,
        description="tokens that go through the model at once when examples are packed; a longer "
        "example goes alone",
    )
    per_device_train_batch_size: int = Field(
        gt=0,
        description="examples that go through at once when they are padded: in a training with "
        "`packing: false`, and where the evaluation measures the loss of the references",
    )
    per_device_eval_batch_size: int = Field(gt=0, description="prompts answered at once")
    gradient_checkpointing: bool = Field(
        description="compute activations again instead of keeping them: less memory, more time"
    )
    attn_implementation: str = Field(
        description="as in `from_pretrained`; `auto` takes flash attention where it is installed "
        "and the GPU can, else PyTorch's sdpa"
    )
    tokens_per_second: float | None = Field(
        default=None, gt=0, description="of a training measured before; null: not known"
    )
    price_per_hour: float | None = Field(
        default=None,
        ge=0,
        description="of the machine; then plan, progress and record know the cost; null: not known",
    )
    currency: str = Field(default="USD", description="of `price_per_hour`")

    @model_validator(mode="before")
    @classmethod
    def _derive_dtype(cls, values: Any) -> Any:
        if not isinstance(values, dict) or values.get("dtype"):
            return values
        return {**values, "dtype": derive_dtype(values.get("compute_capability"))}

    @model_validator(mode="after")
    def _device_is_whole(self) -> Self:
        if self.device == "cpu" and self.dtype != "float32":
            raise ValueError(
                f"`dtype: {self.dtype}` does not suit `device: cpu`; 4-bit training on a CPU is "
                "exact in float32 only; set `dtype: float32`"
            )
        if self.device == "cuda" and self.compute_capability is None:
            raise ValueError(
                "`compute_capability` is not stated; which number format and which attention "
                "kernels a GPU runs follows from it; state it (T4: 7.5, A100: 8.0, L4: 8.9)"
            )
        return self


def derive_dtype(compute_capability: float | None) -> str:
    """Derive the number format of the computation.

    Args:
        compute_capability: of the GPU; `None` for a CPU.

    Returns:
        float32 on a CPU, bfloat16 where the GPU computes in it, else float16.
    """
    if compute_capability is None:
        return "float32"
    return "bfloat16" if compute_capability >= BFLOAT16_CAPABILITY else "float16"
