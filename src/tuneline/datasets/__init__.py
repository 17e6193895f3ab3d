"""Datasets that kedro-datasets does not have: raw rows, streams, adapters, base models."""

from tuneline.datasets.adapter import AdapterDataset
from tuneline.datasets.base_model import BaseModelDataset
from tuneline.datasets.folder import FolderDataset
from tuneline.datasets.json_lines import JSONLinesDataset
from tuneline.datasets.raw_csv import RawCSVDataset
from tuneline.datasets.raw_documents import RawDocumentsDataset
from tuneline.datasets.raw_json import RawJSONDataset
from tuneline.datasets.raw_sheet import RawSheetDataset
from tuneline.datasets.streamed_csv import StreamedCSVDataset
from tuneline.datasets.summary_json import SummaryJSONDataset
from tuneline.datasets.volumes import VolumesDataset

__all__ = [
    "AdapterDataset",
    "BaseModelDataset",
    "FolderDataset",
    "JSONLinesDataset",
    "RawCSVDataset",
    "RawDocumentsDataset",
    "RawJSONDataset",
    "RawSheetDataset",
    "StreamedCSVDataset",
    "SummaryJSONDataset",
    "VolumesDataset",
]
