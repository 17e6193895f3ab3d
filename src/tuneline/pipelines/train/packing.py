"""Packing: the examples of one optimiser step go through the model without padding.

Only examples of the same step are packed together, so that a step learns from exactly the examples
it would have seen padded: packing changes the speed and nothing else.
"""

from typing import Any


def fill_bins(lengths: list[int], capacity: int, least: int = 1) -> list[list[int]]:
    """Divide examples among as few bins as hold them, each about as full as the others.

    The longest example goes first, always into the emptiest bin (Graham's longest processing time
    rule, SIAM J. Appl. Math. 17, 1969). An example longer than the capacity has a bin to itself
    as long as there are enough of them.

    Args:
        lengths: tokens of each example.
        capacity: tokens of a bin.
        least: bins to make at least; other processes may need more than this one.

    Returns:
        The examples' indices by bin; no bin is empty.
    """
    largest = max(capacity, *lengths)
    fewest = max(least, -(-sum(lengths) // largest))
    for count in range(min(fewest, len(lengths)), len(lengths)):
        bins = _spread(lengths, count)
        if max(sum(lengths[index] for index in one) for one in bins) <= largest:
            return bins
    return [[index] for index in range(len(lengths))]


def measure_lengths(batch: dict[str, Any]) -> list[int]:
    """Measure the examples of a batch that TRL's collator has flattened into one row."""
    return [int(length) for length in batch["cu_seq_lens_q"].diff()]


def split_batch(batch: dict[str, Any], bins: list[list[int]]) -> list[dict[str, Any]]:
    """Cut a flattened batch into one flattened batch for each bin.

    Args:
        batch: `input_ids`, `labels` and `position_ids`, each (1, tokens), and `cu_seq_lens_q`.
        bins: the examples' indices by bin.

    Returns:
        A batch for each bin, with the lengths that variable-length attention kernels take.
    """
    import torch

    starts = batch["cu_seq_lens_q"].tolist()
    return [
        _select(batch, [torch.arange(starts[index], starts[index + 1]) for index in one])
        for one in bins
    ]


def _spread(lengths: list[int], count: int) -> list[list[int]]:
    bins: list[list[int]] = [[] for _ in range(count)]
    filled = [0] * count
    for index in sorted(range(len(lengths)), key=lambda index: (-lengths[index], index)):
        emptiest = filled.index(min(filled))
        bins[emptiest].append(index)
        filled[emptiest] += lengths[index]
    return bins


def _select(batch: dict[str, Any], spans: list[Any]) -> dict[str, Any]:
    import torch

    where = torch.cat(spans).to(batch["input_ids"].device)
    lengths = torch.tensor([0, *(len(span) for span in spans)])
    ends = lengths.cumsum(0).to(torch.int32).to(where.device)
    rows = {name: batch[name][:, where] for name in ("input_ids", "labels", "position_ids")}
    longest = int(lengths.max())
    return {
        **rows,
        "cu_seq_lens_q": ends,
        "cu_seq_lens_k": ends,
        "max_length_q": longest,
        "max_length_k": longest,
    }
