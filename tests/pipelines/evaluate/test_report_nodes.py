import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import CPU
from tests.pipelines.evaluate.rows import make_row
from tuneline.metrics import measure_answers
from tuneline.models.adapter import Adapter
from tuneline.parameters import Evaluation, Prompting
from tuneline.pipelines.evaluate.report_nodes import build_report, plot_scores
from tuneline.pipelines.evaluate.retention import score_retention
from tuneline.pipelines.evaluate.runs import compare_versions, draw_versions
from tuneline.pipelines.evaluate.scoring_nodes import score_answers
from tuneline.pipelines.evaluate.side_by_side import choose_three, mark_differences

PLANTED = "</script><script>document.title = 'planted'</script><img src=x onerror=alert(1)>"
EVALUATION = Evaluation(
    title=f"Pots {PLANTED}", generation={"do_sample": False, "stop": PLANTED}, resamples=100
)
PLAN = {
    "inputs": {"hardware": {"name": PLANTED}},
    "examples": {"train": 8, "validation": 2, "test": 4},
    "tokens": {"median": 20, "longest": 30},
    "overlong": {
        "policy": "fail",
        "max_length": 256,
        "ids": [f"7{PLANTED}"],
        "tokens_lost": 300,
        "end_tokens_lost": 0,
    },
    "steps": {"total": 4},
    "resolved": {"step": f"2 examples {PLANTED}"},
    "parameters": {"trainable": 10, "base": 100, "trainable_share": 0.09},
}
PROVENANCE = {
    "base": {"name": f"tiny {PLANTED}", "sha256": "a" * 64},
    "examples": {"train": {"count": 8, "sha256": "b" * 64}},
    "recipe": {"sha256": "c" * 64, "settings": {"base_model": PLANTED, "learning_rate": 1}},
    "chat_template_sha256": "d" * 64,
    "versions": {"torch": "2.13.0"},
}
LEAKS = {
    "policy": PLANTED,
    "threshold": 0.8,
    "found": {"exact": 3, "near": 1},
    "moved": 4,
    "dropped": 0,
    "remaining": 0,
    "categories": {f"large {PLANTED}": {"train": 5, "validation": 1, "test": 2}},
    "summary": f"Four rows leaked. {PLANTED}",
}
CLEANING = {
    "rows": 20,
    "clean": 14,
    "rejected": 6,
    "reasons": {PLANTED: 6},
    "summary": f"Most rows are clean. {PLANTED}",
}
TRAINING = {
    "summary": f"It took as long as planned. {PLANTED}",
    "base_validation_loss": 2.5,
    "best": {"step": 2},
    "epochs": [
        {
            "epoch": epoch,
            "step": 2 * epoch,
            "training_loss": 2.0 if epoch > 1 else float("nan"),
            "validation_loss": 1.4321 + epoch,
            "token_accuracy": 61.5,
            "entropy": 1.2,
            "tokens": 300 * epoch,
        }
        for epoch in (1, 2)
    ],
    "comparison": [
        {"name": f"time {PLANTED}", "planned": 12.5, "actual": 13, "unit": "s"},
        {"name": "money", "planned": None, "actual": "none", "unit": PLANTED},
    ],
}
NEXT_STEPS = {
    "steps": [
        {
            "found": f"Worse on chrF {PLANTED}",
            "do": "Look at these rows.",
            "key": f"prompt.prompt {PLANTED}",
            "value": PLANTED,
            "rows": [3, 1],
        }
    ]
}
RATED = {
    "rows": 12,
    "groups": 12,
    "base": 5.4,
    "tuned": 7.2,
    "difference": 1.8,
    "interval": [0.9, 2.5],
    "wins": 9,
    "ties": 2,
    "losses": 1,
    "result": "better",
    "change": 33.3,
    "agreement": 0.7,
}
RUBRIC = {
    "judge": {
        "model": PLANTED,
        "requests": 24,
        "statuses": {"rated": 22, f"failed: {PLANTED}": 2},
        "pairs": 11,
        "disagree": {PLANTED: 2},
        "criteria": {PLANTED: RATED},
        "agreement": {
            "status": "disagrees",
            "summary": f"The judge disagrees with people: {PLANTED}.",
            "criteria": {
                PLANTED: {
                    "tau": -0.12,
                    "interval": [-0.4, 0.21],
                    "alpha": None,
                    "prompts": 30,
                    "groups": 24,
                    "same": 11,
                    "opposite": 14,
                    "status": "disagrees",
                }
            },
        },
    },
    "people": {
        "raters": 2,
        "better_answers": 1,
        "choices": {
            "base": 3,
            "tuned": 9,
            "both good": 4,
            "both bad": 0,
            "compared": {**RATED, "percent": True},
        },
        "criteria": {"completeness": {**RATED, "change": None, "agreement": None}},
        "sheets": [
            {"rater": f"ann {PLANTED}", "rated": 20, "blank": 4, "invalid": 0, "note": ""},
            {"rater": "bob", "rated": 0, "blank": 0, "invalid": 0, "note": PLANTED},
        ],
    },
}

