"""The typed parameters: one model for each block of a use case's YAML, one for the machine.

A block is checked before any node runs. Keys that belong to an upstream library (LoraConfig,
SFTConfig, BitsAndBytesConfig, GenerationConfig) keep that library's names; `upstream.py` checks
them against the installed versions.
"""

from tuneline.parameters.data import Data, Documents, Rules
from tuneline.parameters.evaluation import Criterion, Evaluation, Rubric
from tuneline.parameters.project import Cleaning, Gguf, Merge, Storage, TinyBase
from tuneline.parameters.services import FinetuneAPI, Moderation, Price, Prices, Server
from tuneline.parameters.splitting import Leaks, Split
from tuneline.parameters.synthesis import Checks, Synthesize
from tuneline.parameters.table import Table
from tuneline.parameters.training import Hardware, Prompt, Recipe
from tuneline.parameters.use_case import Publish, UseCase

__all__ = [
    "Checks",
    "Cleaning",
    "Criterion",
    "Data",
    "Documents",
    "Evaluation",
    "FinetuneAPI",
    "Gguf",
    "Hardware",
    "Leaks",
    "Merge",
    "Moderation",
    "Price",
    "Prices",
    "Prompt",
    "Publish",
    "Recipe",
    "Rubric",
    "Rules",
    "Server",
    "Split",
    "Storage",
    "Synthesize",
    "Table",
    "TinyBase",
    "UseCase",
]
