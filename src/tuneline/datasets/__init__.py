"""Datasets that kedro-datasets does not have: raw rows, streams, adapters, caches, sheets."""

from tuneline.datasets.earlier_records import EarlierRecordsDataset, StageRecordsDataset
from tuneline.datasets.folders import (
    CacheDataset,
    FolderDataset,
    MovedFolderDataset,
    OptionalPartitionsDataset,
)
from tuneline.datasets.json_lines import (
    GrowingJSONLinesDataset,
    JSONLinesDataset,
    MergedJSONLinesDataset,
)
from tuneline.datasets.models import AdapterDataset, BaseModelDataset, ReleaseFolderDataset
from tuneline.datasets.questions import QuestionsDataset
from tuneline.datasets.raw_csv import RawCSVDataset
from tuneline.datasets.raw_documents import RawDocumentsDataset
from tuneline.datasets.raw_json import RawJSONDataset
from tuneline.datasets.raw_parquet import RawParquetDataset
from tuneline.datasets.raw_sheet import RawSheetDataset
from tuneline.datasets.raw_spark import SparkJSONLinesDataset
from tuneline.datasets.tables import LazyCSVDataset, RatingSheetDataset, SparkCSVDataset
from tuneline.datasets.whole_files import (
    BlockDataset,
    CSVDataset,
    HTMLDataset,
    JSONDataset,
    OptionalJSONDataset,
    PlotlyDataset,
    TextDataset,
)

__all__ = [
    "AdapterDataset",
    "BaseModelDataset",
    "BlockDataset",
    "CSVDataset",
    "CacheDataset",
    "EarlierRecordsDataset",
    "FolderDataset",
    "GrowingJSONLinesDataset",
    "HTMLDataset",
    "JSONDataset",
    "JSONLinesDataset",
    "LazyCSVDataset",
    "MergedJSONLinesDataset",
    "MovedFolderDataset",
    "OptionalJSONDataset",
    "OptionalPartitionsDataset",
    "PlotlyDataset",
    "QuestionsDataset",
    "RatingSheetDataset",
    "RawCSVDataset",
    "RawDocumentsDataset",
    "RawJSONDataset",
    "RawParquetDataset",
    "RawSheetDataset",
    "ReleaseFolderDataset",
    "SparkCSVDataset",
    "SparkJSONLinesDataset",
    "StageRecordsDataset",
    "TextDataset",
]
