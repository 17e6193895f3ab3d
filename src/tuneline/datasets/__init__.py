"""Datasets that kedro-datasets does not have: streams, adapters, base models, journals, sheets."""

from tuneline.datasets.adapter import AdapterDataset
from tuneline.datasets.base_model import BaseModelDataset
from tuneline.datasets.folder import FolderDataset
from tuneline.datasets.journal import JournalDataset
from tuneline.datasets.json_lines import JSONLinesDataset
from tuneline.datasets.optional_partitions import OptionalPartitionsDataset
from tuneline.datasets.rating_sheet import RatingSheetDataset
from tuneline.datasets.raw_json_lines import RawJSONLinesDataset
from tuneline.datasets.streamed_csv import StreamedCSVDataset
from tuneline.datasets.volumes import VolumesDataset

__all__ = [
    "AdapterDataset",
    "BaseModelDataset",
    "FolderDataset",
    "JSONLinesDataset",
    "JournalDataset",
    "OptionalPartitionsDataset",
    "RatingSheetDataset",
    "RawJSONLinesDataset",
    "StreamedCSVDataset",
    "VolumesDataset",
]
