"""vLLM for real, where the project's folder has an environment with it (docs/report.md)."""

from pathlib import Path

import pytest

VLLM_PYTHON = Path(__file__).parents[1] / ".vllm/bin/python"
needs_vllm = pytest.mark.skipif(
    not VLLM_PYTHON.is_file(), reason=f"vLLM is not tested here: there is no {VLLM_PYTHON}"
)
