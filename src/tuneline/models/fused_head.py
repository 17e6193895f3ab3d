"""TRL's fused head on a CPU: it scores completions only, in tiles that fit a processor's cache."""

from functools import partial
from typing import Any

# A tile of logits (trl 1.16, `kernels/chunked_logprob.py`): tokens, TRL's words, those on a CPU.
TILE_TOKENS, TILE_WORDS, CPU_TILE_WORDS = 4096, 32768, 1024


def fit_head_to_cpu() -> None:
    """Let TRL's fused head leave out tokens without a label on a CPU, as it does on a GPU.

    Elsewhere it scores every token, because some accelerators would compile anew for each number of
    them; a CPU compiles nothing. Loss, gradient and the tokens counted are the same. A tile's
    gradient is computed in place. TRL offers no switch for any of it: where a later version has
    other names, all works, and takes longer.
    """
    from trl.kernels import chunked_logprob
    from trl.trainer import utils

    scores_labels_only = getattr(utils, "_use_triton", None)
    if scores_labels_only is None or hasattr(scores_labels_only, "on_cpu"):
        return

    def on_cpu(device: Any) -> bool:
        return bool(device.type == "cpu" or scores_labels_only(device))

    on_cpu.on_cpu = True  # type: ignore[attr-defined]
    utils._use_triton = on_cpu
    utils._CHUNKED_LOGPROB_CHUNK_SIZE = CPU_TILE_WORDS
    if plain := getattr(chunked_logprob, "_backward_tile", None):
        chunked_logprob._backward_tile = partial(_fold_back, plain)


def _fold_back(plain: Any, tile: Any, *given: Any, **flags: Any) -> None:
    """Turn a tile of logits into their gradient: g · s · (1[word = target] - p), in place.

    Args:
        plain: TRL's function, for heads that cap their logits, and the gradient of the entropy.
        tile: (tokens, words).
        given: stride, targets, log Z, entropy, the gradients g of the log-probabilities and of the
            entropy, the tile's first word and how many it has.
        flags: the logits' scale s, in two factors, and which gradients there are.
    """
    if flags["HAS_SOFTCAP"] or flags["HAS_ENTROPY_GRAD"] or not flags["HAS_LOGPROB_GRAD"]:
        plain(tile, *given, **flags)
        return
    _, targets, log_z, _, upstream, _, first, words = given
    scale = flags["logit_scale"] * flags["inv_t"]
    weight = (upstream * scale).unsqueeze(-1)
    gradient = tile.float().mul_(scale).sub_(log_z.unsqueeze(-1)).exp_().mul_(-weight)
    local = (targets - first).unsqueeze(-1)
    here = (local >= 0) & (local < words)
    gradient.scatter_add_(-1, local.clamp(0, words - 1), weight * here)
    tile.copy_(gradient)
