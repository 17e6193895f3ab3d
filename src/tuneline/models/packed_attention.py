"""Attention of packed examples on a CPU: each example alone, in float32."""

from typing import Any

SDPA = "sdpa"


def attend_each_alone() -> None:
    """Let transformers' `sdpa` attend within each example of a flattened batch, one by one.

    By itself it computes the scores of all pairs of tokens and then hides those of different
    examples and those that come later; and PyTorch's backward pass of attention takes twice as long
    on a CPU in bfloat16 as in float32 (2.13). Here the scores are in float32, hence more exact.
    Batches without `cu_seq_lens_q`, padded ones and answers, are attended as before.
    """
    from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS

    attend = ALL_ATTENTION_FUNCTIONS[SDPA]
    if hasattr(attend, "each_alone"):  # the function before it
        return

    def each_alone(
        module: Any, query: Any, key: Any, value: Any, attention_mask: Any, **options: Any
    ) -> Any:
        starts = options.get("cu_seq_lens_q")
        several_unmasked = attention_mask is None and starts is not None and len(starts) > 2
        if starts is None or several_unmasked or options.get("position_bias") is not None:
            return attend(module, query, key, value, attention_mask, **options)
        return _attend(attend, module, (query, key, value), attention_mask, options), None

    each_alone.each_alone = attend  # type: ignore[attr-defined]
    ALL_ATTENTION_FUNCTIONS.register(SDPA, each_alone)


def _attend(attend: Any, module: Any, states: Any, mask: Any, options: dict[str, Any]) -> Any:
    """Attend within each example.

    Args:
        attend: transformers' own function.
        module: the layer.
        states: query, key and value, each (1, heads, tokens, width).
        mask: (1, 1, tokens, tokens), true for pairs that are seen; None for one causal example.
        options: of `attend`.

    Returns:
        (1, tokens, heads, width) in the dtype of the query.
    """
    import torch

    lengths = options["cu_seq_lens_q"].diff().tolist()
    end, parts = 0, []
    with torch.autocast("cpu", enabled=False):
        split = [one.float().split(lengths, 2) for one in states]
        for one in zip(*split, strict=True):
            start, end = end, end + one[0].shape[2]
            seen = None if mask is None else mask[..., start:end, start:end]
            parts.append(attend(module, *one, _drop_causal(seen), **options)[0])
        return torch.cat(parts, dim=1).to(states[0].dtype)


def _drop_causal(mask: Any) -> Any:
    """Give None for a mask that hides only what comes later: PyTorch then skips those pairs."""
    import torch

    if mask is None or mask.dtype != torch.bool:
        return mask
    causal = torch.ones(mask.shape[-2:], dtype=torch.bool).tril()
    return None if bool((mask == causal).all()) else mask
