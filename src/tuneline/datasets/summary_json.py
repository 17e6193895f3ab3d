"""A summary that is ready only when the streams beside it are through."""

from typing import Any

from tuneline.datasets.whole import JSONDataset
from tuneline.streams import Stream


class SummaryJSONDataset(JSONDataset):
    """A JSONDataset that is given the one object of a stream."""

    def save(self, data: Stream[dict[str, Any]]) -> None:
        """Write the object that the stream holds; what the stream raises behind it comes after."""
        for summary in data:
            super().save(summary)
