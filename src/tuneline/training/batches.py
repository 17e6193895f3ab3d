"""Examples as the trainer takes them: rendered, packed into batches, measured."""

from dataclasses import replace
from typing import Any

from tuneline.errors import Problem, TunelineError
from tuneline.examples import Example
from tuneline.models.rendering import Rendered, render_all
from tuneline.parameters import Recipe


def render_examples(tokenizer: Any, examples: list[Example], recipe: Recipe) -> Any:
    """Render examples, and leave out or cut those the plan has counted as too long.

    Returns:
        A `datasets.Dataset` with `input_ids` and `labels` (-100 for the prompt).

    Raises:
        TunelineError: if nothing is left to train on, or the chat template does not render the
            examples as they are.
    """
    from datasets import Dataset

    rendered = render_all(tokenizer, examples)
    whole = [one for one in rendered if len(one.ids) <= recipe.max_length]
    used = cut_examples(rendered, recipe) if recipe.overlong == "truncate" else whole
    _check_any(used, recipe)
    return Dataset.from_dict(
        {"input_ids": [one.ids for one in used], "labels": [one.labels for one in used]}
    )


def cut_examples(rendered: list[Rendered], recipe: Recipe) -> list[Rendered]:
    """Cut completions at the longest length; leave out examples whose prompt alone is as long."""
    return [
        replace(one, ids=one.ids[: recipe.max_length])
        for one in rendered
        if one.prompt_length < recipe.max_length
    ]


def _check_any(rendered: list[Rendered], recipe: Recipe) -> None:
    if not rendered:
        raise TunelineError(
            Problem(
                where="recipe.max_length",
                value=recipe.max_length,
                wrong="no example is that short",
                matters="there is nothing to train on",
                remedy="raise it, or shorten the texts",
            )
        )


def fill_bins(lengths: list[int], capacity: int, least: int = 1) -> list[list[int]]:
    """Divide examples among as few bins as hold them, each about as full as the others.

    The longest example goes first, always into the emptiest bin (Graham's longest processing time
    rule, SIAM J. Appl. Math. 17, 1969). An example longer than the capacity has a bin to itself as
    long as there are enough of them. `least` bins are made; other processes may need more than this
    one. Gives the examples' indices by bin; no bin is empty.
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
    """Cut a flattened batch into one for each bin, with lengths for variable-length attention.

    `input_ids`, `labels` and `position_ids` are (1, tokens); `bins` have the examples' indices.
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


def count_passes(rows: Any, capacity: int) -> int:
    """Count the passes that `measure_validation` makes over some rows."""
    return len(_plan_passes([len(row["input_ids"]) for row in rows], capacity))


def _plan_passes(lengths: list[int], capacity: int, least: int = 1) -> list[list[int]]:
    """Plan which examples go together; without a capacity each goes alone."""
    if capacity:
        return fill_bins(lengths, capacity, least)
    return [[index] for index in range(len(lengths))]


def measure_validation(model: Any, rows: Any, collate: Any, capacity: int, least: int = 1) -> Any:
    """Sum up how well a model predicts the completions: nats, entropy, right tokens and tokens.

    The model is in evaluation mode, with TRL's fused head; `capacity` is the tokens to pass at
    once, 0 for every example alone; `least` passes are made, since other processes may need more.
    Gives a float64 tensor.
    """
    import torch
    from accelerate.utils import send_to_device

    sums = torch.zeros(4, dtype=torch.float64, device=model.device)
    if not len(rows):
        return sums
    batch = collate(list(rows))
    bins = _plan_passes(measure_lengths(batch), capacity, least)
    taken = None if capacity else {"input_ids", "labels"}  # not every model knows the others
    with torch.no_grad():
        for part in split_batch(batch, bins):
            inputs = {name: part[name] for name in part if taken is None or name in taken}
            found = model(**send_to_device(inputs, model.device), fused_lm_head=True)
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
