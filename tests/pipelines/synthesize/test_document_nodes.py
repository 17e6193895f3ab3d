"""Documents of real files become questions and answers that rest on them."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.pipelines.synthesize.documents import write_documents, write_pair
from tests.pipelines.synthesize.test_template_nodes import PRICES
from tests.scripted_server import ScriptedServer, serve
from tuneline.datasets import RawDocumentsDataset
from tuneline.errors import TunelineError
from tuneline.parameters import Server, Synthesize
from tuneline.pipelines.synthesize.chunks import divide_text
from tuneline.pipelines.synthesize.document_nodes import (
    collect_pairs,
    divide_documents,
    judge_pairs,
    moderate_pairs,
    report_pairs,
    write_pairs,
)
from tuneline.pipelines.synthesize.pair_plan import estimate_pairs
from tuneline.utils.caches import Cache

OFFLINE = Synthesize(provider="offline", documents={})
Item = dict[str, Any]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_documents(tmp_path / "documents")


def synthesize(folder: Path, settings: Synthesize) -> dict[str, Any]:
    """Run the stage's nodes one after the other, as the pipeline does."""
    dataset = RawDocumentsDataset(filepath=str(folder), mark_headings=True, mark_pages=True)
    responses = Cache(folder.parent / "responses.jsonl")
    chunks, divided = divide_documents(dataset.load(), settings)
    cost = estimate_pairs(chunks, settings, PRICES)
    written, record = write_pairs(chunks, responses, cost, settings, PRICES)
    supported, judged = judge_pairs(written, responses, record, settings, PRICES)
    moderated, flagged = moderate_pairs(supported, responses, settings)
    report, invalid = report_pairs(
        cost, divided, written, supported, moderated, flagged, record, judged
    )
    raw = collect_pairs(moderated, report, settings)
    return {"chunks": chunks, "report": report, "invalid": invalid, "raw": raw}


def by_server(server: ScriptedServer, **changes: Any) -> Synthesize:
    about = Server(base_url=server.url, model="gpt-4.1-mini", sampling={"max_tokens": 900})
    stated: dict[str, Any] = {"provider": "server", "server": about, "attempts": 1}
    return Synthesize.model_validate({**stated, "documents": {}, **changes})


def write_by(write: Callable[[Item], Item], folder: Path, **changes: Any) -> dict[str, Any]:
    """Run the stage with a server that writes pairs in its own way."""
    with serve(ScriptedServer()) as server:
        server.write = write
        return synthesize(folder, by_server(server, **changes))


def test_every_pair_has_its_file_heading_and_page(folder: Path):
    made = synthesize(folder, OFFLINE)
    places = {
        (row["origin"]["file"], row["origin"]["heading"], row["origin"]["page"])
        for row in made["raw"]
    }
    assert places == {
        ("bees.docx", "Bees", None),
        ("bees.docx", "Bees / Honey", None),
        ("dye.pdf", "", 1),
        ("dye.pdf", "", 2),
        ("mill.md", "Mill", None),
        ("mill.md", "Mill / Opening hours", None),
        ("mill.md", "Mill / Glossary", None),
    }
    assert {row["document"] for row in made["raw"]} == {"bees.docx", "dye.pdf", "mill.md"}


def test_offline_pairs_are_words_of_their_chunk_and_ask_for_headings_and_terms(folder: Path):
    made = synthesize(folder, OFFLINE)
    answers = {row["question"]: row["answer"] for row in made["raw"]}
    assert (
        answers["What is meant by “Mordant”?"] == "Mordant is a salt that fixes a dye in the wool."
    )
    assert answers["What is meant by “Hopper”?"].startswith("Hopper: the funnel")
    assert answers["What is under “Honey” in bees?"].startswith("Honey is harvested")
    assert all(row["answer"] in row["passage"] for row in made["raw"])
    assert made["report"]["cost"]["estimate"]["dollars"] == 0


def test_what_was_not_read_and_every_step_is_counted(folder: Path):
    made = write_by(write_pair, folder)
    report = made["report"]
    (scan,) = report["documents"]["passed_over"]
    assert scan["file"] == "scan.pdf"
    assert "a scanned PDF" in scan["reason"]
    assert [step["step"] for step in report["steps"]] == ["pairs", "moderation"]
    for step in report["steps"]:
        assert step["in"] == step["out"] + step["set_aside"]
    assert report["raw"]["all"] == len(made["raw"]) > 0
    reported, one = report["cost"]["reported"]["pairs"], (100 * 0.4 + 50 * 1.6) / 1e6
    assert reported["responses"] == len(made["chunks"])
    assert reported["dollars"] == pytest.approx(reported["responses"] * one)
    assert report["cost"]["estimate"]["dollars"] > 0
    assert {row["origin"]["model"] for row in made["raw"]} == {"scripted-2026"}


INVENTIONS = {
    "number": ("answer", " It cost 7,300 crowns.", "it invents the number `7,300`"),
    "name": ("answer", " The owner was Horatio Quill.", "it invents the name `Horatio`"),
    "quotation": ("answer", " They say “never by night”.", "it invents the quotation `never by"),
    "quote": ("quote", " and all that followed", "its quote is not in its chunk"),
    "question": ("question", " In 1066?", "in its question, it invents the number `1066`"),
}


