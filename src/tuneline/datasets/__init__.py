"""Datasets that kedro-datasets does not have: raw rows, streams, adapters, journals, sheets."""

from tuneline.datasets.files import (
    CSVDataset,
    JSONDataset,
    JSONLinesDataset,
    MergedJSONLinesDataset,
    OptionalJSONDataset,
    PlotlyDataset,
    SummaryJSONDataset,
    TextDataset,
)
from tuneline.datasets.folders import (
    FilledFolderDataset,
    FolderDataset,
    JournalDataset,
    OptionalPartitionsDataset,
    ReplyFolderDataset,
    VolumesDataset,
)
from tuneline.datasets.models import AdapterDataset, BaseModelDataset, ReleaseFolderDataset
from tuneline.datasets.questions import QuestionsDataset
from tuneline.datasets.raw_csv import RawCSVDataset
from tuneline.datasets.raw_documents import RawDocumentsDataset
from tuneline.datasets.raw_json import RawJSONDataset
from tuneline.datasets.raw_sheet import RawSheetDataset
from tuneline.datasets.raw_spark import SparkJSONLinesDataset
from tuneline.datasets.tables import RatingSheetDataset, StreamedCSVDataset

__all__ = [
    "AdapterDataset",
    "BaseModelDataset",
    "CSVDataset",
    "FilledFolderDataset",
    "FolderDataset",
    "JSONDataset",
    "JSONLinesDataset",
    "JournalDataset",
    "MergedJSONLinesDataset",
    "OptionalJSONDataset",
    "OptionalPartitionsDataset",
    "PlotlyDataset",
    "QuestionsDataset",
    "RatingSheetDataset",
    "RawCSVDataset",
    "RawDocumentsDataset",
    "RawJSONDataset",
    "RawSheetDataset",
    "ReleaseFolderDataset",
    "ReplyFolderDataset",
    "SparkJSONLinesDataset",
    "StreamedCSVDataset",
    "SummaryJSONDataset",
    "TextDataset",
    "VolumesDataset",
]
