"""The stage as a user runs it, on the adapter of a finished run."""

import json
import shutil
from pathlib import Path

import pytest
from transformers import AutoModelForCausalLM

from tests.conftest import run
from tuneline.errors import TunelineError
from tuneline.utils.hashing import read_sealed, write_sealed

pytestmark = pytest.mark.slow

DATA = Path("data/test")
MODELS = DATA / "06_models/product_descriptions"


def test_a_finished_run_is_merged_compared_and_recorded(finished_run: Path, project: Path):
    shutil.copytree(finished_run / DATA, project / DATA)
    run(project, "merge", runtime_params={"merge": {"prompts": 3, "max_shard_size": "1MB"}})
    folder = DATA / "08_reporting/product_descriptions"
    record = json.loads((folder / "merge_record.json").read_text())
    rounding, judged, answers = (
        record["comparison"][key] for key in ("rounding", "judged", "answers")
    )
    assert rounding["relative_rms"] < rounding["bound"]
    assert rounding["top1_agreement"] > 0.95
    assert 0 < judged["mean_kl"] < 0.01
    assert abs(judged["loss_merged"] - judged["loss_judged"]) < 0.02
    assert (answers["prompts"], answers["other"]) == (3, 0)
    assert record["quantization"]["settings"]["bnb_4bit_quant_type"] == "nf4"
    assert record["shards"] > 1
    assert record["memory_gb"]["predicted"] > 0.5
    (scores,) = (folder / "scores.json").glob("*/scores.json")
    assert record["adapter"] == json.loads(scores.read_text())["run"]["adapter"]
    assert record["commands"]["ollama"][1] == "ollama run product-descriptions"
    merged = AutoModelForCausalLM.from_pretrained(MODELS / "merged", trust_remote_code=False)
    assert merged.config.to_dict().get("quantization_config") is None
    # There is no llama.cpp in this copy of the project: report and record say so.
    assert record["file_scores"]["files"] == []
    assert "were not asked: llama.cpp's library is not there" in record["file_scores"]["summary"]
    assert "Files for llama.cpp and Ollama" not in (folder / "report.html").read_text()
    modelfile = (MODELS / "gguf/Modelfile").read_text()
    assert "# Merged into the base model's weights in 4 bits (NF4, double" in modelfile
    assert f"# {record['comparison']['summary']}\n" in modelfile


def test_an_adapter_whose_base_has_gone_leaves_the_last_merge_alone(
    finished_run: Path, project: Path
):
    shutil.copytree(finished_run / DATA, project / DATA)
    (MODELS / "merged").mkdir()
    (MODELS / "merged/kept").touch()
    weights = Path("data/06_models/tiny_base/model.safetensors")
    weights.unlink()
    with pytest.raises(TunelineError, match=r"it has a config\.json but no weights"):
        run(project, "merge")
    shutil.rmtree(weights.parent)
    with pytest.raises(TunelineError, match="there is no model in this folder"):
        run(project, "merge")
    assert [path.name for path in (MODELS / "merged").iterdir()] == ["kept"]


def test_an_adapter_that_was_not_evaluated_is_refused_before_anything_is_written(
    finished_run: Path, project: Path
):
    shutil.copytree(finished_run / DATA, project / DATA)
    (scores,) = (DATA / "08_reporting/product_descriptions/scores.json").glob("*/scores.json")
    other = read_sealed(scores, "")
    other["run"]["adapter"] = "0" * 64
    write_sealed(scores, other)
    with pytest.raises(TunelineError, match=r"scores\.json: the evaluation is of another adapter"):
        run(project, "merge")
    assert not (MODELS / "merged").exists()