@pytest.mark.parametrize("kind", INVENTIONS)
def test_what_a_provider_invents_is_kept_with_its_reason_and_trained_on_by_nobody(
    folder: Path, kind: str
):
    field, added, reason = INVENTIONS[kind]
    invented: list[str] = []

    def invent(item: Item) -> Item:
        pair = write_pair(item)
        if item["document"] == "mill.md":
            invented.append(item["id"])
            pair[field] += added
        return pair

    made = write_by(invent, folder)
    bad = {one["id"]: one for one in made["invalid"]}
    assert invented
    assert set(invented) == set(bad)
    assert all(one["reason"].startswith(reason) for one in bad.values())
    assert all(added.strip() in one["response"] for one in bad.values())
    assert {row["document"] for row in made["raw"]} == {"bees.docx", "dye.pdf"}
    assert made["report"]["invalid"][0]["items"] == len(bad)


def test_what_is_invented_is_asked_for_again(folder: Path):
    seen: set[str] = set()

    def invent_once(item: Item) -> Item:
        pair = write_pair(item)
        if item["id"] not in seen:
            seen.add(item["id"])
            pair["answer"] += " It cost 7,300 crowns."
        return pair

    made = write_by(invent_once, folder, attempts=2)
    assert {one["id"] for one in made["invalid"]} == seen == {row["id"] for row in made["raw"]}


def test_a_near_duplicate_of_a_pair_is_dropped(folder: Path):
    def repeat(item: Item) -> Item:
        first = write_pair({**item, "id": f"{item['id'].rpartition('-')[0]}-1"})
        extra = item["id"].endswith("-2")
        return {**first, "id": item["id"], "question": first["question"][: -1 - extra] + "?"}

    made = write_by(repeat, folder, documents={"chunk_characters": 200, "questions": 5})
    reasons = {one["reason"].partition("`")[0] for one in made["invalid"]}
    assert reasons == {"it is a near-duplicate of "}
    assert len({row["answer"] for row in made["raw"]}) == len(made["raw"])


def test_a_judge_drops_and_counts_what_it_finds_unsupported(folder: Path):
    def judge(item: Item) -> Item:
        found = write_pair(item)
        if "answer" in item and item["document"] == "dye.pdf":
            found |= {"verdict": "unsupported", "reason": "it is not said"}
        if "answer" in item and item.get("heading") == "Mill":
            found |= {"verdict": "perhaps"}
        return found

    with serve(ScriptedServer()) as server:
        server.write = judge
        other = {"base_url": server.url, "model": "gpt-4.1", "sampling": {"max_tokens": 300}}
        settings = by_server(server, documents={"judge": other}, budget=1.0)
        made = synthesize(folder, settings)
    report, raw = made["report"], made["raw"]
    assert {row["document"] for row in raw} == {"bees.docx", "mill.md"}
    assert report["judge"]["supported"] == len(raw)
    assert (report["judge"]["unsupported"], report["judge"]["not_judged"]) == (1, 1)
    reasons = {one["reason"] for one in report["invalid"]}
    assert reasons == {"unsupported: `…`", "it is no verdict: `…`"}
    cost = report["cost"]
    responses = cost["reported"]["judge"]["responses"]
    assert cost["reported"]["judge"]["dollars"] == pytest.approx(
        responses * (100 * 2 + 50 * 8) / 1e6
    )
    assert cost["estimate"]["dollars"] > cost["estimate"]["models"]["gpt-4.1-mini"]["normal"]


def test_a_chunk_that_is_larger_than_the_context_is_kept_with_its_reason(folder: Path):
    words = " ".join(f"word{number}" for number in range(1200))
    (folder / "long.txt").write_text(f"# Long\n{words}\n")
    with serve(ScriptedServer()) as server:
        server.write, server.context = write_pair, 2500
        made = synthesize(folder, by_server(server, documents={"chunk_characters": 2000}))
    assert made["report"]["documents"]["cut_paragraphs"] == 1
    assert max(len(one["text"]) for one in made["chunks"]) <= 2000
    assert {"bees.docx", "dye.pdf", "mill.md"} <= {row["document"] for row in made["raw"]}
    reasons = {one["reason"] for one in made["invalid"] if "400" in one["reason"]}
    assert reasons == {"the server answers 400: Error code: 400 - too many tokens"}
    long = {one["id"] for one in made["chunks"] if one["document"] == "long.txt"}
    too_long = {one["id"] for one in made["invalid"] if "400" in one["reason"]}
    assert too_long
    assert {one.rpartition("-")[0] for one in too_long} <= long


def test_an_estimate_beyond_the_budget_stops_before_anything_is_asked(folder: Path):
    with serve(ScriptedServer()) as server:
        server.write = write_pair
        with pytest.raises(TunelineError, match="the whole stage is estimated"):
            synthesize(folder, by_server(server, budget=0.0001))
    assert server.requests == {}


def test_a_document_that_changes_has_no_other_asked_again(folder: Path):
    with serve(ScriptedServer()) as server:
        server.write = write_pair
        synthesize(folder, by_server(server))
        before = server.number
        (folder / "a_new_one.md").write_text("# Nets\nNets are mended by hand in the loft.\n")
        synthesize(folder, by_server(server))
        assert server.number == before + 1


def test_all_of_a_text_is_in_a_chunk_whatever_its_shape():
    text = f"before\n# A\none\n\n## B\n{'x' * 500}\n# C\n{'many words, and more. ' * 50}\n"
    chunks, cut = divide_text("a.md", text, 200)
    assert cut == 2
    assert [one["heading"] for one in chunks if one["begins"]] == ["", "A", "A / B", "C"]
    told = "".join(one["text"] for one in chunks)
    assert sorted(told.replace(" ", "").replace("\n", "")) == sorted(
        "".join(line for line in text.splitlines() if not line.startswith("#")).replace(" ", "")
    )
    assert all(len(one["text"]) <= 200 for one in chunks)
