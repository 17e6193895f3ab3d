"""TRL's fused head on a CPU: it scores completions only, in tiles that fit a processor's cache."""

from typing import Any

# A tile of logits (trl 1.16, `kernels/chunked_logprob.py`): tokens, TRL's words, those on a CPU.
TILE_TOKENS, TILE_WORDS, CPU_TILE_WORDS = 4096, 32768, 4096


def fit_head_to_cpu() -> None:
    """Let TRL's fused head leave out tokens without a label on a CPU, as it does on a GPU.

    Elsewhere it scores every token, because some accelerators would compile anew for each number of
    them; a CPU compiles nothing. Loss, gradient and the tokens counted are the same. TRL offers no
    switch for either: where a later version has other names, all works, and takes longer.
    """
    from trl.trainer import utils

    scores_labels_only = getattr(utils, "_use_triton", None)
    if scores_labels_only is None or hasattr(scores_labels_only, "on_cpu"):
        return

    def on_cpu(device: Any) -> bool:
        return bool(device.type == "cpu" or scores_labels_only(device))

    on_cpu.on_cpu = True  # type: ignore[attr-defined]
    utils._use_triton = on_cpu
    utils._CHUNKED_LOGPROB_CHUNK_SIZE = CPU_TILE_WORDS
