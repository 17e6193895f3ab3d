from typing import Any

from tuneline.parameters import Evaluation
from tuneline.pipelines.overview import build_overview, create_pipeline

PLANTED = "</script><img src=x onerror=alert(1)>"
METRIC = {
    "base": 5.86,
    "tuned": 1.234,
    "difference": -4.626,
    "interval": [-5.0, -4.1],
    "result": "better",
}


def make(title: str, questions: int = 0) -> dict[str, Any]:
    """Make what is left of one use case."""
    return {
        "report": "<html>",
        "scores": {
            "verdict": {"label": "mixed", "summary": f"Mixed. {PLANTED}"},
            "metrics": dict.fromkeys(("loss", "perplexity", "chrf", "rouge_l"), METRIC),
            "prompts": 20,
            "questions": questions,
        },
        "training_record": {
            "comparison": [
                {"name": "steps", "planned": 12, "actual": 11, "unit": ""},
                {"name": "tokens", "planned": 9000, "actual": 8765, "unit": ""},
                {"name": "wall time", "planned": None, "actual": 0.05, "unit": "h"},
            ]
        },
        "plan": {
            "inputs": {
                "recipe": {"settings": {"base_model": PLANTED}},
                "hardware": {"name": "laptop CPU"},
            },
            "examples": {"train": 1874},
        },
        "evaluation": {"title": title, "generation": {}},
    }


def render(**use_cases: dict[str, Any]) -> str:
    found = {
        f"{name}.{noun}": value for name, made in use_cases.items() for noun, value in made.items()
    }
    return build_overview(**found)


def test_every_use_case_has_its_verdict_figures_training_and_links():
    page = render(pots=make("Pots"), tea=make("Tea", questions=1))
    assert page.index("<b>Pots</b>") < page.index("<b>Tea</b>")
    assert page.count("5.860 → 1.234") == 2
    assert page.count("\N{MINUS SIGN}5.000 to \N{MINUS SIGN}4.100") == 2
    assert page.count("1,874 examples") == 2
    assert page.count("11 steps, 3.0 min") == 2
    assert page.count("1 fixed question<") == 1
    for link in ("pots/report.html", "tea/plan.html", "tea/training_record.json"):
        assert f'href="{link}"' in page


def test_one_of_a_kind_is_no_plural():
    made = make("Pots", questions=1)
    made["scores"]["prompts"] = made["plan"]["examples"]["train"] = 1
    made["training_record"]["comparison"][0]["actual"] = 1
    page = render(pots=made)
    for words in ("1 held-out prompt,", "1 fixed question<", "1 example\n", "1 step,"):
        assert words in page


def test_the_evaluation_may_be_typed_as_in_a_run_of_everything():
    typed = make("") | {"evaluation": Evaluation(title="Teapots", generation={})}
    assert "<b>Teapots</b>" in render(pots=typed)


def test_what_a_user_wrote_is_escaped_and_no_script_may_run():
    page = render(pots=make(PLANTED))
    assert "<img" not in page
    assert "<script" not in page
    assert "default-src 'none'" in page


def test_it_takes_every_use_case_there_is_a_sixth_too():
    inputs = create_pipeline(["pots", "tea", "sixth"]).inputs()
    assert {"sixth.scores", "sixth.report", "pots.training_record"} <= inputs


def test_what_was_not_measured_or_has_too_few_prompts_is_said():
    made = make("Pots")
    metrics = {**made["scores"]["metrics"], "chrf": METRIC | {"interval": None}}
    nothing = METRIC | {"tuned": None, "difference": None, "interval": None}
    made["scores"] |= {"metrics": metrics | {"loss": nothing}, "groups": 4}
    made["scores"]["verdict"]["notes"] = [f"Four groups. {PLANTED}"]
    del made["scores"]["metrics"]["rouge_l"]
    page = render(pots=made)
    assert "20 held-out prompts in 4 groups" in page
    assert page.count("not measured") == 2
    assert page.count("too few to tell") == 1
    assert "Four groups." in page
    assert "<img" not in page
