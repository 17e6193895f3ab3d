"""Datasets that kedro-datasets does not have: raw rows, streams, adapters, journals, sheets."""

from tuneline.datasets.adapter import AdapterDataset
from tuneline.datasets.base_model import BaseModelDataset
from tuneline.datasets.filled_folder import FilledFolderDataset
from tuneline.datasets.folder import FolderDataset
from tuneline.datasets.journal import JournalDataset
from tuneline.datasets.json_lines import JSONLinesDataset
from tuneline.datasets.merged_json_lines import MergedJSONLinesDataset
from tuneline.datasets.optional_json import OptionalJSONDataset
from tuneline.datasets.optional_partitions import OptionalPartitionsDataset
from tuneline.datasets.questions import QuestionsDataset
from tuneline.datasets.rating_sheet import RatingSheetDataset
from tuneline.datasets.raw_csv import RawCSVDataset
from tuneline.datasets.raw_documents import RawDocumentsDataset
from tuneline.datasets.raw_json import RawJSONDataset
from tuneline.datasets.raw_sheet import RawSheetDataset
from tuneline.datasets.release_folder import ReleaseFolderDataset
from tuneline.datasets.reply_folder import ReplyFolderDataset
from tuneline.datasets.spark_json_lines import SparkJSONLinesDataset
from tuneline.datasets.streamed_csv import StreamedCSVDataset
from tuneline.datasets.summary_json import SummaryJSONDataset
from tuneline.datasets.volumes import VolumesDataset
from tuneline.datasets.whole import CSVDataset, JSONDataset, PlotlyDataset, TextDataset

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
