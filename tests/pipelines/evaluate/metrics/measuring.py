"""One answer measured by every metric."""

from tests.pipelines.evaluate.rows import make_row
from tuneline.parameters import Evaluation
from tuneline.pipelines.evaluate.metrics import Outputs, measure_rows

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
    found = measure_rows(Outputs(rows, "tuned", list(training), evaluation))
    return {name: float(sums[0, 0] / sums[0, 1]) for name, sums in found.items()}
