"""The stage from templates to raw rows, with the offline provider and the tracked templates."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.conftest import PERSONA, PROJECT
from tests.scripted_server import ScriptedServer, serve
from tuneline.datasets import JSONLinesDataset
from tuneline.errors import TunelineError
from tuneline.parameters import Moderation, Prices, Server, Synthesize
from tuneline.parameters.synthesis import Quotas
from tuneline.pipelines.synthesize.template_nodes import (
    check_templates,
    estimate_cost,
    extend_templates,
    merge_conversations,
    moderate_conversations,
    report_synthesis,
    write_answers,
    write_questions,
)
from tuneline.settings import CONFIG_LOADER_ARGS, CONFIG_LOADER_CLASS
from tuneline.utils.caches import Cache

TEMPLATES = yaml.safe_load((PROJECT / PERSONA / "templates.yml").read_text())
VOCABULARY = yaml.safe_load((PROJECT / PERSONA / "vocabulary.yml").read_text())
HUMAN_WRITTEN = JSONLinesDataset(filepath=str(PROJECT / PERSONA / "human_written.jsonl")).load()
LOADER = CONFIG_LOADER_CLASS(str(PROJECT / "conf"), env="test", **CONFIG_LOADER_ARGS)
PARAMETERS = LOADER["parameters"]
PRICES = Prices.model_validate(PARAMETERS["prices"])
SETTINGS = Synthesize.model_validate(PARAMETERS["persona_dialogues"]["synthesize"])
SOURCE = SETTINGS.templates
assert SOURCE is not None
WIDE = SOURCE.model_copy(update={"quotas": SOURCE.quotas.model_copy(update={"tolerance": 1.0})})


def synthesize(
    settings: Synthesize, folder: Path, vocabulary: dict[str, Any] = VOCABULARY
) -> dict[str, Any]:
    """Run the stage's nodes one after the other, as the pipeline does."""
    responses, made = Cache(folder / "responses.jsonl"), {}
    checked = check_templates(TEMPLATES, vocabulary, settings)
    estimated = estimate_cost(checked, settings, PRICES)
    templates, first = extend_templates(checked, vocabulary, responses, estimated, settings, PRICES)
    written_answers, second = write_answers(
        templates, vocabulary, responses, first, settings, PRICES
    )
    conversations, third = write_questions(
        written_answers, vocabulary, responses, first, second, settings, PRICES
    )
    moderated, flagged = moderate_conversations(conversations, responses, settings)
    rows = (estimated, templates, written_answers, conversations, moderated, flagged, HUMAN_WRITTEN)
    report, invalid = report_synthesis(*rows, first, second, third, settings)
    made |= {
        "written_answers": written_answers,
        "conversations": conversations,
        "flagged": flagged,
        "invalid": invalid,
    }
    raw = merge_conversations(moderated, HUMAN_WRITTEN, report, settings)
    return {**made, "templates": templates, "report": report, "raw": raw}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return synthesize(SETTINGS, tmp_path_factory.mktemp("responses"))


def test_every_step_adds_up_and_every_row_has_an_origin(made: dict[str, Any]):
    report = made["report"]
    for step in report["steps"]:
        assert step["in"] == step["out"] + step["set_aside"]
    assert [step["in"] for step in report["steps"][1:]] == [
        step["out"] for step in report["steps"][:-1]
    ]
    origins = [row["origin"]["source"] for row in made["raw"]]
    assert origins.count("human_written") == len(HUMAN_WRITTEN) == report["raw"]["human_written"]
    assert origins.count("synthesized") == report["raw"]["synthesized"]
    assert len(made["raw"]) == report["raw"]["all"]
    assert len({row["id"] for row in made["raw"]}) == len(made["raw"])


def test_styles_and_slips_are_what_the_quotas_say(made: dict[str, Any]):
    shares = {one["name"]: one["count"] for one in made["report"]["quotas"]}
    assert shares == dict.fromkeys(SOURCE.quotas.styles, 24) | {"disfluencies": 18}


def test_a_slip_is_in_its_answer_and_leads_to_the_right_word(made: dict[str, Any]):
    for row in made["raw"]:
        disfluency = row["origin"].get("disfluency")
        if disfluency:
            assert f"{disfluency}… " in row["messages"][-1]["content"]


