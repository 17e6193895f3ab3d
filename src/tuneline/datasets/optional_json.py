"""A record that an optional stage writes, and that another one shows where it is there."""

from typing import Any

from tuneline.datasets.whole import JSONDataset


class OptionalJSONDataset(JSONDataset):
    """A JSONDataset for a file that may not be there: then it holds an empty object."""

    def load(self) -> Any:
        """Read the object; empty where there is no file."""
        return super().load() if super()._exists() else {}

    def _exists(self) -> bool:
        return True
