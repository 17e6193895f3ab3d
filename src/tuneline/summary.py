"""The last lines of a run: where the results are and what changed."""

from collections.abc import Iterator
from typing import Any

from kedro.io import DataCatalog

from tuneline.locations import locate
from tuneline.main_metrics import MAIN_METRICS


def summarise(use_case: str, catalog: DataCatalog) -> Iterator[str]:
    """Summarise a use case whose report has just been made.

    Args:
        use_case: its name.
        catalog: where its data lies.

    Yields:
        Lines for people.
    """
    scores = catalog.load(f"{use_case}.scores")
    yield f"—— {use_case} ——"
    yield scores["verdict"]["words"]
    for name, (label, places) in MAIN_METRICS.items():
        yield _compare(scores["metrics"][name], label, places)
    yield f"adapter  {locate(catalog, f'{use_case}.adapter')}"
    yield f"report   {locate(catalog, f'{use_case}.report')}"


def _compare(metric: dict[str, Any], label: str, places: int) -> str:
    low, high = metric["interval"]
    return (
        f"{label:14} base {metric['base']:8.{places}f}   tuned {metric['tuned']:8.{places}f}   "
        f"difference {metric['difference']:+.{places}f} "
        f"({low:+.{places}f} to {high:+.{places}f})"
    )