def test_an_answer_holds_the_words_of_its_own_template_and_its_question_those_of_the_answer(
    made: dict[str, Any],
):
    texts = {one["number"]: one["text"] for one in made["templates"]}
    for one in made["conversations"]:
        if not one["disfluency"]:
            literals = re.split(r"\{[^}]*\}", texts[one["template"]])
            assert all(part[1:].strip(" .") in one["answer"] for part in literals)
        forms = [
            form
            for entry in one["fillers"].values()
            for form in (entry.values() if isinstance(entry, dict) else [entry])
        ]
        assert "{" not in one["question"]
        known = any(form.casefold() in one["question"].casefold() for form in forms)
        free = [text for text in VOCABULARY["questions"] if "{" not in text]
        assert known or any(text[1:] in one["question"] for text in free)


def test_every_form_of_a_feat_has_its_auxiliary_where_czech_wants_it(made: dict[str, Any]):
    # "že jste přečkal", never "že přečkal jste": a clitic comes second in its clause.
    for entry in VOCABULARY["placeholders"]["feat"]:
        assert entry["vy"].startswith("jste ")
        assert entry["me"].split()[1] == "jsem"
    for row in made["raw"]:
        question, answer = (message["content"] for message in row["messages"][1:])
        assert not re.search(r"\b(prý|že|když) \w+l jste\b", question, re.IGNORECASE)
        assert not re.search(r"\bže prý že\b", answer, re.IGNORECASE)


def test_the_same_seed_writes_the_same_rows_and_another_one_others(
    made: dict[str, Any], tmp_path: Path
):
    assert synthesize(SETTINGS, tmp_path / "again")["raw"] == made["raw"]
    other = SETTINGS.model_copy(update={"seed": 1})
    assert synthesize(other, tmp_path / "other")["raw"] != made["raw"]


def test_new_templates_fill_up_the_styles_and_none_is_a_near_duplicate(made: dict[str, Any]):
    from rapidfuzz import fuzz

    texts = [one["text"] for one in made["templates"]]
    assert len(texts) == SOURCE.count
    for number, text in enumerate(texts[len(TEMPLATES) :], start=len(TEMPLATES)):
        nearest = max(fuzz.ratio(text, other) for other in texts[:number])
        assert nearest < 100 * SETTINGS.near_duplicate_threshold


def test_flagged_conversations_are_reported_and_the_rest_goes_on(tmp_path: Path):
    moderation = Moderation(by="list", categories={"gulls": [r"\brac(ek|k)"]})
    settings = SETTINGS.model_copy(update={"moderation": moderation, "templates": WIDE})
    made = synthesize(settings, tmp_path)
    report = made["report"]["moderation"]
    assert 0 < report["flagged"] == report["categories"]["gulls"] < SOURCE.conversations
    assert len(made["raw"]) == len(HUMAN_WRITTEN) + SOURCE.conversations - report["flagged"]
    assert {one["id"] for one in report["conversations"]} == {one["id"] for one in made["flagged"]}


def test_quotas_that_the_moderation_spoils_stop_the_stage(tmp_path: Path):
    moderation = Moderation(by="list", categories={"disfluencies": ["… "]})
    with pytest.raises(TunelineError, match=r"quotas: disfluencies = 0\.15"):
        synthesize(SETTINGS.model_copy(update={"moderation": moderation}), tmp_path)


def by_server(server: ScriptedServer, **changes: Any) -> Synthesize:
    about = Server(base_url=server.url, model="gpt-4.1-mini", sampling={"max_tokens": 900})
    source = WIDE.model_copy(update={"count": len(TEMPLATES)})
    values = {"provider": "server", "server": about, "templates": source}
    return SETTINGS.model_copy(update=values | changes)


