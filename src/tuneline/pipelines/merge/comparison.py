"""Whether the merged model is the one that was judged, told from its logits and its answers."""

import math
from typing import Any

from tuneline.errors import Problem, TunelineError
from tuneline.examples import Example
from tuneline.models.rendering import render_example
from tuneline.pipelines.merge.partings import Parting

# The largest relative error of rounding to a format with p significant bits: 2^-p.
ROUNDING = {"bfloat16": 2**-8, "float16": 2**-11, "float32": 2**-24}
# The same of a computation. All of them add up in float32, where a sum of n products errs by 2^-24
# for each of about √n terms (Higham and Mary, "A new approach to probabilistic rounding error
# analysis", 2019); no layer has more than 2^14 inputs for long.
COMPUTING = {"bfloat16": 2**-8, "float16": 2**-11, "float32": 2**-24 * 2**7}
# Of what the adapter changes, so much may be lost to rounding before the model is another one.
LOST = 0.5
# Two tokens' logits are moved by independent errors; four standard deviations of their difference
# are passed once in 16,000 times.
SIGMAS = 4 * math.sqrt(2)
# Of the answers, so many must be the judged model's but for what rounding explains.
SAME = 0.9
# References whose logits are kept, and tokens of each; more would tell little and cost memory:
# tokens by vocabulary, 4 bytes each.
REFERENCES, TOKENS = 8, 64


def compare_rounding(
    base: Any, unmerged: Any, merged: Any, formats: tuple[str, str], matrices: int
) -> dict[str, Any]:
    """Compare the merged model with the adapter on the weights that it was merged into.

    Every matrix rounded to a format with unit roundoff u adds a relative error of at most u to what
    passes through it. The matrices' errors are independent, so their squares add up, and n of them
    move the logits by no more than u·√n of their own spread. A computation rounds what it passes on
    in the same way, once more in either model. Anything beyond is no rounding. Logits have the
    shape (tokens, vocabulary); `formats` are those of the stored model and of the computation,
    `matrices` their number.

    Returns:
        `max_difference` of the logits; `relative_rms`, the root mean square of the differences over
        the logits' standard deviation, and the `bound` it must keep; `adapter_effect`, the same
        measure between base model and adapter; `mean_kl` (nats a token); `top1_agreement`;
        `tokens`, and what was `computed_in`.
    """
    stored, computed = formats
    unit = math.hypot(ROUNDING[stored], math.sqrt(2) * COMPUTING[computed])
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


def compare_judged(judged: dict[str, Any], merged: dict[str, Any]) -> dict[str, Any]:
    """Compare `logits` and `loss` of the merged model with those of the judged one.

    Returns:
        `mean_kl` (nats a token) and `top1_agreement` of the logits; `loss_judged` and
        `loss_merged` on the references, nats a token.
    """
    return {
        "mean_kl": _mean_kl(judged["logits"], merged["logits"]),
        "top1_agreement": _agree(judged["logits"], merged["logits"]),
        "loss_judged": judged["loss"],
        "loss_merged": merged["loss"],
    }


def compare_answers(partings: list[Parting | None], moved: float) -> dict[str, Any]:
    """Count the answers of the merged model that are those of the judged one.

    Rounding tips a token only where the judged model holds another one for about as likely. After
    such a token an answer may be any other; what counts is where it parts. `moved` is what rounding
    moves the logits by: the `relative_rms` of `compare_rounding`. Counts `prompts`; `equal`
    answers, token for token; those that part where rounding explains it (`tipped`) and where it
    does not (`other`).
    """
    parted = [one for one in partings if one]
    tipped = sum(one.gap <= SIGMAS * moved * one.spread for one in parted)
    return {
        "prompts": len(partings),
        "equal": len(partings) - len(parted),
        "tipped": tipped,
        "other": len(parted) - tipped,
    }


