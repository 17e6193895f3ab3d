"""A clock that was set back: what was made last is what is evaluated and published."""

import json
from pathlib import Path

import pytest

from tests.guarantees import commands
from tests.guarantees.reference import Reference
from tests.guarantees.small_project import DATA, RUN, STEPS

pytestmark = pytest.mark.slow

TRAINED, EVALUATED = (
    next(step for step in STEPS if step.name == name) for name in ("train", "evaluate")
)
FUTURE = "2099-01-01T00.00.00.000Z"
MODELS = DATA / "06_models/product_descriptions"
OTHER_RECIPE = "--params=product_descriptions.recipe.learning_rate=0.002"


def test_what_was_made_last_is_evaluated_and_published_though_its_name_is_older(
    reference: Reference, tmp_path: Path
):
    project = tmp_path / "project"
    reference.restore(EVALUATED, project, after=True)
    (old,) = (project / MODELS / "adapter").glob("2*")
    old.rename(old.with_name(FUTURE))  # as a clock that went wrong would have named it
    (old.parent / ".versions.json").write_text(json.dumps([FUTURE]))
    ended = commands.run(project, f"run --env=test --pipelines=plan,train,evaluate {OTHER_RECIPE}")
    assert ended.status == 0, ended.output
    assert f"an older name than {FUTURE}" in ended.output
    (new,) = (path for path in old.parent.glob("2*") if path.name != FUTURE)
    adapter = (new / "adapter/adapter_model.safetensors").read_bytes()
    assert adapter != (old.with_name(FUTURE) / "adapter/adapter_model.safetensors").read_bytes()
    assert f"adapter/{new.name}/adapter" in ended.output
    published = commands.run(project, f"{RUN}publish {OTHER_RECIPE}")
    assert published.status == 0, published.output
    assert (project / MODELS / "release/adapter_model.safetensors").read_bytes() == adapter
