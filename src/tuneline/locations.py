"""Where a dataset lies, as a user sees it."""

from pathlib import Path
from typing import Any

from kedro.io import AbstractVersionedDataset, DataCatalog


def locate(catalog: DataCatalog, name: str) -> str:
    """Find a dataset's file or folder; of a versioned one that exists, the latest version.

    Args:
        catalog: where the data lies.
        name: the dataset.

    Returns:
        A path that starts from the folder one stands in, where it can.
    """
    dataset: Any = catalog.get(name)
    versioned = isinstance(dataset, AbstractVersionedDataset) and dataset.exists()
    # Kedro offers no public name for either.
    found = dataset._get_load_path() if versioned else getattr(dataset, "_filepath", name)
    return str(shorten_path(Path(str(found))))


def shorten_path(path: Path) -> Path:
    """Write a path from the folder one stands in, where it lies under it."""
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path
