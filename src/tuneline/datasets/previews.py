"""What Kedro-Viz shows of a dataset."""

from kedro_datasets._typing import TablePreview

# Long texts would make Kedro-Viz's table unreadable.
PREVIEW_CHARACTERS = 160


def preview_rows(rows: list[dict[str, object]]) -> TablePreview:
    """Make the table that Kedro-Viz shows of some rows.

    Args:
        rows: the rows; long values are shortened.

    Returns:
        Index, columns and data, as Kedro-Viz takes them.
    """
    columns = list(rows[0]) if rows else []
    data = [[_shorten(row[column]) for column in columns] for row in rows]
    return TablePreview({"index": list(range(len(rows))), "columns": columns, "data": data})


def _shorten(value: object) -> str:
    text = "" if value is None else str(value)
    return text if len(text) <= PREVIEW_CHARACTERS else text[: PREVIEW_CHARACTERS - 1] + "…"
