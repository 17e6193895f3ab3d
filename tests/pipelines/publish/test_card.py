"""The card is the run's own records, and nothing that is in them can break out of it."""

import ast
import json
import re
from copy import deepcopy
from dataclasses import replace
from pathlib import Path

import pytest
import torch
import yaml
from huggingface_hub import ModelCard
from kedro.framework.session import KedroSession
from kedro.framework.startup import bootstrap_project
from markdown_it import MarkdownIt
from transformers import AutoModelForCausalLM

from tests.pipelines.merge.adapters import dequantize
from tests.pipelines.publish.hub_runs import REPORTS
from tests.reporting.test_pages import HOSTILE
from tuneline.datasets import AdapterDataset, JSONDataset, JSONLinesDataset
from tuneline.errors import TunelineError
from tuneline.examples import hash_templates
from tuneline.models.adapted_model import attach_adapter
from tuneline.models.adapter import Adapter
from tuneline.parameters import Evaluation, Prompt, Publish, UseCase
from tuneline.pipelines.publish.card_tables import compare_files
from tuneline.pipelines.publish.nodes import write_card
from tuneline.pipelines.publish.usage import write_merging

RECORDS = ("cleaning_report", "leak_report", "training_record")


@pytest.fixture(scope="module")
def material(finished_run: Path) -> dict:
    """Read a finished run's own records."""
    reports = finished_run / REPORTS
    newest = sorted((reports / "scores.json").iterdir())[-1]
    adapters = finished_run / "data/test/06_models/product_descriptions/adapter"
    adapter = sorted(adapters.iterdir())[-1] / "adapter"
    answers = finished_run / "data/test/07_model_output/product_descriptions/answers.jsonl"
    scores = answers.with_name("answer_scores.jsonl")
    train = finished_run / "data/test/05_model_input/product_descriptions/train.jsonl"
    return {
        **{name: JSONDataset(filepath=f"{reports}/{name}.json").load() for name in RECORDS},
        "scores": JSONDataset(filepath=f"{newest}/scores.json").load(),
        "adapter": AdapterDataset(filepath=str(adapter)).load(),
        "answers": JSONLinesDataset(filepath=str(answers)).load(),
        "answer_scores": JSONLinesDataset(filepath=str(scores)).load(),
        "train": JSONLinesDataset(filepath=str(train)).load(),
        "merge_record": {},
    }


def write(material: dict, parameters: UseCase, **changes: object) -> str:
    given = {"prompt": parameters.prompt, "evaluation": parameters.evaluation}
    return write_card(**(material | given | {"publish": Publish()} | changes))


def test_the_card_says_what_the_records_say(material: dict, parameters: UseCase):
    card = write(material, parameters)
    chrf, cleaning = material["scores"]["metrics"]["chrf"], material["cleaning_report"]
    assert material["scores"]["verdict"]["summary"] in card.replace("\\", "")
    assert f"| chrF, % | {chrf['base']:.1f} | {chrf['tuned']:.1f} |" in card
    assert f"{cleaning['rows']:,} rows came in, {cleaning['clean']:,} were kept" in card
    assert f"| train | {material['leak_report']['sizes']['train']} |" in card
    assert material["adapter"].provenance["chat_template_sha256"] in card
    assert "**Not for others.**" in card
    assert "16 held-out prompts and 1 fixed question, with" in card
    sizes = material["leak_report"]["sizes"]
    assert f"{sum(sizes.values())} examples were made" in card
    settings = material["adapter"].provenance["recipe"]["settings"]
    assert f"It learned examples of at most {settings['max_length']} tokens." in card


def test_what_no_record_holds_is_said_to_be_missing(material: dict, parameters: UseCase):
    card = write(material, parameters)
    for words in (
        "Where the data come from is not stated.",
        "| this adapter | not stated |",
        "Nobody rated the answers",
    ):
        assert words in card


def test_a_judge_that_disagrees_with_people_is_named_before_its_ratings(
    material: dict, parameters: UseCase
):
    said = "The judge disagrees with people, do not build on its numbers: readability."
    rated = {"base": 5, "tuned": 7, "difference": 2, "interval": [1, 3], "result": "better"}
    judge = {"agreement": {"summary": said}, "criteria": {"readability": rated}}
    card = write(material, parameters, rubric={"judge": judge})
    assert 0 < card.find(said) < card.index("Blind ratings by a judge model")


