"""The references of the shipped use cases, as answers: perfect by every metric that counts."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import orjson
import pytest
import yaml
from kedro.framework.session import KedroSession
from kedro.framework.startup import bootstrap_project

from tests.conftest import PROJECT, copy_project, link_samples
from tests.pipelines.evaluate.rows import make_row
from tuneline.metrics import METRICS, measure_answers, stack_scores
from tuneline.parameters import Evaluation

pytestmark = pytest.mark.slow

LANGUAGES = {
    "development_plans": "ro",
    "essential_oils": "cs",
    "persona_dialogues": "cs",
    "product_descriptions": "en",
    "shoe_mould": "zh-Hant",
}


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Work in a copy of the project in which every use case is prepared."""
    folder = link_samples(copy_project(tmp_path_factory.mktemp("prepared") / "project"))
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        bootstrap_project(folder)
        outputs = [f"{use_case}.test" for use_case in LANGUAGES]
        with KedroSession.create(folder, env="test") as session:
            session.run(pipeline_names=["all"], to_outputs=outputs)
        yield folder


@pytest.mark.parametrize("use_case", LANGUAGES)
def test_a_reference_is_a_perfect_answer(prepared: Path, use_case: str):
    stated = yaml.safe_load((PROJECT / f"conf/base/{use_case}/parameters.yml").read_text("utf-8"))
    block = stated[use_case]["evaluation"] | {"language": LANGUAGES[use_case]}
    evaluation = Evaluation.model_validate(block | {"rubric": None})
    examples = [
        orjson.loads(line)
        for path in sorted((prepared / "data/test").glob(f"*/{use_case}/test.jsonl"))
        for line in path.read_bytes().splitlines()
    ]
    assert examples
    rows = [
        make_row(n, "", one["completion"][-1]["content"], one["completion"][-1]["content"])
        | {"prompt": one["prompt"][-1]["content"], "key_terms": one["meta"].get("key_terms", [])}
        for n, one in enumerate(examples)
    ]
    _, found = stack_scores(measure_answers(rows, [], evaluation))
    for metric in METRICS:
        if metric.name in found and (metric.decides_verdict or metric.name == "exact_match"):
            numerators, denominators = found[metric.name].T
            there = denominators > 0
            assert np.allclose(numerators[there] / denominators[there], 100), metric.name
