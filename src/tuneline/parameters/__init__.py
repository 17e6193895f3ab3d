"""The typed parameters: one model for each block of a use case's YAML, one for the machine.

A block is checked before any node runs. Keys that belong to an upstream library (LoraConfig,
SFTConfig, BitsAndBytesConfig, GenerationConfig) keep that library's names; `upstream.py` checks
them against the installed versions.
"""

from tuneline.parameters.data import Data, Rules
from tuneline.parameters.documents import Documents
from tuneline.parameters.evaluation import Evaluation
from tuneline.parameters.hardware import Hardware
from tuneline.parameters.leaks import Leaks
from tuneline.parameters.merge import Gguf, Merge
from tuneline.parameters.moderation import Moderation
from tuneline.parameters.prices import Price, Prices
from tuneline.parameters.prompt import Prompt
from tuneline.parameters.publish import Publish
from tuneline.parameters.recipe import Recipe
from tuneline.parameters.remote_training import RemoteTraining
from tuneline.parameters.rubric import Criterion, Judge, Rubric
from tuneline.parameters.server import Address, Server
from tuneline.parameters.split import Split
from tuneline.parameters.storage import Cleaning, Storage
from tuneline.parameters.synthesis import Checks, Synthesise
from tuneline.parameters.table import Table
from tuneline.parameters.tiny_base import TinyBase
from tuneline.parameters.use_case import UseCase

__all__ = [
    "Address",
    "Checks",
    "Cleaning",
    "Criterion",
    "Data",
    "Documents",
    "Evaluation",
    "Gguf",
    "Hardware",
    "Judge",
    "Leaks",
    "Merge",
    "Moderation",
    "Price",
    "Prices",
    "Prompt",
    "Publish",
    "Recipe",
    "RemoteTraining",
    "Rubric",
    "Rules",
    "Server",
    "Split",
    "Storage",
    "Synthesise",
    "Table",
    "TinyBase",
    "UseCase",
]
