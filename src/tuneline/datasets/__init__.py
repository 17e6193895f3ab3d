"""Datasets that kedro-datasets does not have: streams, adapters, base models."""

from tuneline.datasets.adapter import AdapterDataset
from tuneline.datasets.base_model import BaseModelDataset
from tuneline.datasets.folder import FolderDataset
from tuneline.datasets.json_lines import JSONLinesDataset
from tuneline.datasets.merged_json_lines import MergedJSONLinesDataset
from tuneline.datasets.raw_json_lines import RawJSONLinesDataset
from tuneline.datasets.reply_folder import ReplyFolderDataset
from tuneline.datasets.streamed_csv import StreamedCSVDataset
from tuneline.datasets.volumes import VolumesDataset

__all__ = [
    "AdapterDataset",
    "BaseModelDataset",
    "FolderDataset",
    "JSONLinesDataset",
    "MergedJSONLinesDataset",
    "RawJSONLinesDataset",
    "ReplyFolderDataset",
    "StreamedCSVDataset",
    "VolumesDataset",
]
