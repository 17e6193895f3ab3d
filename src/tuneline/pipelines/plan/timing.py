"""How long a run takes and what it costs: measured before, measured now, or from a stated figure.

The last training, or evaluation, of the same kind on the same machine is what counts. Without one,
both are measured for a few seconds, where the base model is here. Without that, the time follows
from `hardware.teraflops` and is marked as such.
"""

import math
from dataclasses import dataclass
from typing import Any

from tuneline.examples import Example
from tuneline.parameters import Evaluation, Hardware, Recipe
from tuneline.pipelines.plan.earlier_runs import EarlierRuns, Record
from tuneline.pipelines.plan.probe import Speed, can_measure, measure_speed
from tuneline.pipelines.plan.workload import Workload

# Floating-point operations of a training, for a token and a parameter (Kaplan et al. 2020,
# arXiv 2001.08361): what `hardware.teraflops` counts, too.
OPERATIONS = 6
# A forward pass alone, as a share of forward and backward: LoRA needs no gradient of the weights.
FORWARD = 0.5
PROBED = "measured just now on this machine"


@dataclass(frozen=True)
class Duration:
    """Seconds of a part of the run (None: not known), and what they rest on."""

    seconds: float | None
    basis: str
    tokens_per_second: float | None = None
    at_most: bool = False
    has_answers: bool = False


def estimate_time(
    plan: dict[str, Any],
    work: Workload,
    earlier: EarlierRuns,
    examples: tuple[list[Example], list[Example]],
    recipe: Recipe,
    evaluation: Evaluation,
    hardware: Hardware,
) -> dict[str, Any]:
    """Estimate time and cost, from earlier runs or from what is measured now.

    Nothing is measured for a run that cannot start.
    """
    fits = plan["verdict"]["label"] != "does not fit"
    if not (fits or earlier.training):
        unknown = Duration(None, "not measured, because the run cannot start as it is")
        return describe_time(unknown, unknown, unknown, hardware)
    probe = None
    known = earlier.training and earlier.evaluation
    if fits and not known and all(examples):
        needed = plan["memory_gb"]["total"]
        if can_measure(work.parameters, needed, recipe, hardware):
            probe = measure_speed(*examples, recipe, evaluation, hardware)
    training = estimate_training(work, earlier.training, probe, hardware)
    answering = estimate_evaluation(work, earlier.evaluation, probe, training, hardware)
    watching = estimate_answers(work, earlier.evaluation, probe, training, hardware)
    return describe_time(training, answering, watching, hardware)


def estimate_training(
    work: Workload, record: Record | None, probe: Speed | None, hardware: Hardware
) -> Duration:
    """Estimate the training."""
    if record:
        rate = record["tokens_per_second"]
        answered = record.get("best", {}).get("chosen_by") == "chrf"
        basis = f"as the last one on {record['device']}"
        return Duration(work.trained / rate, basis, rate, has_answers=answered)
    tokens = work.trained + FORWARD * work.validated
    if probe:
        rate = round(probe.tokens_per_second, 1)
        return Duration(tokens / rate, PROBED, rate)
    if hardware.teraflops is None:
        return Duration(None, "not measured yet, and hardware.teraflops states no figure")
    operations = hardware.world_size * hardware.teraflops * 1e12
    rate = round(work.speed * operations / (OPERATIONS * work.parameters), 1)
    stated = f"not measured: a stated figure (hardware.teraflops = {hardware.teraflops:g})"
    return Duration(tokens / rate, stated, rate)


def estimate_evaluation(
    work: Workload,
    earlier: Record | None,
    probe: Speed | None,
    training: Duration,
    hardware: Hardware,
) -> Duration:
    """Estimate how long all models answer, and how long the references' losses take."""
    rate = training.tokens_per_second
    reading = FORWARD * ((2 + work.old) * work.scored + work.shown) / rate if rate else 0.0
    both = work.prompts + work.general
    besides = work.prompted + work.old
    answers = 2 * both + besides * work.prompts
    if earlier:
        seconds = earlier["metrics"]["seconds"]
        answering = seconds["base"] * (answers - both) + seconds["tuned"] * both
        return Duration(answering + reading, f"as the last one on {earlier['run']['device']}")
    if probe:
        more = besides * _count_batches(work.prompts, hardware)
        batches = 2 * _count_batches(both, hardware) + more
        answer = probe.first_seconds + (work.answer - 1) * probe.step_seconds
        return Duration(batches * answer + reading, PROBED, at_most=True)
    if rate:
        basis = "assumed: the models write as fast as they train"
        return Duration(answers * work.answer / rate + reading, basis, at_most=True)
    return Duration(None, training.basis)  # nothing is known of either


def estimate_answers(
    work: Workload,
    earlier: Record | None,
    probe: Speed | None,
    training: Duration,
    hardware: Hardware,
) -> Duration:
    """Estimate how long the adapted model takes to answer all validation prompts once."""
    batches = _count_batches(work.watched, hardware)
    if earlier:
        answered = earlier["metrics"]["seconds"]["tuned"] * earlier["prompts"]
        batch = answered / _count_batches(earlier["prompts"], hardware)
        return Duration(batches * batch, f"as the last one on {earlier['run']['device']}")
    if probe:
        answer = probe.first_seconds + (work.watched_answer - 1) * probe.step_seconds
        return Duration(batches * answer, PROBED, at_most=True)
    rate = training.tokens_per_second
    if rate:
        basis = "assumed: the models write as fast as they train"
        return Duration(work.watched * work.watched_answer / rate, basis, at_most=True)
    return Duration(None, training.basis)


def _count_batches(prompts: int, hardware: Hardware) -> int:
    return math.ceil(prompts / hardware.per_device_eval_batch_size)


def describe_time(
    training: Duration, evaluation: Duration, answers: Duration, hardware: Hardware
) -> dict[str, Any]:
    """Describe both parts and their sum.

    Returns:
        `seconds` and `cost` of the whole and, in `training` and `evaluation`, of each part, null
        where they are not known, with the `basis` they rest on and, for an upper bound, `at_most`,
        and whether the training `has_answers` to validation prompts in it; those of
        `validation_answers` once; the `currency`.
    """
    parts = {"training": training, "evaluation": evaluation}
    known = [one.seconds for one in parts.values()]
    seconds = None if None in known else sum(filter(None, known))
    described = {
        name: {
            "seconds": None if one.seconds is None else round(one.seconds, 1),
            "cost": _cost(one.seconds, hardware),
            "tokens_per_second": one.tokens_per_second,
            "basis": one.basis,
            "at_most": one.at_most,
            "has_answers": one.has_answers,
        }
        for name, one in (*parts.items(), ("validation_answers", answers))
    }
    return {
        "seconds": None if seconds is None else round(seconds, 1),
        "cost": _cost(seconds, hardware),
        "currency": hardware.currency,
        **described,
    }


def _cost(seconds: float | None, hardware: Hardware) -> float | None:
    if seconds is None or hardware.price_per_hour is None:
        return None
    return round(hardware.price_per_hour * seconds / 3600, 4)
