import json
from pathlib import Path

from tests.commands import kedro
from tuneline.reporting.stage_records import read_stages


def test_a_sweep_is_run_without_the_test_split_and_changes_nothing(finished_run: Path):
    data = finished_run / "data/test"
    (data / "05_model_input/product_descriptions/test.jsonl").unlink()
    adapter = data / "06_models/product_descriptions/adapter"
    before = {path: path.read_bytes() for path in adapter.rglob("*") if path.is_file()}
    key = "product_descriptions.sweep.trials=3"
    done = kedro(finished_run, "run", "--env=test", "--pipeline=sweep", f"--params={key}")
    said = done.stdout + done.stderr
    assert done.returncode == 0, said
    assert said.index("Sweep: 3 trials, compared after 33%, 100%") < said.index("Sweep to 33%")
    report = data / "08_reporting/product_descriptions"
    record = json.loads((report / "sweep_record.json").read_text("utf-8"))
    assert record["summary"] in " ".join(said.split())
    assert len(record["trials"]) == 3
    assert record["winner"] in (report / "sweep.html").read_text("utf-8")
    assert (report / "sweep.csv").is_file()
    assert {path: path.read_bytes() for path in before} == before
    found = read_stages(data, "product_descriptions")
    assert "sweep" in found["made"]
    assert found["links"]["sweep"] == "08_reporting/product_descriptions/sweep.html"
    refused = kedro(
        finished_run,
        *("run", "--env=test", "--pipeline=sweep"),
        "--params=product_descriptions.sweep.trials=1",
    )
    assert refused.returncode == 1
    assert "product_descriptions.sweep.trials = 1: 1 trial compares nothing" in refused.stderr or (
        "product_descriptions.sweep.trials: 1 trial compares nothing" in refused.stderr
    )
