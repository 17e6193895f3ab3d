import re

import plotly.graph_objects as go
import pytest

from tuneline.adapters import Adapter
from tuneline.parameters import Evaluation
from tuneline.pipelines.evaluate.nodes import build_report, plot_scores, score_answers

SCRIPT = "<script>document.title = 'run'</script>"
EVALUATION = Evaluation(
    title=f"Pots {SCRIPT}", generation={"do_sample": False, "stop": SCRIPT}, resamples=100
)
PLAN = {
    "made_for": {"hardware.name": SCRIPT},
    "examples": {"train": 8, "validation": 2, "test": 4},
    "tokens": {"median": 20, "longest": 30},
    "overflow": {"max_length": 256, "ids": []},
    "steps": {"total": 4, "global_batch_size": 2, "per_device_batch_size": 2, "accumulation": 1},
    "parameters": {"trainable": 10, "base": 100, "trainable_share": 0.09},
}


def make_answer(number: int) -> dict:
    row = {
        "id": f"{number}{SCRIPT}",
        "line": number,
        "prompt": f"Describe {SCRIPT}",
        "reference": f"A pot & {SCRIPT}",
        "reference_tokens": 9,
    }
    for who, text in (("base", ""), ("tuned", f"A pot {SCRIPT}")):
        row |= {
            f"{who}_answer": text,
            f"{who}_tokens": 5,
            f"{who}_seconds": 0.1,
            f"{who}_stopped": who == "tuned",
            f"{who}_loss": 20.0 if who == "base" else 9.0 + number,
            f"{who}_correct": 3,
        }
    return row


@pytest.fixture(scope="module")
def page() -> str:
    answers = [make_answer(number) for number in range(4)]
    scores = score_answers(answers, EVALUATION)
    provenance = {
        "base": {"name": f"tiny {SCRIPT}", "sha256": "a" * 64},
        "examples": {"train": {"count": 8, "sha256": "b" * 64}},
        "recipe": {"sha256": "c" * 64, "settings": {"base_model": SCRIPT}},
        "chat_template_sha256": "d" * 64,
        "versions": {"torch": "2.13.0"},
    }
    adapter = Adapter(config={}, tensors={}, tokenizer=None, provenance=provenance)
    plots = [plot_scores(scores), go.Figure(), go.Figure()]
    return build_report(scores, answers, PLAN, adapter, *plots, EVALUATION)


def test_the_verdict_stands_first(page: str):
    body = page[page.index("<body>") :]
    assert body.index('class="verdict') < body.index("<table>") < body.index("<article>")


def test_everything_that_a_model_or_a_user_wrote_is_escaped(page: str):
    assert SCRIPT not in page
    assert "&lt;script&gt;" in page


def test_the_page_asks_for_nothing_from_elsewhere(page: str):
    body = page[page.index("<body>") :]
    assert not re.findall(r"""(?:src|href)\s*=\s*["']?https?:""", body)
    assert "<link" not in page


def test_every_answer_is_shown_with_its_line_and_an_empty_one_is_named(page: str):
    assert page.count("<article>") == 4
    assert "line 3 of the raw data" in page
    assert "(no answer)" in page
    assert page.count("cut at the length limit") == 4


def test_numbers_carry_a_real_minus_sign(page: str):
    assert "−" in page[page.index("<tbody>") : page.index("</tbody>")]
