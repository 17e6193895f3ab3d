"""The machine: the same for every use case."""

from pathlib import Path
from typing import Any, Literal, Self

from pydantic import Field, model_validator

from tuneline.parameters.base import AUTO, Auto, Block

# GPUs before it emulate bfloat16, slowly (NVIDIA's CUDA programming guide, compute capabilities).
BFLOAT16_CAPABILITY = 8.0
# Flags of processors that multiply matrices in bfloat16; others emulate it, four times slower.
BFLOAT16_FLAGS = ("avx512_bf16", "amx_bf16")
CPUINFO = Path("/proc/cpuinfo")


class Hardware(Block):
    """The machine: the same for every use case."""

    name: str = Field(description="as the plan and the report name the machine")
    device: Literal["cpu", "cuda"] = Field(description="where the model computes")
    compute_capability: float | None = Field(
        default=None, description="of the GPU, as NVIDIA lists it; null for a CPU"
    )
    dtype: Literal["float32", "float16", "bfloat16"] = Field(
        description="of the computation; left out, it follows from the GPU's compute capability or "
        "the processor's flags; the adapter and its optimizer are always float32"
    )
    memory_gb: float = Field(gt=0, description="memory of the device in GB (10^9 bytes)")
    processes: int = Field(
        default=1,
        ge=1,
        description="that train side by side on a machine, each on a device of its own",
    )
    machines: int = Field(default=1, ge=1, description="all alike, that train one adapter together")
    machine: int = Field(
        default=0,
        ge=0,
        description="which of them this one is; 0 is where the others meet, and writes the adapter",
    )
    rendezvous: str | None = Field(
        default=None,
        pattern=r"^[^\s:]+:\d{1,5}$",
        description="`host:port` of machine 0, as the others reach it",
    )
    fsdp: bool | Auto = Field(
        default=AUTO,
        description="divide the model among all processes (PyTorch's FSDP2, through Accelerate) "
        "instead of giving each of them a copy; auto: where the training is predicted not to fit "
        "on one GPU, and there are several",
    )
    tokens_per_batch: int = Field(
        gt=0,
        description="tokens that go through the model at once when examples are packed, and where "
        "prompts and references are read; a longer one goes alone",
    )
    per_device_train_batch_size: int = Field(
        gt=0,
        description="examples that go through at once when they are padded: in a training with "
        "`packing: false`",
    )
    per_device_eval_batch_size: int = Field(
        gt=0,
        description="prompts answered at once, or as many as `memory_gb` holds keys and values of",
    )
    vllm_python: str | None = Field(
        default=None,
        description="the Python of an environment that has vLLM, which then answers the "
        "evaluation's prompts; null: transformers does",
    )
    gradient_checkpointing: bool | Auto = Field(
        default=AUTO,
        description="compute activations again instead of keeping them: less memory, more time; "
        "auto: where the training is predicted not to fit without it",
    )
    attn_implementation: str = Field(
        description="as in `from_pretrained`; `auto` takes flash attention where it is installed "
        "and the GPU can, else PyTorch's sdpa"
    )
    teraflops: float | None = Field(
        default=None,
        gt=0,
        description="of each device in a training, from published runs: the plan's time follows "
        "from it until one was measured; null: not known",
    )
    price_per_hour: float | None = Field(
        default=None,
        ge=0,
        description="of the machine; then plan, progress and record know the cost; null: not known",
    )
    currency: str = Field(default="USD", description="of `price_per_hour`")

    @property
    def world_size(self) -> int:
        """How many processes train one adapter, on all machines."""
        return self.machines * self.processes

    @property
    def is_sharded(self) -> bool:
        """Whether the model is divided among the processes of a training."""
        return self.fsdp is True and self.world_size > 1

    @model_validator(mode="before")
    @classmethod
    def _derive_dtype(cls, values: Any) -> Any:
        if not isinstance(values, dict) or values.get("dtype"):
            return values
        return {**values, "dtype": derive_dtype(values.get("compute_capability"))}

    @model_validator(mode="after")
    def _device_is_whole(self) -> Self:
        if self.device == "cpu" and self.dtype == "float16":
            raise ValueError(
                "`dtype: float16` does not suit `device: cpu`; gradients that are too small for it "
                "would be lost; set `dtype: float32`, or bfloat16 where the processor has it"
            )
        if self.device == "cuda" and self.compute_capability is None:
            raise ValueError(
                "`compute_capability` is not stated; which number format and which attention "
                "kernels a GPU runs follows from it; state it (T4: 7.5, A100: 8.0, L4: 8.9)"
            )
        return self

    @model_validator(mode="after")
    def _machines_meet(self) -> Self:
        if self.machines > 1 and self.rendezvous is None:
            raise ValueError(
                "`rendezvous` is not stated; several machines would never find each other; state "
                "`host:port` of machine 0, such as `node0:29400`, the same on all of them"
            )
        if self.machine >= self.machines:
            raise ValueError(
                f"`machine: {self.machine}` is none of `machines: {self.machines}`; they are "
                "counted from 0; state the number of this one"
            )
        return self

    @model_validator(mode="after")
    def _model_can_be_divided(self) -> Self:
        if self.fsdp is True and self.device == "cpu":
            raise ValueError(
                "`fsdp: true` does not suit `device: cpu`; Accelerate divides a model among GPUs "
                "alone; leave it out"
            )
        if self.fsdp is True and self.world_size == 1:
            raise ValueError(
                "`fsdp: true` does not suit `processes: 1`; one GPU has nothing to divide a model "
                "with; state the number of GPUs, or leave `fsdp` out"
            )
        return self


def derive_dtype(compute_capability: float | None) -> str:
    """Derive the number format of the computation; `compute_capability` is None for a CPU.

    It is bfloat16 where GPU or processor compute in it; else float16 on a GPU, float32 on a CPU.
    """
    if compute_capability is None:
        return "bfloat16" if list_bfloat16_flags() else "float32"
    return "bfloat16" if compute_capability >= BFLOAT16_CAPABILITY else "float16"


def list_bfloat16_flags() -> list[str]:
    """List the flags of `/proc/cpuinfo` for products of matrices in bfloat16; none but on Linux."""
    try:
        lines = CPUINFO.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []
    flags = next((line for line in lines if line.startswith("flags")), "").split()
    return [flag for flag in BFLOAT16_FLAGS if flag in flags]