FILE_SCORES = {
    "prompts": 13,
    "take": "model-q8_0.gguf",
    "summary": f"Take model-q8_0.gguf. {PLANTED}",
    "files": [
        {
            "file": "model-q8_0.gguf",
            "bytes": 144_810_848,
            "equal": 12,
            "interval": [0.667, 0.986],
            "tokens_per_second": 29.4,
            "metrics": {
                "chrf": {
                    "label": "chrF",
                    "percent": True,
                    "decimals": 1,
                    "adapter": 34.66,
                    "file": 34.61,
                    "difference": -0.05,
                    "interval": [-1.65, 1.17],
                    "result": "no significant difference",
                }
            },
        }
    ],
}


def make_answers() -> list[dict]:
    """Make rows that the tuned model wins, ties and loses, and one question."""
    texts = [
        ("", f"A pot {PLANTED}"),
        ("A pot of 3 l", "A pot of 3 l"),
        ("A pot & cup of 99 kg", ""),
    ]
    rows = [
        make_row(
            number,
            base,
            tuned,
            f"A pot & cup of 3 l {PLANTED}",
            id=f"{number}{PLANTED}",
            prompt=f"Describe {PLANTED}",
            category=f"large {PLANTED}" if number % 2 else "small",
            slices={"level": f"basics {PLANTED}", "shelf": "left"},
            context=[{"role": "system", "content": PLANTED}],
            base_stopped=False,
        )
        for number, (base, tuned) in enumerate(texts * 4)
    ]
    return [*rows, make_row(12, "Oak is wood.", "Oak is a tree.", None, prompt="What is oak?")]


def make_page(
    answers: list[dict] | None = None, evaluation: Evaluation = EVALUATION, **changes: object
) -> str:
    answers = make_answers() if answers is None else answers
    adapter = Adapter(config={}, tensors={}, tokenizer=None, provenance=PROVENANCE)
    answer_scores = measure_answers(answers, [], evaluation)
    scores = score_answers(answers, answer_scores, adapter, {}, evaluation, CPU)
    other = {**scores, "run": {**scores["run"], "recipe": {"learning_rate": 2, "seed": PLANTED}}}
    comparison = compare_versions({"2026-01-01": other, "2026-01-02": scores})
    score_plot, category_plot = plot_scores(scores)
    given = {
        "rubric": RUBRIC,
        "leak_report": LEAKS,
        "cleaning_report": CLEANING,
        "training_record": TRAINING,
        "comparison": comparison,
        "next_steps": NEXT_STEPS,
        "file_scores": FILE_SCORES | {"adapter": scores["run"]["adapter"]},
    } | changes
    return build_report(
        scores=scores,
        answers=answers,
        answer_scores=answer_scores,
        plan=PLAN,
        adapter=adapter,
        score_plot=score_plot,
        category_plot=category_plot,
        comparison_plot=draw_versions(comparison),
        loss_curve=score_plot,
        token_plot=score_plot,
        evaluation=evaluation,
        **given,
    )


