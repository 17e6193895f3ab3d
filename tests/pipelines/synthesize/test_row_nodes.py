"""A few rows of one's own become more rows in their manner."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.pipelines.synthesize.test_template_nodes import PRICES
from tests.scripted_server import ScriptedServer, serve
from tuneline.datasets import RawCSVDataset
from tuneline.errors import TunelineError
from tuneline.parameters import Moderation, Server, Synthesize
from tuneline.pipelines.synthesize.row_nodes import (
    estimate_rows,
    merge_rows,
    moderate_new_rows,
    read_own_rows,
    report_rows,
    write_rows,
)
from tuneline.utils.caches import Cache

Item = dict[str, Any]
OWN = [
    ("The kettle leaks at the spout since Monday.", "complaint", "We are sorry; send it back."),
    ("Do you ship the blue teapot to Norway?", "question", "We do, within a week."),
    ("My parcel came with a broken lid.", "complaint", "We send you a new lid today."),
    ("Which tea goes well with ginger cake?", "question", "A strong Assam does."),
    ("The invoice names a wrong street.", "complaint", "We write a new one at once."),
    ("How long may green tea be steeped?", "question", "Two minutes are enough."),
]
NEW = (
    ("The handle of my sieve came off in the sink.", "A new one is on its way."),
    ("Is there a smaller tray for one person?", "There is, twenty centimeters wide."),
    ("A spoon was missing although I had paid for it.", "It follows tomorrow."),
    ("May I put the samovar into an oven?", "Better not, its taps would melt."),
    ("Nobody answers when I call about the caddy.", "Excuse us, the line was broken."),
    ("From which country does oolong come?", "Mostly from Taiwan."),
    ("Two coasters have a scratch.", "Keep them, we refund both."),
    ("When do you open on Saturdays?", "At nine, and we close at one."),
    ("This whisk loses its bristles!", "Please return it at our cost."),
    ("Could you wrap it as a present?", "With pleasure, in green paper."),
    ("You charged me the postage twice.", "One of them goes back today."),
    ("Does white tea keep for a year?", "Even for two, if it is dry."),
)


def write_csv(path: Path, rows: list[tuple[str, str, str]]) -> Path:
    lines = ["text,label,reply", *(",".join(f'"{one}"' for one in row) for row in rows)]
    path.write_text("\n".join(lines) + "\n")
    return path


def write_row(item: Item) -> Item:
    """Write a row like the item's source about something else."""
    text, reply = NEW[int(item["id"].partition("-")[0]) - 1]
    quote = " ".join(item["source"].replace("?", " ").split()[:5])
    label = "complaint" if "label: complaint" in item["source"] else "question"
    return {"id": item["id"], "quote": quote, "text": text, "label": label, "reply": reply}


def synthesize(
    path: Path, write: Callable[[Item], Item], responses: Path, **changes: Any
) -> dict[str, Any]:
    """Run the stage's nodes one after the other, as the pipeline does."""
    with serve(ScriptedServer()) as server:
        server.write = write
        about = Server(base_url=server.url, model="gpt-4.1-mini", sampling={"max_tokens": 900})
        stated = {"provider": "server", "server": about, "attempts": 1, "budget": 5.0}
        rows = {"columns": ["text", "label", "reply"], "count": len(NEW)}
        settings = Synthesize.model_validate({**stated, "rows": rows, **changes})
        own, passed_over = read_own_rows(RawCSVDataset(filepath=str(path)).load(), settings)
        cost, cache = estimate_rows(own, settings, PRICES), Cache(responses)
        written, record = write_rows(own, cache, cost, settings, PRICES)
    moderated, flagged = moderate_new_rows(written, cache, settings)
    report, invalid = report_rows(
        cost, own, passed_over, written, moderated, flagged, record, settings
    )
    raw = merge_rows(own, moderated, report, settings)
    return {"report": report, "invalid": invalid, "flagged": flagged, "raw": raw}


@pytest.fixture
def own(tmp_path: Path) -> Path:
    return write_csv(tmp_path / "own.csv", OWN)


