"""The validation loss, the same number whatever the batches, the packing and the processes."""

from typing import Any

from tuneline.pipelines.train.packing import fill_bins, measure_lengths, split_batch


def measure_validation(model: Any, rows: Any, collate: Any, capacity: int) -> Any:
    """Sum up how well a model foresees the completions.

    Args:
        model: an adapted model with TRL's fused head, in evaluation mode.
        rows: `input_ids` and `labels` of this process's share of the validation examples.
        collate: TRL's collator without padding.
        capacity: tokens to pass at once; 0: every example alone, without packing.

    Returns:
        A float64 tensor: nats, entropy, right tokens and tokens, each summed.
    """
    import torch

    sums = torch.zeros(4, dtype=torch.float64, device=model.device)
    if not len(rows):
        return sums
    batch = collate(list(rows))
    lengths = measure_lengths(batch)
    bins = fill_bins(lengths, capacity) if capacity else [[index] for index in range(len(lengths))]
    taken = None if capacity else {"input_ids", "labels"}  # not every model knows the others
    with torch.no_grad():
        for part in split_batch(batch, bins):
            inputs = {
                name: value.to(model.device) if hasattr(value, "to") else value
                for name, value in part.items()
                if taken is None or name in taken
            }
            found = model(**inputs, fused_lm_head=True)
            parts = (-found.log_probs, found.entropy, found.is_top1, found.label_mask)
            sums += torch.stack([one.sum().double() for one in parts])
    return sums


def describe_validation(sums: Any) -> dict[str, float]:
    """Turn summed figures into means per token, under the names that TRL logs."""
    nats, entropy, right, tokens = sums.tolist()
    return {
        "eval_loss": nats / tokens,
        "eval_entropy": entropy / tokens,
        "eval_mean_token_accuracy": right / tokens,
    }
