"""What a notebook shows of a dataset; `notebooks/explore.ipynb` uses it."""

import html
import logging
from typing import Any

import pandas as pd
import polars as pl
from kedro.framework.project import pipelines
from kedro.io import DataCatalog

from tuneline.errors import Problem, TunelineError, suggest
from tuneline.utils.disks import locate

log = logging.getLogger(__name__)

PAGE_HEIGHT = 800  # pixels


class Page:
    """A whole HTML page, which a notebook shows in a frame of its own.

    Args:
        text: the page.
    """

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

    Args:
        catalog: the project's catalog; `%load_ext kedro.ipython` brings it.
        name: the dataset, such as `product_descriptions.clean`.
        rows: how many of its first rows.

    Returns:
        A table of the first rows (rows and tables), a page in a frame (HTML), a table of keys and
        values (JSON), a plot as it is; `None`, with a line in the log, if it has not been made yet.

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