@pytest.fixture(scope="module")
def page() -> str:
    return make_page()


@pytest.fixture(scope="module")
def opened(page: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator:
    """Open the page in a real browser, which notes what it says and what it asks for."""
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None:
        pytest.skip("there is no Chromium on this machine")
    from playwright.sync_api import sync_playwright

    path = tmp_path_factory.mktemp("page") / "report.html"
    path.write_text(page, encoding="utf-8")
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        tab = browser.new_page(viewport={"width": 390, "height": 844})
        tab.said, tab.asked = [], []
        tab.on("console", lambda message: tab.said.append(message.text))
        tab.on("pageerror", lambda error: tab.said.append(str(error)))
        tab.on("dialog", lambda dialog: (tab.said.append(dialog.message), dialog.dismiss()))
        tab.on("request", lambda request: tab.asked.append(request.url))
        tab.goto(path.as_uri())
        tab.wait_for_selector("#plot-scores .main-svg")
        yield tab
        browser.close()


def test_the_page_opens_without_an_error_and_without_a_request(opened):
    assert opened.said == []
    assert [url for url in opened.asked if not url.startswith(("file:", "data:"))] == []
    assert len(opened.asked) == 1


def test_a_planted_script_does_not_run_and_is_there_to_be_read(opened):
    assert opened.title().startswith("Pots </script>")
    assert opened.locator("article img, header img, td img, li img").count() == 0
    assert PLANTED in opened.locator("#all h3").first.inner_text()
    assert PLANTED in opened.locator(".steps li").first.inner_text()


def test_a_script_that_were_not_escaped_would_not_run_either(opened, page: str, tmp_path: Path):
    path = tmp_path / "broken.html"
    path.write_text(page.replace("<header>", f"<header>{PLANTED}", 1), encoding="utf-8")
    tab = opened.context.browser.new_page()
    tab.goto(path.as_uri())
    assert tab.title() != "planted"
    tab.close()


def test_every_plot_is_drawn(opened):
    names = ("scores", "categories", "runs", "losses", "tokens")
    for name in names:
        assert opened.locator(f"#plot-{name} .main-svg").count() > 0, name


def test_the_filter_shows_what_was_asked_for(opened):
    def count(category: str, result: str) -> int:
        opened.select_option("[data-filter=category]", category)
        opened.select_option("[data-filter=result]", result)
        shown = opened.locator("#all article:visible").count()
        assert opened.locator("#shown").inner_text() == f"{shown} of 13 shown"
        return shown

    assert count("", "") == 13
    assert [count("", result) for result in ("win", "tie", "loss", "none")] == [4, 4, 4, 1]
    assert count("small", "") == 6
    assert count("small", "win") == 2
    assert count(f"large {PLANTED}", "none") == 0


def test_the_answers_are_sorted_by_gain_and_back(opened):
    def read(order: str) -> list[str]:
        opened.select_option("#order", order)
        found = opened.locator("#all article").evaluate_all(
            "(all) => all.map((a) => a.dataset.gain)"
        )
        return [gain for gain in found if gain]

    gains = read("")
    assert [float(gain) for gain in read("-1")] == sorted(map(float, gains), reverse=True)
    last = opened.locator("#all article").last.get_attribute("data-result")
    assert last == "none"  # a fixed question has no gain
    assert [float(gain) for gain in read("1")] == sorted(map(float, gains))
    assert read("") == gains


def test_a_link_to_a_row_shows_it_although_it_was_filtered_out(opened):
    opened.select_option("[data-filter=result]", "win")
    assert opened.locator("#answer-1").is_hidden()
    opened.locator(".steps a").nth(1).click()
    opened.wait_for_selector("#answer-1:visible")


def test_paper_has_everything_unfolded(opened):
    assert opened.locator("details[open]").count() == 0
    opened.evaluate("window.dispatchEvent(new Event('beforeprint'))")
    assert opened.locator("details:not([open])").count() == 0


def test_three_answers_are_the_best_the_middle_and_the_worst():
    assert choose_three([1.0, None, -5.0, 7.0, 2.0]) == {
        "Largest gain": 3,
        "In the middle": 4,
        "Largest loss": 2,
    }
    assert choose_three([1.0, 3.0]) == {"Largest gain": 1, "Smallest gain": 0}
    assert choose_three([-1.0]) == {"Smallest loss": 0}
    assert choose_three([None]) == {}


def test_nothing_sticks_out_of_a_phone(opened):
    assert opened.evaluate("document.documentElement.scrollWidth") <= 390


def test_the_verdict_comes_first(page: str):
    body = page[page.index("<body>") :]
    places = [
        'class="verdict',
        'class="cards',
        "Largest gain",
        "What next",
        "<table",
        "All answers",
    ]
    assert [body.index(one) for one in places] == sorted(body.index(one) for one in places)
    assert body.count('class="card"') == 5


def test_everything_that_a_model_or_a_user_wrote_is_escaped(page: str):
    assert "<script>document" not in page
    assert "<img" not in page


def test_epochs_slices_and_the_sizes_of_categories_are_shown(page: str):
    assert page.count("the best: the released adapter") == 1
    assert all(figure in page for figure in ("2.4321", "3.4321", "61.50"))
    assert all(f"<h2>By {name}</h2>" in page for name in ("category", "level", "shelf"))
    assert '<td data-label="validation">1</td><td data-label="test">2</td>' in page


def test_every_answer_leads_back_to_its_source_and_says_how_it_ended(page: str):
    assert page.count("<article id=") == 13
    assert "line 3 of the raw data" in page
    assert "evaluation.questions" in page
    assert "(no answer)" in page
    shown = page[page.index('id="all"') :]
    assert shown.count("cut at the length limit") == 12
    assert "Missed: 3 l" in page
    assert "Not in the reference: 99 kg" in page


def test_the_page_does_without_what_is_not_there():
    answers = make_answers()
    scores = score_answers(
        answers,
        measure_answers(answers, [], EVALUATION),
        Adapter({}, {}, None, PROVENANCE),
        {},
        EVALUATION,
        CPU,
    )
    bare = make_page(rubric=None, comparison=compare_versions({"1": scores}))
    for heading in ("Ratings", "Runs compared"):
        assert f"<h2>{heading}</h2>" not in bare


@pytest.mark.parametrize(
    ("rater", "there", "not_there"),
    [("judge", "By a judge model", "By people"), ("people", "By people", "By a judge model")],
)
def test_one_kind_of_rater_alone_is_shown_alone(rater: str, there: str, not_there: str):
    page = make_page(rubric={rater: RUBRIC[rater]})
    assert there in page
    assert not_there not in page


def test_a_judge_that_disagrees_with_people_is_named_before_its_numbers(page: str):
    part = page.partition("<h2>Ratings</h2>")[2].partition("<h2>")[0]
    assert re.sub(r"<[^>]+>", "", part).strip().startswith("The judge disagrees with people: ")
    assert part.index("The judge disagrees") < part.index("By a judge model")
    for number in (
        "\N{MINUS SIGN}0.12",
        "\N{MINUS SIGN}0.40 to 0.21",
        "11 · 14",
        "30 in 24 groups",
    ):
        assert number in part, number


def test_what_people_chose_and_corrected_is_shown(page: str):
    words = " ".join(page.split())
    assert "Tuned 9, base 3, both good 4, both bad 0. Tuned minus base:" in words
    assert "1 better answer so far" in words


def test_sheets_without_a_rating_say_so():
    people = {"raters": 0, "criteria": {}, "sheets": []}
    page = make_page(rubric={"people": people})
    assert "No rating yet" in page
    assert "<code>rating_sheet</code>" in page
    assert "0 raters" not in page


def test_the_other_stages_reports_are_shown(page: str):
    for words in ("Four rows leaked.", "Most rows are clean.", "It took as long as planned."):
        assert words in page
    assert "Remaining: 0." in page


def test_each_model_has_its_interval_and_the_test_its_power():
    """Three of eight are right before and all after: Wilson's 13.7 to 69.4, and 67.6 to 100."""
    rows = [
        make_row(number, "Oak", "Oak" if number < 3 else "Elm", "Oak", prompt=f"Tree {number}?")
        for number in range(8)
    ]
    page = make_page(rows)
    assert '37.5<small class="nowrap">13.7 to 69.4</small>' in page
    assert '100.0<small class="nowrap">67.6 to 100.0</small>' in page
    power = page.split("How small a difference this test can show")[1].split("</table>")[0]
    assert all(name in power for name in ("chrF", "ROUGE-L", "8 prompts"))


def test_numbers_carry_a_real_minus_sign(page: str):
    assert "−" in page[page.index("<tbody>") : page.index("</tbody>")]


def test_differences_are_marked_word_by_word_and_character_by_character():
    assert str(mark_differences("A Big <pot>", "a small <pot>")) == "A <mark>Big </mark>&lt;pot&gt;"
    assert str(mark_differences("鞋模濕度", "鞋模溫度")) == "鞋模<mark>濕</mark>度"
    assert str(mark_differences("", "a pot")) == ""


def test_exported_files_are_shown_next_to_the_adapter(page: str):
    start = page.index("Files for llama.cpp and Ollama")
    section = page[start : page.index("<h2>", start)]
    for words in ("take this one", "145 MB", "12 of 13", "67 to 99 %", "34.7 → 34.6"):
        assert words in section


def test_files_of_another_adapter_are_not_shown():
    assert "Files for llama.cpp" not in make_page(file_scores=FILE_SCORES | {"adapter": "0" * 64})


def test_prompting_rules_and_loops_are_on_the_page_escaped():
    """The rows whose answers break a rule come first; their links still lead to them."""
    rows = make_answers()
    for number, row in enumerate(rows):
        row |= {
            "few_shot_answer": f"A prompted pot {PLANTED}",
            "few_shot_tokens": 10,
            "few_shot_seconds": 0.5,
            "few_shot_stopped": True,
            "few_shot_shots": 3 if number else 2,
            "rules": {"contain": [f"lid {PLANTED}"]} if number == 7 else {},
        }
    rows[3]["tuned_answer"] = f"It is round. {PLANTED} and good. " * 4
    shown = make_page(rows, EVALUATION.model_copy(update={"prompting": Prompting()}))
    assert PLANTED not in shown
    assert "Would a good prompt have done?" in shown
    assert "the 2 to 3 of the training split" in shown
    assert 'class="loop"' in shown
    answers = shown[shown.index('id="all"') :]
    places = re.findall(r'<article id="answer-(\d+)"', answers)
    assert places == ["7", *(str(place) for place in range(13) if place != 7)]
    assert "does not contain" in answers
    assert "broken rules first" in shown
    assert "Would a good prompt" not in make_page()


def make_retention(tuned: int) -> dict:
    rows = [
        {
            "id": f"reading {number}",
            "kind": "reading",
            "prompt": f"Who is number {number}? {PLANTED}",
            "check": {"any": ["Eva"]},
            "base_answer": "Eva",
            "tuned_answer": "Eva" if number < tuned else f"A pot {PLANTED}",
        }
        for number in range(40)
    ]
    return score_retention(rows, EVALUATION)


def test_what_it_forgot_is_told_by_kind_with_the_prompts():
    shown = make_page(retention=make_retention(10))
    section = shown.partition("<h2>What it forgot</h2>")[2].partition("<h2>")[0]
    assert "The tuned model has lost what the base model can do" in section
    assert "30 prompts that only the base model has right" in section
    assert section.count("Who is number") == 30
    assert PLANTED not in section
    kept = make_page(retention=make_retention(40)).partition("<h2>What it forgot</h2>")[2]
    assert "No worse than the base model by 10 points" in kept
    assert "only the base model has right" not in kept


def test_nothing_is_said_of_what_was_not_asked(page: str):
    assert "What it forgot" not in page
