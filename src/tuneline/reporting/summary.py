"""The last lines of a run: where the results are and what changed."""

from collections.abc import Iterator
from typing import Any

from kedro.io import DataCatalog

from tuneline.reporting.html import MAIN_METRICS, count_prompts, format_interval, format_number
from tuneline.utils.disks import locate


def summarize(outputs: set[str], catalog: DataCatalog) -> Iterator[str]:
    """Summarize what a run has made.

    Args:
        outputs: names of the datasets that its nodes wrote.
        catalog: where they lie.

    Yields:
        Lines for people.
    """
    # What belongs to no use case looks back on them all: it comes last.
    for name in sorted(outputs, key=lambda name: ("." not in name, name)):
        use_case, _, noun = name.rpartition(".")
        if noun in SUMMARIES:
            yield from SUMMARIES[noun](use_case, catalog)


def _summarize_report(use_case: str, catalog: DataCatalog) -> Iterator[str]:
    scores = catalog.load(f"{use_case}.scores")
    yield f"—— {use_case} ——"
    yield scores["verdict"]["summary"]
    yield from scores["verdict"].get("notes", ())
    yield f"measured on {count_prompts(scores['prompts'], scores.get('groups'))}"
    for name, (label, places) in MAIN_METRICS.items():
        yield _compare(scores["metrics"].get(name), label, places)
    yield f"adapter  {locate(catalog, f'{use_case}.adapter')}"
    yield f"report   {locate(catalog, f'{use_case}.report')}"


def _summarize_answers(use_case: str, catalog: DataCatalog) -> Iterator[str]:
    yield f"answers  {locate(catalog, f'{use_case}.answers_to_questions')}"


def _summarize_overview(_: str, catalog: DataCatalog) -> Iterator[str]:
    yield "—— all of them ——"
    yield f"overview {locate(catalog, 'overview')}"


def _summarize_release(use_case: str, catalog: DataCatalog) -> Iterator[str]:
    """Say what was published, or what would be; the last line names the address, or the way."""
    release = catalog.load(f"{use_case}.release")
    published = catalog.load(f"{use_case}.published")
    done = "dry run, nothing was sent" if published["dry_run"] else "published"
    yield f"—— {use_case}: {done} ——"
    for file in release["files"]:
        yield f"{file['bytes']:>13,}  {file['sha256'][:12]}  {file['path']}"
    yield f"{release['bytes']:>13,}  bytes in {len(release['files'])} files, in one commit"
    yield f"card     {locate(catalog, f'{use_case}.card')}"
    yield f"files    {locate(catalog, f'{use_case}.release_folder')}"
    if not published["dry_run"]:
        yield f"commit   {published['commit']}"
        yield f"{'private' if published['private'] else 'public '}  {published['url']}"
        return
    for problem in release["problems"]:
        yield f"would be refused: {problem}"
    yield f"to       {_name_target(release)}"
    if not release["repo_id"]:
        yield f"state    {use_case}.publish.repo_id in conf/base/{use_case}/parameters.yml"
    yield (
        f"publish  the same command with --params={use_case}.publish.dry_run=false; "
        "this asks the hub and sends the files"
    )


def _name_target(release: dict[str, Any]) -> str:
    name = release["repo_id"] or "no repository, because none is stated"
    return f"{name} ({'private' if release['private'] else 'public'})"


def _compare(metric: dict[str, Any] | None, label: str, places: int) -> str:
    if metric is None or metric["difference"] is None:
        return f"{label:14} not measured"
    return (
        f"{label:14} base {metric['base']:8.{places}f}   tuned {metric['tuned']:8.{places}f}   "
        f"difference {format_number(metric['difference'], places, True)} "
        f"({format_interval(metric, places)})"
    )


# What is said of a dataset, by its name without the use case.
SUMMARIES = {
    "report": _summarize_report,
    "answers_to_questions": _summarize_answers,
    "overview": _summarize_overview,
    "published": _summarize_release,
}