def test_no_row_of_the_data_is_shown_unless_it_is_asked_for(material: dict, parameters: UseCase):
    reference = material["answers"][0]["reference"]
    assert reference not in write(material, parameters)
    card = write(material, parameters, publish=Publish(examples=1))
    assert reference in card
    for who, label in (("base", "Base"), ("tuned", "Tuned")):
        (chrf, _) = material["answer_scores"][0][who]["metrics"]["chrf"]
        assert f"{label} model, chrF {chrf:.1f}:" in card
    assert material["answers"][1]["reference"] not in card


def test_the_metadata_are_what_the_hub_reads(material: dict, parameters: UseCase):
    publish = Publish(repo_id="me/x", license="mit", language=["en"], datasets=["a/b"])
    data = ModelCard(write(material, parameters, publish=publish)).data
    assert (data.library_name, data.pipeline_tag) == ("peft", "text-generation")
    assert (data.license, data.language, data.datasets) == ("mit", ["en"], ["a/b"])
    assert data.base_model is None  # a folder is no model that the hub could link to
    chrf = next(result for result in data.eval_results if result.metric_type == "chrf")
    found = material["scores"]["metrics"]["chrf"]
    assert chrf.metric_value == pytest.approx(found["tuned"], abs=1e-4)
    assert chrf.metric_args["interval_of_difference"] == pytest.approx(found["interval"], abs=1e-4)


def say(text: str) -> list[dict[str, str]]:
    return [{"role": "system", "content": text}, {"role": "user", "content": f"{text}pot"}]


def test_hostile_text_stays_text_everywhere(material: dict, parameters: UseCase):
    """Front matter, headings, sentences, tables, code and fences."""
    ends = f"{HOSTILE}\n---\nlicense: mit\n---\n```\n````\n</pre>'''\"\"\"\\"
    questions = [
        {**row, "id": f"question {number}", "prompt": ends, "reference": None}
        | {"base_answer": ends, "tuned_answer": ends}
        for number, row in enumerate(material["answers"][:2])
    ]
    prompt = Prompt(system=ends, prompt=ends + "{title}", completion="{content}")
    answers = [{**material["answers"][0], "prompt": ends, "reference": ends}, *questions]
    card = write(
        material,
        parameters,
        adapter=change_provenance(material["adapter"], prompt),
        prompt=prompt,
        answers=answers,
        answer_scores=[material["answer_scores"][0] | {"id": row["id"]} for row in answers],
        cleaning_report=material["cleaning_report"] | {"reasons": {ends: 1}},
        publish=Publish(data=ends, limits=[ends], data_license=ends, examples=1, base_license=ends),
        evaluation=Evaluation(title=ends, generation={}),
    )
    data = ModelCard(card).data
    assert data.license is None
    assert data.eval_results[0].dataset_name == f"{ends}: held-out rows"
    tokens = MarkdownIt("commonmark").enable("table").parse(card.split("\n---\n", 1)[1])
    inside = [child for token in tokens for child in token.children or []]
    assert not [token for token in (*tokens, *inside) if token.type.startswith(("html", "image"))]
    assert not [token for token in inside if "evil" in str(token.attrs)]
    headings = [token for token in tokens if token.type == "heading_open"]
    assert len(headings) == 12
    fences = [token.content for token in tokens if token.type == "fence"]
    assert len(fences) == 2 + 2 + 2 * 2 + 3  # bash, code; templates; questions; a held-out row
    ast.parse(fences[1])


