"""Whether the merged model is the one that was trained, told from its logits."""

import math
from typing import Any

from tuneline.errors import Problem, TunelineError

# The largest relative error of rounding to a format with p significant bits: 2^-p.
ROUNDING = {"bfloat16": 2**-8, "float16": 2**-11, "float32": 2**-24}
# Of what the adapter changes, so much may be lost to rounding before the model is another one.
LOST = 0.5


def compare_rounding(
    base: Any, unmerged: Any, merged: Any, formats: tuple[str, str], matrices: int
) -> dict[str, Any]:
    """Compare the merged model with the adapter on the 16-bit base model.

    Every matrix rounded to a format with unit roundoff u adds a relative error of at most u to what
    passes through it. The matrices' errors are independent, so their squares add up, and n of them
    move the logits by no more than u·√n of their own spread. A computation in 16 bits rounds what
    it passes on in the same way, once more in either model. Anything beyond is no rounding.

    Args:
        base: logits of the base model, (tokens, vocabulary).
        unmerged: of base model and adapter.
        merged: of the merged model.
        formats: in which the merged model is stored, and in which all three were computed.
        matrices: how many the model has.

    Returns:
        `max_difference` of the logits; `relative_rms`, the root mean square of the differences over
        the logits' standard deviation, and the `bound` it must keep; `adapter_effect`, the same
        measure between base model and adapter; `mean_kl` (nats a token); `top1_agreement`;
        `tokens`, and what was `computed_in`.
    """
    stored, computed = formats
    unit = math.hypot(ROUNDING[stored], math.sqrt(2) * ROUNDING[computed])
    return {
        "tokens": len(unmerged),
        "computed_in": computed,
        "max_difference": float((merged - unmerged).abs().max()),
        "relative_rms": _relative_rms(merged, unmerged),
        "bound": unit * math.sqrt(matrices),
        "adapter_effect": _relative_rms(base, unmerged),
        "mean_kl": _mean_kl(unmerged, merged),
        "top1_agreement": _agree(unmerged, merged),
    }


def compare_four_bit(evaluated: Any, merged: Any, targets: Any) -> dict[str, Any]:
    """Compare the merged model with what was evaluated: the adapter on the 4-bit base model.

    Args:
        evaluated: its logits.
        merged: the merged model's.
        targets: the references' tokens.

    Returns:
        `mean_kl` (nats a token), `top1_agreement`, and how well either foresees the references:
        `loss_evaluated` and `loss_merged`, nats a token.
    """
    from torch.nn.functional import cross_entropy

    return {
        "mean_kl": _mean_kl(evaluated, merged),
        "top1_agreement": _agree(evaluated, merged),
        "loss_evaluated": float(cross_entropy(evaluated, targets)),
        "loss_merged": float(cross_entropy(merged, targets)),
    }


def check_rounding(rounding: dict[str, Any]) -> None:
    """Refuse a merged model that differs from the trained one by more than rounding.

    Args:
        rounding: as `compare_rounding` gives it.

    Raises:
        TunelineError: if it differs by more, or if rounding leaves too little of the adapter.
    """
    differs, bound, effect = (rounding[k] for k in ("relative_rms", "bound", "adapter_effect"))
    if not differs <= bound:
        raise TunelineError(
            Problem(
                where="merged",
                wrong=f"its logits differ from those of base model and adapter by {differs:.2g} of "
                f"their spread, and rounding explains {bound:.2g} at most",
                matters="it is not the model that was trained; it was not kept",
                remedy="use the adapter as it is, without merging, and report this with the base "
                "model's name",
            )
        )
    if differs > LOST * effect:
        raise TunelineError(
            Problem(
                where="merged",
                wrong=f"the adapter moves the logits by {effect:.2g} of their spread, and rounding "
                f"the sum to 16 bits by {differs:.2g}",
                matters="most of what was learnt would be lost; it was not kept",
                remedy="use the adapter as it is, without merging, or merge a base model that is "
                "stored in float16 or float32 with `--params=merge.dtype=float16`",
            )
        )


def word_comparison(rounding: dict[str, Any], four_bit: dict[str, Any]) -> str:
    """Say in plain words what the comparison shows.

    Args:
        rounding: as `compare_rounding` gives it.
        four_bit: as `compare_four_bit` gives it.

    Returns:
        Three sentences.
    """
    return (
        f"On {rounding['tokens']} tokens of the test side the merged model and the adapter on the "
        f"16-bit base model hold the same token for the most likely in "
        f"{rounding['top1_agreement']:.1%} of the cases; they differ by rounding alone. "
        f"The report, however, is about the adapter on the 4-bit base model: the merged model "
        f"agrees with that in {four_bit['top1_agreement']:.1%} of the cases "
        f"(KL {four_bit['mean_kl']:.3f} nats a token). "
        f"Loss on the references: {four_bit['loss_evaluated']:.3f} evaluated, "
        f"{four_bit['loss_merged']:.3f} merged."
    )


def _relative_rms(ones: Any, others: Any) -> float:
    """Leave the mean of each row out: a constant added to all logits changes no probability."""
    difference = ones - others
    difference = difference - difference.mean(dim=-1, keepdim=True)
    return float(difference.pow(2).mean().sqrt() / others.std(dim=-1).pow(2).mean().sqrt())


def _mean_kl(expected: Any, found: Any) -> float:
    from torch.nn.functional import kl_div

    logs, targets = (logits.log_softmax(dim=-1) for logits in (found, expected))
    return float(kl_div(logs, targets, reduction="batchmean", log_target=True))


def _agree(ones: Any, others: Any) -> float:
    return float((ones.argmax(dim=-1) == others.argmax(dim=-1)).float().mean())
