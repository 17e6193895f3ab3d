"""What a terminal says after a run, and a notebook's cell of a dataset."""

import html
import logging
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
from kedro.framework.project import pipelines
from kedro.io import DataCatalog

from tuneline.errors import Problem, TunelineError, suggest
from tuneline.reporting.pages import MAIN_METRICS, count_prompts, format_interval, format_number
from tuneline.utils.disks import locate

log = logging.getLogger(__name__)
PAGE_HEIGHT = 800  # pixels


def summarize(outputs: set[str], catalog: DataCatalog) -> Iterator[str]:
    """Summarize what a run has made."""
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
    yield "what next"
    for number, step in enumerate(catalog.load(f"{use_case}.next_steps")["steps"], 1):
        yield f"{number:>3}. {format_step(step)}"
    yield f"adapter  {locate(catalog, f'{use_case}.adapter')}"
    yield f"report   {_link(locate(catalog, f'{use_case}.report'))}"


def format_step(step: dict[str, Any]) -> str:
    """Write one of the next steps as a line: what was found, what to do, and the key."""
    value = "" if step["value"] is None else f": {step['value']}"
    key = f" ({step['key']}{value})" if step["key"] else ""
    return f"{step['found']}. {step['do'].removesuffix('.')}{key}."


def _link(path: str) -> str:
    """Write a path as terminals make a link of it; into a log, as it is."""
    return Path(path).absolute().as_uri() if sys.stdout.isatty() else path


def _summarize_answers(use_case: str, catalog: DataCatalog) -> Iterator[str]:
    yield f"answers  {locate(catalog, f'{use_case}.answers_to_questions')}"


def _summarize_sweep(use_case: str, catalog: DataCatalog) -> Iterator[str]:
    record = catalog.load(f"{use_case}.sweep_record")
    yield f"—— {use_case}: sweep ——"
    yield record["summary"]
    if record["yaml"]:
        yield "to copy  into conf/local/parameters_sweep.yml (nothing was changed)"
        yield from record["yaml"].splitlines()
    yield f"page     {_link(locate(catalog, f'{use_case}.sweep_page'))}"


def _summarize_overview(_: str, catalog: DataCatalog) -> Iterator[str]:
    yield "—— all of them ——"
    yield f"overview {_link(locate(catalog, 'overview'))}"


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
    "sweep_page": _summarize_sweep,
    "published": _summarize_release,
}


class Page:
    """A whole HTML page, which a notebook shows in a frame of its own."""

    def __init__(self, text: str) -> None:
        self.text = text

    def _repr_html_(self) -> str:
        """Give a frame that holds the page; the page's scripts cannot reach the notebook."""
        return (
            f'<iframe srcdoc="{html.escape(self.text)}" sandbox="allow-scripts allow-popups" '
            f'style="width: 100%; height: {PAGE_HEIGHT}px; border: 1px solid #ccc"></iframe>'
        )


def show(catalog: DataCatalog, name: str, rows: int = 8) -> Any:
    """Give what a notebook displays of a dataset, whatever its type.

    Shows the first `rows` of rows and tables, a page in a frame (HTML), a table of keys and values
    (JSON), a plot as it is; with a line in the log, nothing if it has not been made yet.

    Raises:
        TunelineError: naming the nearest dataset, if no pipeline has one of this name.
    """
    known = {each for pipeline in pipelines.values() for each in pipeline.datasets()}
    if name not in known:
        raise TunelineError(
            Problem(
                where="show",
                value=name,
                wrong="no pipeline has such a dataset",
                matters="there is nothing to show",
                remedy=suggest(name, known),
            )
        )
    if not catalog.exists(name):
        log.info(
            "%s is not there yet (%s): run the stage that makes it, with the same --env.",
            name,
            locate(catalog, name),
        )
        return None
    return _present(catalog.load(name), rows)


def _present(value: Any, rows: int) -> Any:
    import polars as pl

    if isinstance(value, pl.LazyFrame):
        return value.head(rows).collect().to_pandas()
    if isinstance(value, pd.DataFrame):
        return value.head(rows)
    if isinstance(value, list):
        return pd.json_normalize(
            [{key: _write_out(one) for key, one in row.items()} for row in value[:rows]]
        )
    if isinstance(value, dict):
        return pd.json_normalize(value, sep=" ").T.rename(columns={0: "value"})
    if isinstance(value, str):
        return Page(value)
    return value


def _write_out(value: Any) -> Any:
    """Make one text of a list of messages: a table shows texts as they are, and lists as code."""
    if isinstance(value, list) and value and isinstance(value[0], dict) and "role" in value[0]:
        return "\n".join(f"{message['role']}: {message['content']}" for message in value)
    return value
