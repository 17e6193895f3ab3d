"""The data page: real files with trouble of every kind, and one without any."""

import re
from pathlib import Path
from random import Random
from typing import Any

import orjson
import polars as pl
import pytest
import yaml

from scripts.samples.product_descriptions import generate_lines
from tests.commands import kedro
from tests.conftest import RAW, write_raw
from tests.pipelines.prepare.cleaning import clean
from tuneline.datasets import RawJSONDataset
from tuneline.parameters import Data, Evaluation, Prompt
from tuneline.pipelines.prepare.data_page import check_data
from tuneline.pipelines.prepare.nodes import build_examples, check_leaks, split_rows

WORDS = re.findall(
    r"\w+",
    "teapot clay handle round blue four cups pours lid stays dishwasher glaze spout porcelain "
    "small large green kitchen morning light brass lamp desk chain switch foot calm shade "
    "jute rope knots",
)
KNOWN = {
    "id": "uid",
    "columns": ["title", "content"],
    "category": "kind",
    "split": {"test": 40, "validation": 20},
}
QUESTION = "What is a good teapot for four people?"
CZECH = (
    "Tento modrý hrnek z jílu pojme čtyři šálky čaje a víčko drží, i když naléváte. Číslo {}.",
    "Lampa z mosazi se zeleným stínidlem vrhá na stůl klidné světlo, a to po celou noc. Číslo {}.",
)
PERSONAL = [
    "Write to jan.novak@firma.cz today about the new green teapot.",
    "Volejte +420 777 123 456 a ptejte se na modrou konvici.",
    "IBAN CZ65 0800 0000 1920 0014 5399 is the account of the shop.",
    "Card 4111 1111 1111 1111 was used for the lamp of the desk.",
    "Rodné číslo 710319/2745 patří paní Novákové z Brna.",
    "The token hf_" + "aB3" * 12 + " opens everything in the shop.",
]
Rows = list[dict[str, Any]]


def make_rows(count: int = 400) -> Rows:
    draw = Random(1)
    return [
        {
            "uid": f"u{number}",
            "kind": "ab"[number % 2],
            "title": f"The {' '.join(draw.sample(WORDS, 4))} set {number}",
            "content": f"{draw.choice(['This', 'Our', 'Every', 'One'])} "
            f"{' '.join(draw.choices(WORDS, k=4))} {draw.choice(['is made', 'was shaped'])} with "
            f"{' '.join(draw.choices(WORDS, k=draw.randint(12, 30)))} and it is fine.",
        }
        for number in range(count)
    ]


def plant(*contents: str, kind: str = "a") -> Rows:
    return [
        {"uid": f"p{n}", "kind": kind, "title": f"Planted {WORDS[n]} number {n}", "content": text}
        for n, text in enumerate(contents)
    ]


def check(
    folder: Path, rows: Rows, questions: tuple[str, ...] = (), **blocks: Any
) -> tuple[dict[str, Any], str, int]:
    """Prepare rows; answer with what was found, the page, and the number of examples."""
    data = Data.model_validate(KNOWN | blocks)
    prompt = Prompt(prompt="Write about: {title}", completion="{content}")
    evaluation = Evaluation(title="", questions=list(questions), generation={})
    path = folder / "rows.jsonl"
    path.write_bytes(b"\n".join(map(orjson.dumps, rows)))
    kept, _, cleaning = clean(RawJSONDataset(filepath=str(path)), data)
    divided = split_rows(kept.with_columns(pl.all().cast(pl.String)).lazy(), data, cleaning)
    left, leaks, copies, report = check_leaks(divided, data, prompt, evaluation)
    splits = build_examples(left, data, prompt)
    found, page = check_data(
        left, *splits, leaks, copies, report, cleaning, data, prompt, evaluation
    )
    assert orjson.loads(orjson.dumps(found)) == found
    return found, page, left.height


def light(found: dict[str, Any]) -> dict[str, str]:
    return {one["key"]: one["light"] for one in found["checks"] if one["light"] != "green"}


def test_a_clean_file_is_all_green(tmp_path: Path):
    found, page, _ = check(tmp_path, make_rows(), ("Who was the first to make tea?",))
    assert light(found) == {}
    assert len(found["checks"]) == 9
    assert found["summary"] in page
    assert "What to do" not in page


