"""GGUF files become folders with weights, config, tokenizer and chat template."""

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tuneline.errors import Problem, TunelineError
from tuneline.hub.gguf import (
    count_converted_bytes,
    describe_gguf,
    find_converted,
    log,
    name_damage,
)
from tuneline.utils.disks import format_bytes, measure_volume
from tuneline.utils.files import is_full, replace_whole_folder
from tuneline.utils.progress import track


def convert_gguf(path: Path, weights: bool = True) -> None:
    """Convert what is missing of config, tokenizer, chat template and, in 16 bits, `weights`.

    Raises:
        TunelineError: if disk or memory have no room for it, or the file is damaged.
    """
    with quiet_transformers():
        _convert_small_files(path)
        if weights:
            _convert_weights(path)


def _convert_small_files(path: Path) -> None:
    from transformers import AutoConfig, AutoTokenizer

    folder = find_converted(path)
    if folder.is_dir():
        return
    with name_damage(path), replace_whole_folder(folder) as partial:
        config = AutoConfig.from_pretrained(
            path.parent, gguf_file=path.name, trust_remote_code=False
        )
        config.quantization_config = None
        del config.quantization_config
        config.save_pretrained(partial)
        tokenizer = AutoTokenizer.from_pretrained(
            path.parent, gguf_file=path.name, trust_remote_code=False
        )
        tokenizer.save_pretrained(partial)
        _drop_invented(partial / "tokenizer.json", config.get_text_config().vocab_size)


def _drop_invented(path: Path, vocabulary: int) -> None:
    """Drop tokens that no embedding belongs to.

    transformers gives GPT-2's `<|endoftext|>` to every byte-level vocabulary, also to Llama 3's,
    which has none (5.23).
    """
    stated = json.loads(path.read_text(encoding="utf-8"))
    stated["added_tokens"] = [one for one in stated["added_tokens"] if one["id"] < vocabulary]
    path.write_text(json.dumps(stated, ensure_ascii=False), encoding="utf-8")


def _convert_weights(path: Path) -> None:
    folder, needed = find_converted(path), count_converted_bytes(path)
    found = describe_gguf(path)
    log.info(
        "Converting %s (%s, %s parameters) once into %s: %s.",
        path.name,
        found.format,
        f"{found.parameters:,}",
        folder,
        format_bytes(needed),
    )
    _check_room(path, needed)
    weights = folder.parent / f"{folder.name}-weights"
    try:
        with name_damage(path), replace_whole_folder(weights) as partial:
            _load(path).save_pretrained(partial)
        for file in sorted(weights.iterdir()):
            file.replace(folder / file.name)
    except TunelineError:
        raise
    except Exception as error:
        if not is_full(error):
            raise
        raise TunelineError(_format_lacking(path, needed)) from error
    finally:
        shutil.rmtree(weights, ignore_errors=True)


def _load(path: Path) -> Any:
    """Load the model, dequantized.

    float16 holds what 4 to 8 bits stand for; only weights that were stored in bfloat16, or that
    float16 cannot hold, become bfloat16.
    """
    import torch
    from transformers import AutoModelForCausalLM, GgufConfig, modeling_gguf_pytorch_utils

    # Its own bar cannot be switched off.
    modeling_gguf_pytorch_utils.tqdm = lambda tensors, **_: track(tensors, "Converting", "tensors")
    stored = describe_gguf(path).format
    for dtype in ["bfloat16"] if stored == "bfloat16" else ["float16", "bfloat16"]:
        model = AutoModelForCausalLM.from_pretrained(
            path.parent,
            gguf_file=path.name,
            quantization_config=GgufConfig(dequantize=True),
            dtype=getattr(torch, dtype),
            device_map={"": "cpu"},
            use_safetensors=True,
            trust_remote_code=False,
        )
        if all(bool(torch.isfinite(tensor).all()) for tensor in model.state_dict().values()):
            if getattr(model, "hf_quantizer", None):  # or it could not be saved
                model.hf_quantizer.remove_quantization_config(model)
            return model
    raise ValueError("some of its weights are not finite")


def _check_room(path: Path, needed: int) -> None:
    import psutil
    from huggingface_hub.constants import HF_HUB_CACHE

    if measure_volume(Path(HF_HUB_CACHE)).free < needed:
        raise TunelineError(_format_lacking(path, needed))
    memory = psutil.virtual_memory().available
    if memory < needed:
        raise TunelineError(
            Problem(
                where="recipe.base_model",
                value=path,
                wrong=f"converting it takes {format_bytes(needed)} of memory, and "
                f"{format_bytes(memory)} are free",
                matters="the machine would stop the run",
                remedy="close other programs, or take a smaller base model",
            )
        )


@contextmanager
def quiet_transformers() -> Iterator[None]:
    """Keep transformers from warning of what is meant to happen."""
    from transformers.utils import logging as upstream

    shown = upstream.get_verbosity()
    upstream.set_verbosity_error()
    try:
        yield
    finally:
        upstream.set_verbosity(shown)


def _format_lacking(path: Path, needed: int) -> Problem:
    from huggingface_hub.constants import HF_HUB_CACHE

    volume = measure_volume(Path(HF_HUB_CACHE))
    return Problem(
        where="recipe.base_model",
        value=path,
        wrong=f"converted, it takes {format_bytes(needed)} in {volume.folder}, and its disk "
        f"({volume.mount}) has {format_bytes(volume.free)} free",
        matters="a part of it would be of no use",
        remedy="see what may go with `kedro storage --clean`, or let storage.hub_cache name a "
        "folder on a larger disk",
    )
