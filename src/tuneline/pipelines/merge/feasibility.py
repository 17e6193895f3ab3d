"""Memory and disk that a merge needs, checked before it begins."""

from collections.abc import Iterator
from typing import Any

from tuneline.errors import Problem
from tuneline.hub.download import fetch_base
from tuneline.models.adapter import Adapter
from tuneline.models.memory import measure_free_memory
from tuneline.parameters import Hardware, Merge, Recipe
from tuneline.pipelines.merge.checkpoint import BYTES, Checkpoint
from tuneline.pipelines.merge.quantized import QuantizedBase

# Python and the libraries, as the plan counts them.
CONTEXT_GB = 0.8
# float32 copies of a weight while PEFT merges it: the weight, the product, its scaled copy, and for
# DoRA the sum, its norm and the factor. bitsandbytes takes less to quantize it: 14 bytes a number.
COPIES = 6
# Bytes for each parameter of the GGUF file; q8_0 keeps one float16 scale for 32 weights.
GGUF_BYTES = {"f16": 2.0, "bf16": 2.0, "q8_0": 1 + 2 / 32}
# Tokenizer and configs next to the weights.
BESIDE_GB = 0.02


def predict_merge_memory(largest_shard: int, largest_changed: int, adapter: int) -> float:
    """Predict the peak of the merge itself.

    Args:
        largest_shard: bytes of the largest file to write.
        largest_changed: elements of the largest weight that is quantized or adapted.
        adapter: elements of the adapter.

    Returns:
        GB (10^9 bytes) of the machine's memory.
    """
    held = largest_shard + 4 * (COPIES * largest_changed + 2 * adapter)
    return round(held / 1e9 + CONTEXT_GB, 3)


def find_room_problems(
    predicted_gb: float,
    merged_bytes: int,
    dtype: str,
    volumes: dict[str, dict[str, Any]],
    merge: Merge,
    hardware: Hardware,
    makes_gguf: bool,
) -> Iterator[Problem]:
    """Find what there is too little of.

    Args:
        predicted_gb: memory of the merge.
        merged_bytes: of all files of the merged model.
        dtype: its number format.
        volumes: free space by purpose.
        merge: the GGUF file's type.
        hardware: the memory that is stated.
        makes_gguf: whether a GGUF file is written, too.

    Yields:
        That memory or disk does not do.
    """
    room = measure_room(hardware, "cpu")
    if predicted_gb > room:
        yield Problem(
            where="merge",
            wrong=f"it needs {predicted_gb:.1f} GB of memory, and {room:.1f} GB are free here",
            matters="the system would end it on its way",
            remedy="make the files smaller (`--params=merge.max_shard_size=500MB`), close other "
            "programs, or merge on a larger machine",
        )
    needed = {"merged": merged_bytes / 1e9 + BESIDE_GB}
    if makes_gguf:
        needed["gguf"] = merged_bytes / BYTES[dtype] * GGUF_BYTES[merge.gguf.type] / 1e9 + BESIDE_GB
    yield from _find_disk_problems(needed, volumes)


def count_cached(config: Any, tokens: int) -> int:
    """Count the numbers that a model keeps of what it has read and written: keys and values.

    Args:
        config: the model's; transformers' usual names.
        tokens: of all prompts and answers of a batch.
    """
    config = config.get_text_config()
    heads = getattr(config, "num_key_value_heads", None) or config.num_attention_heads
    width = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
    return int(2 * config.num_hidden_layers * heads * width * tokens)


def choose_compute(parameters: int, cached: int, hardware: Hardware) -> str | None:
    """Choose the number format in which models are compared: the judged model's, if it fits.

    Args:
        parameters: of the merged model.
        cached: numbers that it keeps while it answers.
        hardware: device, memory and the judged model's format.

    Returns:
        The format, bfloat16 on a CPU that is too small for float32; `None` if the merged model does
        not fit on this machine's device.
    """
    room = measure_room(hardware, hardware.device)
    formats = dict.fromkeys((hardware.dtype, *["bfloat16"] * (hardware.device == "cpu")))
    numbers = parameters + cached
    fitting = (one for one in formats if numbers * BYTES[one] / 1e9 + CONTEXT_GB <= room)
    return next(fitting, None)


