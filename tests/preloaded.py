"""What takes long to import, imported once: every command starts as a fork of a process with it."""

import gc
import inspect

import bitsandbytes  # noqa: F401
import kedro.framework.cli.cli
import kedro.framework.session  # noqa: F401
import kedro_datasets.json
import kedro_datasets.pandas
import kedro_datasets.partitions
import kedro_datasets.plotly
import kedro_datasets.text
import kedro_datasets.yaml  # noqa: F401
import openai  # noqa: F401
import openpyxl  # noqa: F401
import peft  # noqa: F401
import plotly.express
import plotly.graph_objects
import plotly.io  # noqa: F401
import rensa  # noqa: F401
import rouge_score.rouge_scorer  # noqa: F401
import sacrebleu  # noqa: F401
import scipy.stats  # noqa: F401
import torch._dynamo  # noqa: F401
import transformers  # noqa: F401
import trl  # noqa: F401
from transformers import AutoModelForCausalLM, AutoTokenizer, Trainer  # noqa: F401
from transformers.models.llama import modeling_llama  # noqa: F401
from trl import SFTConfig, SFTTrainer  # noqa: F401

import datasets  # noqa: F401
import tuneline.checks.preflight
import tuneline.cli
import tuneline.hooks
import tuneline.pipelines.ask
import tuneline.pipelines.evaluate
import tuneline.pipelines.finetune_api
import tuneline.pipelines.merge
import tuneline.pipelines.overview
import tuneline.pipelines.plan
import tuneline.pipelines.prepare
import tuneline.pipelines.publish
import tuneline.pipelines.rubric
import tuneline.pipelines.synthesize
import tuneline.pipelines.tiny_base
import tuneline.pipelines.train
import tuneline.reporting.summary  # noqa: F401

# Every command looks at its stack, and every training collects garbage: both go through all that
# was imported, which is done here once.
inspect.stack()
gc.collect()
gc.freeze()
