from typing import Any

import pytest

from tests.conftest import CPU
from tuneline.parameters import UseCase
from tuneline.pipelines.overview import create_pipeline
from tuneline.pipelines.overview.nodes import build_overview

PLANTED = "</script><img src=x onerror=alert(1)>"
METRIC = {
    "base": 5.86,
    "tuned": 1.234,
    "difference": -4.626,
    "interval": [-5.0, -4.1],
    "result": "better",
}
MADE = {"prepare": 1e9, "plan": 1e9, "train": 1e9, "evaluate": 1e9}


def make(questions: int = 0) -> dict[str, Any]:
    """Make what the stages of one use case have left."""
    training = {
        "adapter": "1",
        "inputs": {"base": {"name": PLANTED}, "hardware": {"name": PLANTED}},
        "examples": {"used": {"train": 1874}},
        "comparison": [
            {"name": "steps", "planned": 12, "actual": 11, "unit": ""},
            {"name": "tokens", "planned": 9000, "actual": 8765, "unit": ""},
            {"name": "wall time", "planned": None, "actual": 0.05, "unit": "h"},
        ],
    }
    training["inputs"]["recipe"] = {"settings": {}}
    scores = {
        "run": {"adapter": "1", "generation": {}, "prompts": ""},
        "verdict": {"label": "mixed", "summary": f"Mixed. {PLANTED}"},
        "metrics": dict.fromkeys(("loss", "perplexity", "chrf", "rouge_l"), METRIC),
        "prompts": 20,
        "questions": questions,
    }
    return make_nothing() | {
        "made": MADE,
        "records": {"train": training, "evaluate": scores},
        "adapter": True,
        "links": {
            "report": "08_reporting/pots/report.html",
            "rejected": "03_primary/pots/rejected.csv",
        },
    }


def make_nothing() -> dict[str, Any]:
    return {
        **{"made": {}, "raw": None, "records": {}, "examples": {}, "test": []},
        **{"adapter": False, "links": {}, "running": {}, "damaged": {}},
    }


@pytest.fixture
def render(parameters: UseCase):
    def do(environment: str = "laptop", title: str = "Pots", **found: dict[str, Any]) -> str:
        settings = parameters.model_dump(mode="json")
        settings["evaluation"]["title"] = title
        blocks = {"hardware": CPU.model_dump(), **dict.fromkeys(found, settings)}
        records = {f"{name}.stage_records": value for name, value in found.items()}
        return build_overview(blocks, environment, **records)

    return do


def test_every_use_case_has_its_verdict_figures_training_and_links(render):
    page = render(pots=make(), tea=make(questions=1))
    assert page.index("pots") < page.index("tea")
    assert page.count("5.860 → 1.234") == 2
    assert page.count("\N{MINUS SIGN}5.000 to \N{MINUS SIGN}4.100") == 2
    assert page.count("1,874 examples") == 2
    assert page.count("11 steps, 3.0 min") == 2
    assert page.count("1 fixed question<") == 1
    for link in ("pots/report.html", "../03_primary/pots/rejected.csv"):
        assert f'href="{link}"' in page


def test_use_cases_that_were_not_run_are_there_with_their_command(render):
    page = render("colab_free", pots=make_nothing())
    assert "not run yet" in page
    assert "<code>kedro run --pipeline=pots --env=colab_free</code>" in page


def test_one_of_a_kind_is_no_plural(render):
    made = make(questions=1)
    made["records"]["evaluate"]["prompts"] = 1
    made["records"]["train"]["examples"]["used"]["train"] = 1
    made["records"]["train"]["comparison"][0]["actual"] = 1
    page = render(pots=made)
    for words in ("1 held-out prompt,", "1 fixed question<", "1 example\n", "1 step,"):
        assert words in page


def test_what_a_user_wrote_is_escaped_and_no_script_may_run(render):
    found = make() | {"damaged": {"plan": [PLANTED]}, "running": {"plan": PLANTED}}
    page = render(title=PLANTED, pots=found)
    assert page.count("onerror") > 5
    assert "<img" not in page
    assert "<script" not in page
    assert "default-src 'none'" in page


def test_it_takes_every_use_case_there_is_a_sixth_too():
    assert "sixth.stage_records" in create_pipeline(["pots", "tea", "sixth"]).inputs()
    assert "sixth.report" not in create_pipeline(["sixth"]).inputs()
    assert "sixth.report" in create_pipeline(["sixth"], reports=True).inputs()


def test_what_was_not_measured_or_has_too_few_prompts_is_said(render):
    made = make()
    scores = made["records"]["evaluate"]
    nothing = METRIC | {"tuned": None, "difference": None, "interval": None}
    scores["metrics"] |= {"chrf": METRIC | {"interval": None}, "loss": nothing}
    scores["groups"] = 4
    scores["verdict"]["notes"] = [f"Four groups. {PLANTED}"]
    del scores["metrics"]["rouge_l"]
    page = render(pots=made)
    assert "20 held-out prompts in 4 groups" in page
    assert page.count("not measured") == 2
    assert page.count("too few to tell") == 1
    assert "Four groups." in page
    assert "<img" not in page
