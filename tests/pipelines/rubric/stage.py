"""The whole stage on answers that are given, with the datasets of the real catalog."""

from pathlib import Path
from typing import Any

import yaml
from kedro.io import DataCatalog, MemoryDataset
from kedro.runner import SequentialRunner

from tests.conftest import PROJECT
from tests.pipelines.evaluate.rows import make_row
from tuneline.parameters import Criterion, Evaluation, Prompt, Rubric
from tuneline.pipelines.rubric import create_pipeline

ADAPTER = "a" * 64
CRITERIA = [
    Criterion(name="completeness", description="Is everything there?"),
    Criterion(name="readability", description="Does it read well?"),
]
RUBRIC = Rubric(criteria=CRITERIA, people=True)
EVALUATION = Evaluation(title="Pots", generation={}, rubric=RUBRIC, resamples=500)
PROMPT = Prompt(prompt="Describe {title}.", completion="{content}")
ANSWERS = [
    make_row(number, f"base {number}", f"tuned {number}", f"Reference {number}", category="pots")
    for number in range(12)
]


class Stage:
    """The stage of a use case that is called `pots`.

    Args:
        folder: of all data.
        answers: one row a prompt.
    """

    def __init__(self, folder: Path, answers: list[dict] = ANSWERS) -> None:
        self.answers, self.evaluation, self.adapter = answers, EVALUATION, ADAPTER
        self.output, self.reporting = folder / "07_model_output/pots", folder / "08_reporting/pots"
        self.ratings = self.output / "ratings"
        text = (PROJECT / "conf/base/catalog_rubric.yml").read_text("utf-8")
        text = text.replace("${globals:data}", str(folder)).replace("{use_case}.", "")
        text = text.replace("{use_case}", "pots").replace("${globals:limits}", "{}")
        self._catalog = yaml.safe_load(text)

    def run(self) -> dict[str, Any]:
        """Run it; answer with what it says about people and judge."""
        given = {
            "answers": self.answers,
            "scores": {"run": {"adapter": self.adapter}},
            "params:evaluation": self.evaluation,
            "params:prompt": PROMPT,
        }
        catalog = DataCatalog.from_config(self._catalog)
        for name, value in given.items():
            catalog[name] = MemoryDataset(value, copy_mode="assign")
        SequentialRunner().run(create_pipeline(), catalog)
        return dict(catalog.load("rubric"))

    def load(self, name: str) -> Any:
        """Load a dataset."""
        return DataCatalog.from_config(self._catalog).load(name)

    def find(self, folder: str) -> Path:
        """Find the one file of a folder."""
        (found,) = (self.output / folder).iterdir()
        return found

    def find_tuned(self, number: int) -> str:
        """Tell which side of a prompt is the tuned model's."""
        (key,) = self.load("rating_key").values()
        sides = key()[str(number)]
        return "A" if sides["A"] == "tuned" else "B"
