"""Kedro's project settings. See https://docs.kedro.org for what each name means."""

import logging
import os
import warnings

from tuneline.checks.configuration_reading import SoftConfigLoader
from tuneline.hooks import CheckBeforeRun, ProgressDuringRun, SummaryAfterRun
from tuneline.recording import RecordOfStages
from tuneline.use_cases import DEFAULT_ENVIRONMENT
from tuneline.utils.terminal import protect_terminal

protect_terminal()

# A run tells nobody that it ran, here as in `.telemetry`; set the variable to 0 to allow it.
os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
# Their bars would be next to our own progress, and in no log.
os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
os.environ.setdefault("HF_DATASETS_DISABLE_PROGRESS_BARS", "1")
# PyTorch and oneDNN keep what they prepared for the last 1,024 shapes of matrices: in bfloat16 on a
# CPU some 20 MB a step, as packs differ in length, a gigabyte after 60 steps (docs/log.md).
os.environ.setdefault("LRU_CACHE_CAPACITY", "128")
os.environ.setdefault("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "128")

# On a full disk the log's file takes no line; a traceback for each would bury what is said.
logging.raiseExceptions = False

# omegaconf 2.4 repeats this for every resolver that Kedro registers; nothing of ours is meant.
warnings.filterwarnings("ignore", message=".*register_new_resolver.*")
# A dot in a dataset's name is a use case's namespace, and meant.
warnings.filterwarnings("ignore", message=".*dataset names contain '.' characters.*")
# Kedro renamed `--pipeline` to `--pipelines`; both work, and one pipeline is what people type.
warnings.filterwarnings("ignore", message=".*'--pipeline' is deprecated.*")

# Renamings between transformers, TRL and PEFT, and a pandas that Spark has not tried; nothing a
# user could act on.
warnings.filterwarnings(
    "ignore", category=FutureWarning, module=r"(transformers|trl|peft|pyspark)\."
)

HOOKS = (CheckBeforeRun(), RecordOfStages(), ProgressDuringRun(), SummaryAfterRun())

CONFIG_LOADER_CLASS = SoftConfigLoader
CONFIG_LOADER_ARGS = {
    "base_env": "base",
    "default_run_env": DEFAULT_ENVIRONMENT,
    # Without `soft`, a machine that changes one key of `hardware` would delete all the others.
    "merge_strategy": {"parameters": "soft", "globals": "soft", "catalog": "soft"},
}