def spoil(rows: Rows) -> dict[str, Rows]:
    """Plant one kind of trouble, by the check that must find it."""
    twice = [row | {"uid": f"c{row['uid']}"} for row in rows[:30]]
    odd = ["word " + " ".join(Random(n).choices(WORDS, k=4000)) for n in range(2)]
    sorry = ["We are sorry, no description of this product is available yet."] * 8
    left = ["Dear {{customer_name}}, your order has arrived at the shop.", "[ANSWER HERE]", "N/A"]
    return {
        "personal": plant(*PERSONAL),
        "prompts": [
            row | {"uid": f"s{n}", "content": plant(*CZECH)[n % 2]["content"].format(n)}
            for n, row in enumerate(rows[:3])
        ],
        "copies": twice,
        "answers": plant(*sorry, *left, "As an AI language model I cannot describe this teapot."),
        "lengths": plant(*odd),
        "languages": plant(*(CZECH[n % 2].format(n) for n in range(10))),
        "categories": plant("A bowl of glass that nobody has seen in another shop.", kind="rare"),
        "questions": [
            {"uid": "q", "kind": "a", "title": QUESTION, "content": "A round one of clay."}
        ],
    }


@pytest.mark.parametrize("trouble", list(spoil(make_rows())))
def test_trouble_is_found_with_its_rows(tmp_path: Path, trouble: str):
    rows = make_rows()
    planted = spoil(rows)[trouble]
    found, page, _ = check(tmp_path, [*rows, *planted], (QUESTION,))
    assert trouble in light(found), found["summary"]
    one = next(one for one in found["checks"] if one["key"] == trouble)
    lines = {row["line"] for row in one["first"]}
    assert 0 < len(lines) <= min(5, one["rows"])
    if trouble not in {"copies", "prompts"}:
        assert lines <= set(range(401, 401 + len(planted)))
        assert one["rows"] == len(planted)
    assert f'id="{trouble}"' in page
    assert one["rule"]


@pytest.mark.parametrize("trouble", ["prompts", "copies", "answers", "lengths", "languages"])
def test_a_rule_costs_what_the_page_says_and_helps(tmp_path: Path, trouble: str):
    rows = make_rows()
    rows += spoil(rows)[trouble]
    # The splits are small, so that hardly a row is a copy of one in another split.
    split = {"split": {"test": 2, "validation": 2}}
    found, _, before = check(tmp_path, rows, **split)
    one = next(one for one in found["checks"] if one["key"] == trouble)
    blocks: dict[str, Any] = dict(split)
    for key, value in yaml.safe_load(one["rule"]).items():
        _, block, name = key.split(".")
        blocks.setdefault(block, {})[name] = value
    again, _, after = check(tmp_path, rows, **blocks)
    assert before - after == one["cost"] > 0
    assert trouble not in light(again)


def test_masking_leaves_nothing_to_find(tmp_path: Path):
    longer = (f"{text} It is a text of the usual length." for text in PERSONAL)
    rows = [*make_rows(), *plant(*longer)]
    found, page, before = check(tmp_path, rows)
    shown = orjson.dumps(found).decode() + page
    assert not re.search(r"novak@|777 123|0014 5399|4111|710319|aB3aB3", shown)
    again, _, after = check(tmp_path, rows, rules={"mask_personal_data": True})
    assert light(found) == {"personal": "red"}
    assert light(again) == {}
    assert before == after


def test_rows_are_text_on_the_page(tmp_path: Path):
    attack = "Lorem ipsum <script>alert(1)</script> & <img src=x onerror=alert(2)>"
    rules = {"strip_tags": False, "decode_entities": False}
    _, page, _ = check(tmp_path, [*make_rows(), *plant(attack)], rules=rules)
    assert "&lt;script&gt;alert(1)" in page
    assert "<script" not in page
    assert "<img" not in page
    assert "default-src 'none'" in page


def test_few_rows_are_not_enough(tmp_path: Path):
    found, *_ = check(tmp_path, make_rows(60), split={"test": 3, "validation": 3})
    assert light(found)["rows"] == "red"
    found, *_ = check(tmp_path, make_rows(300), split={"test": 12, "validation": 20})
    one = next(one for one in found["checks"] if one["key"] == "rows")
    assert (one["light"], one["rule"], one["cost"]) == ("amber", "data.split.test: 30", 18)


@pytest.mark.slow
def test_prepare_writes_the_page(project: Path):
    lines = list(generate_lines(600))
    lines += [orjson.dumps(row).decode() for row in plant(*PERSONAL)]
    write_raw(project / RAW, lines)
    done = kedro(project, "run", "--pipeline=prepare", KEDRO_ENV="test")
    assert done.returncode == 0, done.stdout + done.stderr
    folder = project / "data/test/08_reporting/product_descriptions"
    found = orjson.loads((folder / "data_check.json").read_bytes())
    assert light(found)["personal"] == "red"
    assert "jan.novak" not in (folder / "data.html").read_text("utf-8")