def check_rounding(rounding: dict[str, Any]) -> None:
    """Refuse a merged model that differs from the trained one by more than rounding.

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
                f"the sum by {differs:.2g}",
                matters="most of what was learned would be lost; it was not kept",
                remedy="use the adapter as it is, without merging, or merge in an exacter format: "
                "`--params=merge.dtype=float32`",
            )
        )


def check_answers(answers: dict[str, Any]) -> None:
    """Refuse a merged model that answers otherwise than the judged one.

    Raises:
        TunelineError: if fewer than nine in ten are the same but for rounding.
    """
    prompts, other = answers["prompts"], answers["other"]
    if prompts - other < SAME * prompts:
        raise TunelineError(
            Problem(
                where="merged",
                wrong=f"{other} of its {prompts} answers to held-out prompts leave those of the "
                "judged model where rounding does not explain it",
                matters="the report is about another model than this one; it was not kept",
                remedy="use the adapter as it is, without merging, and report this with the base "
                "model's name",
            )
        )


def format_comparison(facts: dict[str, Any], is_judged: bool) -> str:
    """Say in plain words what the comparison shows.

    For another model than the judged one the loss comes first.
    """
    judged, answers = facts["judged"], facts["answers"]
    loss = (
        f"Loss on the references of {answers['prompts']} held-out prompts: "
        f"{judged['loss_judged']:.3f} judged, {judged['loss_merged']:.3f} merged (nats a token)."
    )
    equal = (
        f"{answers['equal']} of its {answers['prompts']} answers are those of the judged model, "
        "token for token"
    )
    if is_judged:
        return (
            f"{equal}; {answers['tipped']} part from them where rounding tips the scale, "
            f"{answers['other']} elsewhere. {loss}"
        )
    return (
        f"{loss} It is merged into the original weights, and the report is about the adapter on "
        f"the 4-bit ones: {equal}. The report's figures are not its own."
    )


def _relative_rms(ones: Any, others: Any) -> float:
    """Leave the mean of each row out: a constant added to all logits changes no probability."""
    difference = ones - others
    difference = difference - difference.mean(dim=-1, keepdim=True)
    return float(difference.pow(2).mean().sqrt() / others.std(dim=-1).pow(2).mean().sqrt())


def _mean_kl(expected: Any, found: Any) -> float:
    from torch.nn.functional import kl_div

    logs, targets = (logits.log_softmax(dim=-1) for logits in (found, expected))
    return max(0.0, float(kl_div(logs, targets, reduction="batchmean", log_target=True)))


def _agree(ones: Any, others: Any) -> float:
    return float((ones.argmax(dim=-1) == others.argmax(dim=-1)).float().mean())


class Asked:
    """The examples that the models are compared on, in tokens of the adapter's tokenizer."""

    def __init__(self, tokenizer: Any, examples: list[Example]) -> None:
        self.rendered = [render_example(tokenizer, example) for example in examples]

    def compute_logits(self, model: Any) -> Any:
        """Compute the logits of the first references' first tokens.

        Returns:
            (tokens of all references, vocabulary), float32, on the CPU.
        """
        import torch

        with torch.inference_mode():
            rows = [
                _predict(model, one.ids[: one.prompt_length + TOKENS], one.prompt_length).cpu()
                for one in self.rendered[:REFERENCES]
            ]
        return torch.cat(rows)

    def compute_loss(self, model: Any) -> float:
        """Compute the loss of all references: nats a token, end tokens included."""
        import torch
        from torch.nn.functional import cross_entropy

        nats, tokens = 0.0, 0
        with torch.inference_mode():
            for one in self.rendered:
                logits = _predict(model, one.ids, one.prompt_length)
                targets = torch.tensor(one.ids[one.prompt_length :], device=logits.device)
                nats += float(cross_entropy(logits, targets, reduction="sum"))
                tokens += len(targets)
        return nats / tokens


def _predict(model: Any, ids: list[int], start: int) -> Any:
    """Compute the logits of the tokens from `start` on."""
    import torch

    logits = model(input_ids=torch.tensor([ids], device=model.device)).logits
    return logits[0, start - 1 : -1].float()
