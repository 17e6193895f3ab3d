"""Personal data: what is found, what only looks like it, and how it is masked."""

import re
from pathlib import Path

import orjson
import pytest

from scripts.benchmarks.personal_data import is_found, make_rows
from tests.pipelines.prepare.cleaning import clean
from tuneline.datasets import RawJSONDataset, unpacking
from tuneline.parameters import Data
from tuneline.pipelines.prepare.personal_data import SIGN, find_personal_data

TOKEN = "hf_" + "aB3" * 12
FOUND = [
    ("MAIL", "Napište na Jan.Novak@firma.cz, prosím.", "Jan.Novak@firma.cz"),
    ("MAIL", "請寄到wang@example.com.tw謝謝", "wang@example.com.tw"),
    ("PHONE", "Volejte +420 777 123 456 kdykoli.", "+420 777 123 456"),
    ("PHONE", "Volejte 777 123 456.", "777 123 456"),
    ("PHONE", "tel.: 777123456", "777123456"),
    ("PHONE", "Sunați la 0721 234 567 astăzi.", "0721 234 567"),
    ("PHONE", "電話0912345678", "0912345678"),
    ("PHONE", "Call (415) 555-2671 now.", "(415) 555-2671"),
    ("IBAN", "Účet CZ65 0800 0000 1920 0014 5399 DĚKUJI", "CZ65 0800 0000 1920 0014 5399"),
    ("IBAN", "RO49AAAA1B31007593840000", "RO49AAAA1B31007593840000"),
    ("CARD", "My card is 4111 1111 1111 1111.", "4111 1111 1111 1111"),
    ("CARD", "5500005555555559", "5500005555555559"),
    ("ID", "Rodné číslo 710319/2745.", "710319/2745"),
    ("ID", "CNP 1800101221144", "1800101221144"),
    ("ID", "身分證A123456789", "A123456789"),
    ("KEY", f"token={TOKEN}", TOKEN),
    ("KEY", "AKIAIOSFODNN7EXAMPLE", "AKIAIOSFODNN7EXAMPLE"),
    ("KEY", "xoxb-123456789012-abcdefGHIJ", "xoxb-123456789012-abcdefGHIJ"),
]
NOTHING = [
    "My card is 4111 1111 1111 1112.",  # wrong check digits
    "Účet CZ66 0800 0000 1920 0014 5399",
    "Rodné číslo 710319/2746.",
    "CNP 1800101221145",
    "身分證A123456788",
    "Objednávka 777123456",  # one block without a word for a phone before it
    "Cena je 777 123 456 Kč.",
    "EAN 8590123456789",
    "ISBN 978-80-7203-717-1",
    "icon@2x.png",
    "2026-05-12 10:30:15, 192.168.100.200, 3.14159265358, 1,234,567,890",
    "sk-learn-compatible-estimators-are-ok",
    "[MAIL_1] a [PHONE_12345678]",
]


@pytest.mark.parametrize(("kind", "text", "value"), FOUND)
def test_every_kind_is_found(kind: str, text: str, value: str):
    (found,) = find_personal_data(text)
    assert (found.kind, text[found.start : found.end]) == (kind, value)
    assert re.search(SIGN, text)  # else cleaning would not look at the text


@pytest.mark.parametrize("text", NOTHING)
def test_what_only_looks_like_it_is_no_finding(text: str):
    assert find_personal_data(text) == []


def test_a_value_has_one_placeholder_in_the_whole_file(
    tmp_path: Path, data: Data, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(unpacking, "CHUNK_BYTES", 2_000)  # several batches
    mails = [f"person{number % 3}@firma.cz" for number in range(300)]
    rows = [
        {"uid": str(n), "title": f"Row {n}", "content": f"<b>Row</b> {n}: write to {mail.upper()}."}
        for n, mail in enumerate(mails)
    ]
    path = tmp_path / "rows.jsonl"
    path.write_bytes(b"\n".join(map(orjson.dumps, rows)))
    rules = data.rules.model_copy(update={"mask_personal_data": True})
    kept, _, report = clean(
        RawJSONDataset(filepath=str(path)), data.model_copy(update={"rules": rules})
    )
    assert kept["content"].to_list() == [
        f"Row {number}: write to [MAIL_{number % 3 + 1}]." for number in range(300)
    ]
    assert report["rules"]["mask_personal_data"] == {"rows": 300, "examples": []}
    assert "FIRMA.CZ" not in orjson.dumps(report["rules"]).decode()
    off, _, report = clean(RawJSONDataset(filepath=str(path)), data)
    assert off["content"][0] == "Row 0: write to PERSON0@FIRMA.CZ."
    assert report["rules"]["mask_personal_data"]["rows"] == 0


def test_recall_and_false_alarms_on_rows_in_four_languages():
    """A small version of scripts/benchmarks/personal_data.py, whose figures are in the docs."""
    rows = make_rows(600)
    planted = [is_found(row) for row in rows if row.kind]
    alarms = sum(is_found(row) for row in rows if row.kind is None)
    assert len(planted) == 300
    assert sum(planted) >= 0.95 * len(planted)
    assert alarms <= 2


def test_an_address_of_a_computer_is_no_phone_number():
    assert find_personal_data("Server 96.228.100.156 odpovídá") == []