def test_the_report_shows_the_servers_usage_next_to_the_estimate(tmp_path: Path):
    with serve(ScriptedServer()) as server:
        report = synthesize(by_server(server), tmp_path)["report"]
    reported = report["cost"]["reported"]["answers"]
    assert reported["responses"] == SOURCE.conversations // SETTINGS.batch_size
    assert reported["prompt_tokens"] == 100 * reported["responses"]
    assert reported["dollars"] == pytest.approx((100 * 0.4 + 50 * 1.6) * 12 / 1e6)
    estimate = report["cost"]["estimate"]
    assert estimate["dollars"] == estimate["models"]["gpt-4.1-mini"]["normal"] > 0
    assert estimate["models"]["gpt-4.1-mini"]["batch"] < estimate["dollars"]
    assert "characters are one token" in estimate["assumptions"]


def test_an_estimate_beyond_the_budget_stops_before_anything_is_asked(tmp_path: Path):
    with serve(ScriptedServer()) as server:
        settings = by_server(server, budget=0.0001)
        with pytest.raises(TunelineError, match="the whole stage is estimated"):
            synthesize(settings, tmp_path)
    assert server.requests == {}


def test_a_budget_is_for_all_steps_together(tmp_path: Path):
    with serve(ScriptedServer()) as server:
        generous = by_server(server, budget=100.0)
        spent = synthesize(generous, tmp_path / "a")["report"]["cost"]["reported"]
        answers = spent["answers"]["dollars"]
        prices = PRICES.model_copy(update={"characters_per_token": 1000.0})
        settings = by_server(server, budget=answers * 1.2)
        responses = Cache(tmp_path / "a" / "responses.jsonl")
        before = server.number
        templates = check_templates(TEMPLATES, VOCABULARY, settings)
        free = {"usage": {"dollars": 0.0}}
        written_answers, record = write_answers(
            templates, VOCABULARY, responses, free, settings, prices
        )
        assert server.number == before, "answers are there already"
        fresh = Cache(tmp_path / "b" / "responses.jsonl")
        with pytest.raises(TunelineError, match=r"synthesize\.budget"):
            write_questions(written_answers, VOCABULARY, fresh, free, record, settings, prices)


def test_a_budget_without_a_price_is_refused():
    settings = by_server(ScriptedServer(), budget=1.0)
    other = settings.server.model_copy(update={"model": "unknown"})
    settings = settings.model_copy(update={"server": other})
    templates = check_templates(TEMPLATES, VOCABULARY, settings)
    with pytest.raises(TunelineError, match=r"has no price in `prices\.models`"):
        extend_templates(templates, VOCABULARY, Cache(Path("no")), {}, settings, PRICES)


def test_no_conversations_make_no_trouble():
    assert moderate_conversations([], Cache(Path("no")), SETTINGS) == ([], [])


def test_a_server_that_brings_nothing_stops_the_stage_with_the_reason(tmp_path: Path):
    with serve(ScriptedServer(script=lambda _: "refusal")) as server:
        settings = by_server(server, attempts=2)
        with pytest.raises(TunelineError, match="none of 120 is valid; 240 times: refused: I can"):
            synthesize(settings, tmp_path)


def test_a_dated_model_has_its_familys_price():
    settings = by_server(ScriptedServer())
    dated = settings.server.model_copy(update={"model": "gpt-4.1-mini-2025-04-14"})
    templates = check_templates(TEMPLATES, VOCABULARY, settings)
    family = estimate_cost(templates, settings, PRICES)["dollars"]
    settings = settings.model_copy(update={"server": dated})
    assert estimate_cost(templates, settings, PRICES)["dollars"] == family > 0


def test_a_use_case_without_disfluencies_needs_neither_quota_nor_corrections(tmp_path: Path):
    quotas = Quotas(styles=SOURCE.quotas.styles, tolerance=0.05)
    source = SOURCE.model_copy(update={"quotas": quotas})
    settings = SETTINGS.model_copy(update={"templates": source})
    vocabulary = {name: value for name, value in VOCABULARY.items() if name != "corrections"}
    made = synthesize(settings, tmp_path, vocabulary)
    assert {row["origin"].get("disfluency", "") for row in made["raw"]} == {""}
    assert {one["name"] for one in made["report"]["quotas"]} == set(quotas.styles)
    with pytest.raises(TunelineError, match=r"vocabulary\.corrections: it has no entry"):
        check_templates(TEMPLATES, vocabulary, SETTINGS)
