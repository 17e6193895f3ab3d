"""Answers through vLLM: as many prompts at once as a GPU holds, by another program's kernels.

vLLM gets the very weights that the adapter was trained on, those in 4 bits dequantized, and the
adapter next to them. It rounds otherwise, so that some answers are not those of transformers: the
evaluation compares a sample.
"""

import json
import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tuneline.errors import Problem, TunelineError
from tuneline.models import vllm_program
from tuneline.models.loading import dequantize
from tuneline.models.memory import KEPT_SHARE, derive_free_memory, return_freed
from tuneline.parameters import Hardware
from tuneline.utils.files import SCRATCH_REMEDY, make_scratch, name_unwritable

WHERE = "hardware.vllm_python"
FIND_VERSION = (
    "from importlib.metadata import packages_distributions as found, version; "
    "print(version(found()['vllm'][0]))"
)
# Ranks that vLLM makes room for (its `MaxLoRARanks`).
RANKS = (8, 16, 32, 64, 128, 256, 320, 512)
# Seconds that vLLM has to end once nobody asks any more.
PATIENCE = 30


def find_version(python: str) -> str | None:
    """Find which vLLM a Python has; None for none, or no Python."""
    command = [python, "-P", "-c", FIND_VERSION]
    try:
        done = subprocess.run(  # noqa: S603 - the Python that the user names
            command, capture_output=True, text=True, check=False, env=_make_environment()
        )
    except OSError:
        return None
    return done.stdout.strip() or None if done.returncode == 0 else None


@dataclass(eq=False)
class VllmEngine:
    """The process that answers.

    Attributes:
        name: with its version.
        python: what runs it.
        process: the process, its model loaded.
        log: what it says.
        generation: how the base model is meant to be asked, where nothing else is stated.
    """

    name: str
    python: str
    process: Any
    log: Path
    generation: Any

    @contextmanager
    def become(self, who: str) -> Iterator["VllmModel"]:
        """Give one of its models: `base`, or an adapter by name."""
        yield VllmModel(self, None if who == "base" else who)

    def tell(self, value: dict[str, Any]) -> None:
        """Send a line."""
        try:
            self.process.stdin.write(json.dumps(value) + "\n")
            self.process.stdin.flush()
        except BrokenPipeError as error:
            raise TunelineError(self._name_failure()) from error

    def hear(self) -> dict[str, Any]:
        """Wait for a line.

        Raises:
            TunelineError: if the process has ended, with what it said.
        """
        line = self.process.stdout.readline()
        if not line:
            raise TunelineError(self._name_failure())
        return dict(json.loads(line))

    def _name_failure(self) -> Problem:
        said = self.log.read_text(encoding="utf-8", errors="replace").splitlines()
        errors = [line.strip() for line in said if "Error" in line]
        reason = (errors or [line.strip() for line in said if line.strip()] or ["nothing"])[-1]
        return Problem(
            where=WHERE,
            value=self.python,
            wrong=f"vLLM has stopped and says: {reason[:300]}",
            matters="base and tuned model answer through it",
            remedy="fix what it says, or leave the key out, and run again: the answers that are "
            "there are kept",
        )


@dataclass(frozen=True)
class VllmModel:
    """Base or tuned model as vLLM has it, where else a loaded model answers.

    Attributes:
        engine: what answers.
        adapter: its name; None for the base model.
    """

    engine: VllmEngine
    adapter: str | None


@contextmanager
def serve(
    model: Any, adapters: dict[str, str], hardware: Hardware, tokens: int
) -> Iterator[VllmEngine]:
    """Hand a loaded model over to vLLM; its weights leave this process.

    Args:
        model: a PeftModel; nothing is left of it.
        adapters: what each of its adapters is called from now on.
        hardware: the machine, which names the Python that has vLLM.
        tokens: of the longest prompt and its answer.

    Yields:
        The engine; it ends with the block.

    Raises:
        TunelineError: if vLLM refuses the model or the adapter, or stops.
    """
    rank = max(model.peft_config[one].r for one in adapters)
    with make_scratch() as scratch:
        folder = Path(scratch)
        generation = model.get_base_model().generation_config
        with name_unwritable(folder, SCRATCH_REMEDY):
            paths = _write_adapters(model, adapters, folder)
            free = _write_base(model, folder / "base", hardware)
        engine = {
            "model": str(folder / "base"),
            "dtype": hardware.dtype,
            "max_model_len": tokens,
            "enable_lora": True,
            "max_loras": len(adapters),
            "max_lora_rank": next((one for one in RANKS if one >= rank), rank),
            "kv_cache_memory_bytes": int(free * KEPT_SHARE),
            "skip_tokenizer_init": True,
            # Its kernels are compiled and its graphs recorded for a minute, which the answers of
            # one evaluation do not bring back.
            "enforce_eager": True,
        }
        log = folder / "vllm.log"
        with log.open("w", encoding="utf-8") as said, _start(hardware, said) as process:
            python = str(hardware.vllm_python)
            name = f"vLLM {find_version(python)}"
            found = VllmEngine(name, python, process, log, generation)
            found.tell({"engine": engine, "adapters": paths})
            found.hear()
            yield found


def _write_adapters(model: Any, adapters: dict[str, str], folder: Path) -> dict[str, str]:
    paths = {}
    for name, called in adapters.items():
        place = folder / called
        model.save_pretrained(place, selected_adapters=[name], save_embedding_layers=False)
        # PEFT writes all but the first one, `default`, into a folder of their name.
        paths[called] = str(place if name == "default" else place / name)
    return paths


def _write_base(model: Any, folder: Path, hardware: Hardware) -> float:
    """Write the base model's weights, and let go of them; give the bytes that are free then."""
    import torch

    base = dequantize(model.unload(), getattr(torch, hardware.dtype))
    free = derive_free_memory(base, hardware)
    base.save_pretrained(folder, max_shard_size="2GB")
    base.to("meta")
    if hardware.device == "cuda":
        torch.cuda.empty_cache()
    return_freed(hardware.device)
    return free


@contextmanager
def _start(hardware: Hardware, said: Any) -> Iterator[Any]:
    command = [str(hardware.vllm_python), "-P", vllm_program.__file__]
    process = subprocess.Popen(  # noqa: S603 - the Python that the user names
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=said,
        env=_make_environment(),
        text=True,
        encoding="utf-8",
        start_new_session=True,
    )
    try:
        yield process
        process.stdin.close()  # type: ignore[union-attr]
        process.wait(PATIENCE)
    except subprocess.TimeoutExpired:
        pass
    finally:
        # Processes of its own belong to it.
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _make_environment() -> dict[str, str]:
    """Make the environment of another Python, which nothing leaves the machine from."""
    ours = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    return ours | {"VLLM_NO_USAGE_STATS": "1", "HF_HUB_OFFLINE": "1"}