def test_new_rows_are_priced_and_say_which_own_row_and_which_model_they_come_from(own: Path):
    made = synthesize(own, write_row, own.parent / "responses.jsonl")
    report, raw = made["report"], made["raw"]
    assert report["raw"] == {"own": 6, "synthesized": 12, "all": 18}
    assert [row["text"] for row in raw[:6]] == [text for text, _, _ in OWN]
    assert {row["origin"]["source"] for row in raw[:6]} == {"own"}
    origins = [row["origin"] for row in raw[6:]]
    assert {(one["model"], one["provider"]) for one in origins} == {("scripted-2026", "server")}
    likes = [row["like"] for row in raw]
    assert {likes.count(row["id"]) for row in raw[:6]} == {3}
    cost = report["cost"]
    assert cost["estimate"]["dollars"] > 0
    assert cost["reported"]["rows"]["dollars"] == pytest.approx(2 * (100 * 0.4 + 50 * 1.6) / 1e6)


BAD = {
    "a copy of an own row": (
        {"text": OWN[1][0].upper(), "reply": OWN[1][2]},
        "it is a near-copy of `own-00003`",
    ),
    "a copy with a word changed": (
        {"text": "Do you ship the blue teapots to Norway?", "reply": "We do, within 1 week."},
        "it is a near-copy of `own-00003`",
    ),
    "an unknown label": ({"label": "praise"}, "its label is none of the own rows': `praise`"),
    "something unfilled": ({"reply": "Dear [name of customer]"}, "its reply was not filled"),
    "another length": ({"text": "Why? " * 40}, "its text has 199 characters, not 16 to 86"),
    "no text": ({"reply": " "}, "it holds no reply"),
}


@pytest.mark.parametrize("kind", BAD)
def test_what_is_not_in_their_manner_or_a_copy_is_kept_with_its_reason(own: Path, kind: str):
    changed, reason = BAD[kind]

    def write(item: Item) -> Item:
        return write_row(item) | (changed if item["id"].startswith("00002") else {})

    made = synthesize(own, write, own.parent / "responses.jsonl")
    (bad,) = made["invalid"]
    assert bad["reason"].startswith(reason)
    assert len(made["raw"]) == 6 + 11


def test_of_new_rows_that_are_alike_the_first_is_kept(own: Path):
    first: Item = {}

    def repeat(item: Item) -> Item:
        row = write_row(item)
        if item["id"].startswith("00001"):
            first.update(text=row["text"], reply=row["reply"])
        return row | (first if item["id"].startswith("00009") else {})

    made = synthesize(own, repeat, own.parent / "responses.jsonl")
    (bad,) = made["invalid"]
    assert bad["reason"].startswith("it is a near-copy of `00001-")


def test_a_row_that_the_moderation_flags_goes_no_further(own: Path):
    moderation = Moderation(by="list", categories={"fire": ["oven"]})
    made = synthesize(own, write_row, own.parent / "responses.jsonl", moderation=moderation)
    assert len(made["flagged"]) == made["report"]["moderation"]["categories"]["fire"] == 1
    assert not [row for row in made["raw"] if "oven" in row["text"]]


def test_rows_that_cannot_be_read_are_listed_and_too_few_are_refused(tmp_path: Path):
    path = write_csv(tmp_path / "own.csv", [*OWN[:5], ("", "question", "Yes.")])
    made = synthesize(path, write_row, tmp_path / "responses.jsonl")
    assert made["report"]["own"]["passed_over"] == [{"line": 7, "reason": "text is empty"}]
    write_csv(path, OWN[:4])
    with pytest.raises(TunelineError, match=r"it holds 4 rows .* 5 to 20 rows"):
        synthesize(path, write_row, tmp_path / "responses.jsonl")


def test_rules_cannot_write_in_a_manner():
    with pytest.raises(ValueError, match="set `provider: server`"):
        Synthesize.model_validate({"provider": "offline", "rows": {"columns": ["a"], "count": 9}})


def test_a_column_that_is_written_anyway_and_two_sources_are_refused():
    with pytest.raises(ValueError, match="the name `origin` is taken"):
        Synthesize.model_validate({"provider": "offline", "rows": {"columns": ["origin"]}})
    with pytest.raises(ValueError, match="`templates`, `documents`, `rows` is stated"):
        Synthesize.model_validate({"provider": "offline"})
