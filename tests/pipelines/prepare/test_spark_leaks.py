"""The leak check with Spark's workers: what it finds on one machine."""

from pathlib import Path
from random import Random

import polars as pl

from tests.pipelines.prepare.test_leaks import change
from tests.spark_local import LOCAL, needs_spark
from tuneline.examples import SPLIT_GROUP
from tuneline.parameters import Data, Evaluation, Leaks, Prompt
from tuneline.pipelines.prepare.nodes import check_leaks
from tuneline.pipelines.prepare.spark_leaks import FORMS
from tuneline.spark.session import Cluster
from tuneline.spark.tables import SparkSample

PROMPT = Prompt(prompt="Describe {title}, please.", completion="{content}")
ROWS = 400


def make_rows() -> pl.DataFrame:
    """Make rows of which some are copies of others, or nearly, and some fill a template."""
    draw = Random(3)
    words = ["".join(draw.choices("abcdefghij", k=5)) for _ in range(900)]
    rows: list[tuple[str, str]] = []
    for number in range(ROWS):
        title, content = (" ".join(draw.choices(words, k=count)) for count in (5, 30))
        if number % 5 == 1:
            title, content = rows[draw.randrange(number)]
            content = change(content, number % 4, seed=number)
        if number % 9 == 2:
            content = f"The parcel of {title} is kept on the third shelf until somebody comes."
        rows.append((title, content))
    splits = ["train"] * 300 + ["validation"] * 40 + ["test"] * 60
    draw.shuffle(rows)
    about = {"line": range(1, ROWS + 1), "split": splits, "id": [f"u{n}" for n in range(ROWS)]}
    titles, contents = zip(*rows, strict=True)
    texts = {"title": titles, "content": contents, SPLIT_GROUP: titles}
    return pl.DataFrame(about | texts)


@needs_spark
def test_the_leak_check_is_the_same_as_on_one_machine(tmp_path: Path, data: Data):
    rows = make_rows()
    for part in range(3):
        rows[150 * part :][:150].write_ipc(tmp_path / f"part-{part:05}.arrow")
    leaks = Leaks(policy="move", drop_copies=True)
    data = data.model_copy(update={"leaks": leaks, "id": "id"})
    asked = Evaluation(title="", questions=[f"Describe {rows['title'][7]}, please."], generation={})
    sample = SparkSample(tmp_path, Cluster(LOCAL))
    here, there = (check_leaks(one, data, PROMPT, asked) for one in (rows, sample))
    assert here[0].equals(there[0])
    assert here[1].equals(there[1])
    assert here[2].equals(there[2])
    assert here[3] == there[3]
    assert min(here[3]["found"].values()) > 4
    assert here[3]["copies"] > 10
    assert not (tmp_path / FORMS).exists()