def measure_room(hardware: Hardware, device: str) -> float:
    """Tell how much memory there is: the less of what is stated and what is free.

    Args:
        hardware: states the memory of its device.
        device: whose memory is asked for.

    Returns:
        GB (10^9 bytes). Of a GPU, what is stated: the preflight has compared it with the GPU.
    """
    if device == "cuda":
        return hardware.memory_gb
    free = measure_free_memory()
    return min(free, hardware.memory_gb) if hardware.device == "cpu" else free


def _find_disk_problems(
    needed: dict[str, float], volumes: dict[str, dict[str, Any]]
) -> Iterator[Problem]:
    for volume in {volumes[purpose]["volume"] for purpose in needed}:
        here = [purpose for purpose in needed if volumes[purpose]["volume"] == volume]
        total, place = sum(needed[purpose] for purpose in here), volumes[here[0]]
        if total > place["free_gb"]:
            yield Problem(
                where=place["folder"],
                wrong=f"{total:.2f} GB are to be written ({' and '.join(here)}), and the disk has "
                f"{place['free_gb']:.2f} GB free",
                matters="it would be full before the merged model is whole",
                remedy="free space there, or let `data` in the environment's globals.yml name "
                "another disk",
            )


def open_base(recipe: Recipe, merge: Merge) -> Checkpoint:
    """Open the base model that an adapter is merged into; download it if it has to be.

    Args:
        recipe: names the base model of the training.
        merge: names the 16-bit original, where that is another one.

    Returns:
        Its weights, on the disk.

    Raises:
        TunelineError: if it cannot be used, or if its download would fill the disk.
    """
    where = "recipe.base_model"
    if merge.base_model:
        where = "merge.base_model"
        base = {"base_model": merge.base_model, "revision": merge.revision}
        recipe = recipe.model_copy(update=base)
    fetch_base(recipe)
    return Checkpoint(recipe.base_model, recipe.revision, where)


def quantize_base(checkpoint: Checkpoint, adapter: Adapter, merge: Merge) -> QuantizedBase | None:
    """Take the base model as it was trained on, unless its original weights are asked for.

    Args:
        checkpoint: the base model.
        adapter: its provenance says how the base model was quantized, and from which format.
        merge: into which weights it is merged.

    Returns:
        The base model in 4 bits; `None` for the weights as they are stored.
    """
    settings = adapter.provenance["recipe"]["settings"]["quantization"]
    if merge.into == "original" or not settings:
        return None
    return QuantizedBase(checkpoint, settings, adapter.provenance["hardware"]["dtype"])


def choose_dtype(checkpoint: Checkpoint, merge: Merge) -> tuple[str, str]:
    """Choose the number format of the merged model.

    Args:
        checkpoint: the base model.
        merge: the format, where it is stated.

    Returns:
        `bfloat16`, `float16` or `float32`, and why.
    """
    if merge.dtype:
        return merge.dtype, "merge.dtype states it"
    if checkpoint.dtype in ("bfloat16", "float16"):
        return checkpoint.dtype, "the base model is stored in it"
    return "bfloat16", (
        f"the base model is stored in {checkpoint.dtype}, and bfloat16 keeps its range; float16 "
        "ends at 65,504"
    )


def format_weights(quantized: QuantizedBase | None) -> str:
    """Say into which of a base model's weights an adapter is merged.

    Args:
        quantized: the base model in 4 bits; `None` for the weights as they are stored.

    Returns:
        Words that follow "merged into".
    """
    if quantized is None:
        return "the base model's original weights"
    return (
        f"the base model's weights in 4 bits ({quantized.describe()}), dequantized: those that it "
        "was trained and judged with"
    )
