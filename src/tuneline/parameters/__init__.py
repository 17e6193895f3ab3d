"""The typed parameters: one model for each block of a use case's YAML, one for the machine.

A block is checked before any node runs. Keys that belong to an upstream library (LoraConfig,
SFTConfig, BitsAndBytesConfig, GenerationConfig) keep that library's names;
`checks/library_keys.py` checks them against the installed versions.
"""

from pydantic import BaseModel

from tuneline.parameters.cleaning import Rules
from tuneline.parameters.data import Data
from tuneline.parameters.evaluation import AnswerRules, Prompting, Retention, RuleColumns
from tuneline.parameters.examples import Documents, Prompt
from tuneline.parameters.hardware import Hardware
from tuneline.parameters.publish import Publish
from tuneline.parameters.recipe import Recipe, StatedRecipe
from tuneline.parameters.rubric import Criterion, Rubric
from tuneline.parameters.shared import (
    Cleanup,
    FinetuneAPI,
    Gguf,
    Merge,
    Moderation,
    Price,
    Prices,
    Server,
    Storage,
    TinyBase,
)
from tuneline.parameters.splits import Leaks, Split
from tuneline.parameters.sweep import Sweep
from tuneline.parameters.synthesis import Checks, Synthesize
from tuneline.parameters.table import Table
from tuneline.parameters.use_case import Evaluation, UseCase

# Reserved top-level keys; every other one names a use case.
SHARED_BLOCKS: dict[str, type[BaseModel]] = {
    "hardware": Hardware,
    "merge": Merge,
    "prices": Prices,
    "finetune_api": FinetuneAPI,
    "storage": Storage,
    "tiny_base": TinyBase,
}

__all__ = [
    "SHARED_BLOCKS",
    "AnswerRules",
    "Checks",
    "Cleanup",
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
    "Prompting",
    "Publish",
    "Recipe",
    "Retention",
    "Rubric",
    "RuleColumns",
    "Rules",
    "Server",
    "Split",
    "StatedRecipe",
    "Storage",
    "Sweep",
    "Synthesize",
    "Table",
    "TinyBase",
    "UseCase",
]