def is_same(answer: str, evaluated: str) -> bool:
    """Compare an answer with the one of the evaluation.

    Of several prompts at once the 4-bit kernel rounds otherwise than of one, so that where two
    tokens are all but equally likely the answers part.
    """
    beginning = evaluated.strip()[: 4 * len(evaluated) // 5]
    return answer.strip().startswith(beginning)


def test_the_code_of_the_card_runs_and_answers_as_in_the_evaluation(
    material: dict,
    parameters: UseCase,
    finished_run: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture,
):
    monkeypatch.chdir(finished_run)  # the tiny base model's path starts from there
    card = write(material, parameters)
    (code,) = re.findall(r"```python\n(.*?)\n```", card, re.DOTALL)
    folder = sorted((finished_run / "data/test/06_models/product_descriptions/adapter").iterdir())[
        -1
    ]
    code = code.replace("'owner/name'", repr(str(folder / "adapter")))
    row = next(row for row in material["answers"] if row["reference"] is None)
    exec(compile(code, "card", "exec"), {})
    assert is_same(capsys.readouterr().out, row["tuned_answer"])


def test_a_merge_of_this_adapter_is_shown_with_code_that_repeats_it(
    material: dict,
    parameters: UseCase,
    finished_run: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
):
    record = {
        "adapter": material["scores"]["run"]["adapter"],
        "dtype": "bfloat16",
        "weights": "the base model's weights in 4 bits",
        "quantization": {
            "dtype": "float32",
            "settings": {"load_in_4bit": True, "bnb_4bit_quant_type": "nf4"},
        },
        # Not the base of the training, which may have been a 4-bit repository.
        "merged_into": {"name": str(finished_run / "data/06_models/tiny_base"), "sha256": "0"},
        "tokenizer_model": False,
        "comparison": {"summary": "Nothing but rounding differs."},
        "gguf": {
            "file": "model-q8_0.gguf",
            "summary": "No GGUF file was made.",
            "modelfile": 'FROM ./model-q8_0.gguf\nPARAMETER stop "<|end|>"\n',
            "options": ["--temp", "0", "-sys", "You sell."],
        },
        "file_scores": {"files": [], "summary": "The exported files were not asked."},
    }
    card = write(material, parameters, merge_record=record)
    assert "Nothing but rounding differs." in card
    assert "No GGUF file was made." in card
    assert "The exported files were not asked." in card
    assert "Merge it into the base model's weights in 4 bits:" in card
    assert "--outfile model-q8_0.gguf --outtype q8_0" in card
    assert "llama-cli -m model-q8_0.gguf --temp 0 -sys 'You sell.'" in card
    assert "```text\nFROM ./model-q8_0.gguf\n" in card
    _, code = re.findall(r"```python\n(.*?)\n```", card, re.DOTALL)
    adapters = finished_run / "data/test/06_models/product_descriptions/adapter"
    monkeypatch.chdir(tmp_path)
    newest = sorted(adapters.iterdir())[-1] / "adapter"
    exec(compile(code.replace("'owner/name'", repr(str(newest))), "card", "exec"), {})
    config = json.loads(Path("merged/config.json").read_text())
    assert (config["dtype"], config.get("quantization_config")) == ("bfloat16", None)
    found = AutoModelForCausalLM.from_pretrained("merged", trust_remote_code=False).state_dict()
    base = {
        "base_model": record["merged_into"]["name"],
        "quantization": record["quantization"]["settings"],
    }
    judged = dequantize(parameters.recipe.model_copy(update=base), "float32")
    expected = attach_adapter(judged, material["adapter"]).merge_and_unload().state_dict()
    assert all(torch.equal(found[name], expected[name].bfloat16()) for name in expected)
    assert Path("merged/tokenizer.json").is_file()


def test_the_code_of_a_merge_names_the_very_base_and_fetches_its_vocabulary():
    record = {
        "dtype": "float16",
        "quantization": None,
        "merged_into": {"name": "owner/base", "commit": "c0ffee"},
        "tokenizer_model": True,
        "gguf": {"file": "model-q4_k_m.gguf", "modelfile": "", "options": ["--temp", "0"]},
    }
    merging = write_merging(record, "me/adapter")
    base = "'owner/base', revision='c0ffee',\n    dtype=torch.float16,\n    use_safetensors=True,"
    assert base in merging["python"]
    fetch, convert, rounds, *_ = merging["shell"].splitlines()
    assert fetch == ("hf download owner/base tokenizer.model --revision c0ffee --local-dir merged")
    assert convert.startswith("python convert_hf_to_gguf.py merged --outfile model-f16.gguf ")
    assert rounds == "llama-quantize model-f16.gguf model-q4_k_m.gguf Q4_K_M"


def test_the_exported_files_are_next_to_the_adapter():
    found = {
        "label": "chrF",
        "adapter": 34.66,
        "file": 33.1,
        "difference": -1.56,
        "interval": [-2.5, -0.6],
        "decimals": 1,
    }
    one = {
        "file": "model-q4_k_m.gguf",
        "bytes": 105_453_920,
        "equal": 12,
        "metrics": {"chrf": found},
    }
    whole = {**one, "file": "model-f16.gguf", "equal": 48}
    table = str(compare_files({"prompts": 48, "files": [one, whole]}))
    assert "| model-q4\\_k\\_m.gguf | 105.5 MB | 12 of 48 |" in table
    assert "34.7 → 33.1 (\N{MINUS SIGN}2.5 to \N{MINUS SIGN}0.6)" in table
    assert "| model-f16.gguf | 105.5 MB | 48 of 48 | 33.1, the same |" in table
    assert compare_files({}) is None


def test_a_merge_of_another_adapter_is_not_shown(material: dict, parameters: UseCase):
    card = write(material, parameters, merge_record={"adapter": "0" * 64})
    assert "Ollama" not in card


def change_provenance(
    adapter: Adapter, prompt: Prompt | None = None, **settings: object
) -> Adapter:
    """Let an adapter be trained with other templates, or with other settings."""
    provenance = deepcopy(adapter.provenance)
    provenance["recipe"]["settings"] |= settings
    if prompt:
        provenance["prompt_templates"] = hash_templates(prompt)
    return replace(adapter, provenance=provenance)


def test_the_code_asks_with_the_system_message_of_the_evaluation(
    material: dict, parameters: UseCase
):
    """Where each row has its own column for it, no template states it."""
    prompt = Prompt(system="{system}", prompt="Be brief.{title}", completion="{content}")
    question = {**material["answers"][-1], "context": say("Be brief.")[:1]}
    card = write(
        material,
        parameters,
        adapter=change_provenance(material["adapter"], prompt),
        prompt=prompt,
        answers=[*material["answers"][:-1], question],
    )
    assert """{"role": "system", "content": 'Be brief.'},""" in card


def test_an_adapter_of_a_whole_base_is_no_qlora(material: dict, parameters: UseCase):
    quantized = write(material, parameters)
    assert "- qlora\n" in quantized
    assert "pip install torch transformers peft accelerate bitsandbytes\n" in quantized
    assert (
        "trained and measured on the base model in 4 bits, loaded as above in `float32`"
        in quantized
    )
    card = write(
        material, parameters, adapter=change_provenance(material["adapter"], quantization=None)
    )
    assert "qlora" not in card
    assert "4 bits" not in card
    assert "LoRA on a base model that is not quantized" in card
    assert "pip install torch transformers peft accelerate\n" in card


def test_records_of_another_run_are_refused_all_at_once(material: dict, parameters: UseCase):
    with pytest.raises(TunelineError) as caught:
        write(
            material,
            parameters,
            train=material["train"][1:],
            training_record=material["training_record"] | {"adapter": "0" * 64},
        )
    assert "train.jsonl: the latest adapter was trained on other examples" in str(caught.value)
    assert "training_record.json: it was written of another adapter" in str(caught.value)


@pytest.mark.parametrize("changed", [{"prompt": "Describe: {title}"}, {"system": "You sell toys."}])
def test_templates_that_the_adapter_has_not_learned_are_refused(
    material: dict, parameters: UseCase, changed: dict
):
    prompt = parameters.prompt.model_copy(update=changed)
    with pytest.raises(TunelineError, match="the examples were made with other templates"):
        write(material, parameters, prompt=prompt)


def test_scores_of_another_adapter_are_refused(material: dict, parameters: UseCase):
    old: Adapter = material["adapter"]
    name = next(iter(old.tensors))
    other = Adapter(
        old.config,
        old.tensors | {name: torch.ones_like(old.tensors[name])},
        old.tokenizer,
        old.provenance,
    )
    with pytest.raises(TunelineError, match="made with another adapter"):
        write(material, parameters, adapter=other)


def test_a_use_case_without_the_block_has_its_defaults(project: Path):
    path = project / "conf/base/product_descriptions/parameters.yml"
    values = yaml.safe_load(path.read_text("utf-8"))
    del values["product_descriptions"]["publish"]
    path.write_text(yaml.safe_dump(values), "utf-8")
    bootstrap_project(project)
    with KedroSession.create(project, env="test") as session:
        catalog = session.load_context().catalog
        assert catalog.load("params:product_descriptions.publish") == Publish()
