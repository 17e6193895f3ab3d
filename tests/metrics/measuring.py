"""One answer measured by every metric."""

from tests.pipelines.evaluate.rows import make_row
from tuneline.metrics import measure_answers
from tuneline.parameters import Evaluation

PLAIN = Evaluation(title="Pots", generation={})


def measure(
    answer: str,
    reference: str | None = "A pot.",
    evaluation: Evaluation = PLAIN,
    training: tuple[str, ...] = (),
    **row: object,
) -> dict[str, float]:
    """Measure one answer; metrics that do not apply are left out."""
    rows = [make_row(0, "", answer, reference, **row)]
    train = [
        {"id": "", "prompt": [], "completion": [{"role": "assistant", "content": text}], "meta": {}}
        for text in training
    ]
    (scores,) = measure_answers(rows, train, evaluation)
    found = scores["tuned"]["metrics"]
    return {name: numerator / denominator for name, (numerator, denominator) in found.items()}
