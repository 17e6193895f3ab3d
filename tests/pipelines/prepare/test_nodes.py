import logging
import re
from collections.abc import Callable
from pathlib import Path

import orjson
import polars as pl
import pytest
from pydantic import ValidationError

from scripts.samples.product_descriptions import generate_lines
from tests.conftest import write_raw
from tests.pipelines.prepare.cleaning import ALL_CLEAN, clean
from tuneline.datasets import LazyCSVDataset, RawJSONDataset, unpacking
from tuneline.errors import TunelineError
from tuneline.parameters import Data, Split, UseCase
from tuneline.pipelines.prepare.cleaning_report import plot_cleaning
from tuneline.pipelines.prepare.nodes import build_examples, clean_rows, make_pairs, split_rows
from tuneline.pipelines.prepare.pipeline import create_pipeline
from tuneline.pipelines.prepare.row_checks import check_cleaned

ROWS = 2500


@pytest.fixture
def raw(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RawJSONDataset:
    monkeypatch.setattr(unpacking, "CHUNK_BYTES", 200_000)  # several batches
    path = tmp_path / "trn.json.gz"
    write_raw(path, list(generate_lines(ROWS)))
    return RawJSONDataset(filepath=str(path))


@pytest.mark.slow
def test_every_row_is_clean_or_rejected(raw: RawJSONDataset, data: Data):
    kept, rejected, _ = clean(raw, data)
    assert sorted([*kept["line"], *rejected["line"]]) == list(range(1, ROWS + 1))
    assert rejected["reason"].null_count() == 0


@pytest.mark.slow
def test_a_rejected_row_keeps_its_original_text(raw: RawJSONDataset, data: Data):
    _, rejected, _ = clean(raw, data)
    originals = dict(enumerate(generate_lines(ROWS), start=1))
    assert all(row["original"] == originals[row["line"]] for row in rejected.to_dicts())


@pytest.mark.slow
def test_cleaning_the_clean_rows_again_changes_nothing(
    raw: RawJSONDataset, data: Data, tmp_path: Path
):
    kept, _, _ = clean(raw, data)
    path = tmp_path / "again.jsonl"
    kept.select("uid", "title", "content").write_ndjson(path)
    again, rejected, report = clean(RawJSONDataset(filepath=str(path)), data)
    assert rejected.is_empty()
    assert again.drop("line").equals(kept.drop("line"))
    assert {rule: told["rows"] for rule, told in report["rules"].items() if told["rows"]} == {}


@pytest.mark.slow
def test_batches_of_any_size_give_the_same_rows(
    raw: RawJSONDataset, data: Data, monkeypatch: pytest.MonkeyPatch
):
    small = clean(raw, data)
    monkeypatch.setattr(unpacking, "CHUNK_BYTES", 8 << 20)
    large = clean(raw, data)
    assert small[0].equals(large[0])
    assert small[1].equals(large[1])


@pytest.mark.slow
def test_the_report_tells_what_the_files_hold(raw: RawJSONDataset, data: Data):
    kept, rejected, report = clean(raw, data)
    assert (report["rows"], report["clean"]) == (ROWS, kept.height)
    kinds = rejected["reason"].str.replace(r"(?s):.*", "").value_counts()
    assert report["reasons"] == dict(kinds.iter_rows())
    assert report["lengths"]["title"]["after"]["longest"] == kept["title"].str.len_chars().max()
    shown = report["dropped"]["title is repeated"][0]
    assert rejected.filter(line=shown["line"])["reason"].item() == "title is repeated"
    assert report["rules"]["decode_entities"]["rows"] > report["rules"]["strip_tags"]["rows"] > 0
    assert orjson.loads(orjson.dumps(report)) == report


@pytest.mark.slow
def test_the_plot_has_a_bar_for_every_reason(raw: RawJSONDataset, data: Data):
    report = clean(raw, data)[2]
    reasons, rules, before, after = plot_cleaning(report).data
    assert dict(zip(reasons.y, reasons.x, strict=True)) == report["reasons"]
    assert len(rules.y) == 6
    assert (before.name, after.name) == ("before", "after")


def read_texts(
    tmp_path: Path, content: bytes, data: Data
) -> tuple[pl.DataFrame, pl.DataFrame, dict]:
    path = tmp_path / "rows.jsonl"
    path.write_bytes(content)
    return clean(RawJSONDataset(filepath=str(path)), data)


def row(title: str) -> bytes:
    return orjson.dumps({"uid": title, "title": title, "content": f"All about {title}, at length."})


@pytest.mark.slow
def test_a_file_in_another_encoding_is_reported_with_the_likely_one(tmp_path: Path, data: Data):
    titles = ["Příliš žluťoučký kůň", "Úpěl ďábelské ódy", "Černý čaj z hor"]
    lines = [row("Plain"), *(row(title).decode().encode("cp1250") for title in titles)]
    _, rejected, report = read_texts(tmp_path, b"\n".join(lines), data)
    assert rejected["reason"].str.starts_with("not UTF-8: byte").all()
    assert "3 rows are not UTF-8, probably cp1250: set `encoding: cp1250`" in report["summary"]


@pytest.mark.slow
def test_mojibake_is_reported_and_left_as_it_is(tmp_path: Path, data: Data):
    misread = "Crème brûlée dish".encode().decode("cp1252")
    kept, _, report = read_texts(tmp_path, row(misread) + b"\n" + row("Crème brûlée pan"), data)
    assert kept["title"].to_list() == [misread, "Crème brûlée pan"]
    assert "2 clean texts look as if UTF-8 had been read as" in report["summary"]
    assert "windows-1252" in report["summary"] or "latin-1" in report["summary"]


@pytest.mark.slow
@pytest.mark.parametrize("title", ["NA", "None", "null", "NaN", "-", "čaj 茶 a < b"])
def test_words_survive_from_the_raw_file_to_the_clean_file_read_back(
    tmp_path: Path, data: Data, title: str
):
    rules = data.rules.model_copy(update={"drop_not_text": False})
    (tmp_path / "rows.jsonl").write_bytes(row(title))
    source = RawJSONDataset(filepath=str(tmp_path / "rows.jsonl")).load()
    kept, _, _ = clean_rows(source, data.model_copy(update={"rules": rules}), tmp_path / "work")
    dataset = LazyCSVDataset(filepath=str(tmp_path / "clean.csv"))
    dataset.save(kept)
    assert dataset.load().collect()["title"].to_list() == [title]


@pytest.mark.slow
def test_rows_without_a_name_of_their_own_are_named_by_their_line(tmp_path: Path, data: Data):
    named = data.model_copy(update={"id": "line"})
    kept, _, _ = read_texts(tmp_path, row("One pot") + b"\n" + row("Two pots"), named)
    assert kept.columns == ["line", "title", "content"]


POTS = [{"title": f"Pot {number}", "content": "It is a pot."} for number in range(40)]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("rows", "changes", "words"),
    [
        (
            POTS,
            {"rules": {"unique": "content"}},
            "39 of 40 rows .*: content is repeated; 1 clean .* `data.rules.unique` is `content`",
        ),
        ([pot | {"content": ""} for pot in POTS], {}, "content is empty; 0 clean"),
        (
            [*({**pot, "content": 7} for pot in POTS), POTS[0]],
            {},
            "40 of 41 .*content is not text but int; .*write the column as text",
        ),
        ([{"title": "a", "content": "A"}] * 20, {}, "title and content are equal; "),
        (POTS, {"rules": {"min_words": {"content": 5}}}, "lower `data.rules.min_words`"),
        (POTS, {"rules": {"max_characters": {"content": 5}}}, "raise `data.rules.max_characters`"),
    ],
)
def test_rows_that_are_rejected_for_one_reason_are_refused_with_what_helps(
    tmp_path: Path, rows: list[dict], changes: dict, words: str
):
    split = {"test": 0.1, "validation": 0.1}
    known = {"id": "line", "columns": ["title", "content"], "split": split}
    (tmp_path / "rows.json").write_bytes(orjson.dumps(rows))
    source = RawJSONDataset(filepath=str(tmp_path / "rows.json")).load()
    stated = Data.model_validate(known | changes)
    *files, report = clean_rows(source, stated, tmp_path / "work")
    assert sum(pl.read_csv(path).height for path in files) == len(rows)
    with pytest.raises(TunelineError, match=words):
        split_rows(pl.scan_csv(files[0]), stated, report)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("reason", "words"),
    [
        ("longer than a row may be", "line ends that are missing, or raise `limits.row_mb`"),
        ("too large", "raise `limits.document_gb`"),
        ("not safe", "save the documents again"),
    ],
)
def test_rows_that_a_limit_rejects_are_refused_with_what_helps(data: Data, reason: str, words: str):
    told = {"source": "plans", "reasons": {reason: 9}, "rows": 9, "clean": 0, "encoding": None}
    with pytest.raises(TunelineError, match=f"for one reason: {reason}; .*{words}"):
        check_cleaned(told, data)


@pytest.mark.slow
def test_rows_that_are_left_are_used_with_a_warning(
    tmp_path: Path, data: Data, caplog: pytest.LogCaptureFixture
):
    lines = [row(f"Pot number {n}") for n in range(700)]
    lines += [b'{"uid": "x", "title": "", "content": "x"}'] * 9000
    _, _, told = read_texts(tmp_path, b"\n".join(lines), data)
    check_cleaned(told, data.model_copy(update={"split": Split(test=9, validation=9)}))
    assert "9,000 of 9,700 rows were rejected for one reason: title is empty" in caplog.text


DOCUMENTS = {
    "column": "text",
    "parts": {"wish": {"headings": ["Wish"]}, "offer": {"headings": ["Offer"]}},
}
TABLE = {
    "subject": "oil",
    "lists": {"body": "effects"},
    "last_separator": " and ",
    "held_out": {"test": 0.1, "validation": 0.1},
    "kinds": [
        {
            "name": "use",
            "about": "item",
            "of": ["body"],
            "questions": ["Is {subject} used for {item}?"],
            "answer": "Yes.",
        }
    ],
}
Make = Callable[..., Data]


@pytest.fixture
def make() -> Make:
    def make_data(**blocks: object) -> Data:
        known = {"id": "id", "columns": ["text"], "split": {"test": 1, "validation": 1}}
        return Data.model_validate(known | blocks)

    return make_data


def make_clean(*texts: str) -> pl.LazyFrame:
    names = [str(number) for number in range(1, len(texts) + 1)]
    return pl.LazyFrame({"line": names, "id": names, "text": texts})


def test_a_document_without_a_heading_is_left_out_named_and_reported(
    make: Make, caplog: pytest.LogCaptureFixture
):
    rows = make_clean("Wish\na shop\nOffer\na plan", "Wishes\na shop\nOffer\na plan")
    with caplog.at_level(logging.WARNING):
        pairs, report = make_pairs(rows, ALL_CLEAN, make(documents=DOCUMENTS))
    assert pairs.to_dicts() == [{"line": "1", "id": "1", "wish": "a shop", "offer": "a plan"}]
    assert list(report["problem"] == "") == [True, False]
    assert "the nearest line is `Wishes`" in caplog.text


def test_a_run_stops_if_no_document_has_its_parts(make: Make):
    with pytest.raises(TunelineError, match="no heading `Offer`"):
        make_pairs(
            make_clean("Wish\na shop", "Offer\na plan"), ALL_CLEAN, make(documents=DOCUMENTS)
        )


def test_items_that_are_held_out_are_asked_on_their_split_only(make: Make):
    rows = {
        "line": ["4", "5"],
        "id": ["1", "2"],
        "oil": ["Rose", "Mint"],
        "effects": ["A: x, y"] * 2,
    }
    data = make(columns=["oil", "effects"], table=TABLE)
    table, report = make_pairs(pl.LazyFrame(rows), ALL_CLEAN, data)
    assert table.height == report["questions"].sum() == 4
    assert set(table["source"]) == {"4", "5"}


@pytest.mark.parametrize("makes_pairs", [True, False])
def test_the_cleaning_is_judged_once(makes_pairs: bool):
    """By the first node after it: a warning is not repeated. The data page shows its counts."""
    readers = {
        node.name for node in create_pipeline(makes_pairs).nodes if "cleaning_report" in node.inputs
    }
    assert readers == {"make_pairs" if makes_pairs else "split_rows", "check_data"}


def test_without_a_block_examples_are_made_of_the_clean_rows_themselves():
    names = {node.name for node in create_pipeline().nodes}
    assert names == {node.name for node in create_pipeline(makes_pairs=True).nodes} - {"make_pairs"}


@pytest.mark.parametrize(
    ("blocks", "wrong"),
    [
        (
            {"columns": ["text", "oil", "effects"], "documents": DOCUMENTS, "table": TABLE},
            "one way",
        ),
        ({"documents": DOCUMENTS, "category": "kind"}, "not carried over"),
        ({"documents": DOCUMENTS | {"column": "txt"}}, "`txt` is none of the columns"),
        ({"columns": ["oil", "effects"], "table": TABLE, "leaks": {"policy": "move"}}, "be taught"),
        (
            {
                "columns": ["oil", "effects"],
                "table": TABLE,
                "split": {"test": 1, "validation": 1, "group": "question"},
            },
            "divided by the facts",
        ),
    ],
)
def test_blocks_that_contradict_each_other_are_refused(make: Make, blocks: dict, wrong: str):
    with pytest.raises(ValidationError, match=wrong):
        make(**blocks)


def test_examples_lead_back_to_their_line_and_no_title_is_in_two_splits(
    raw: RawJSONDataset, parameters: UseCase
):
    kept, *_ = clean(raw, parameters.data)
    by_line = {row["line"]: row for row in kept.to_dicts()}
    rows = split_rows(kept.with_columns(pl.col("line").cast(pl.String)).lazy(), parameters.data)
    splits = build_examples(rows, parameters.data, parameters.prompt)
    titles = []
    for examples in splits:
        for example in examples:
            row = by_line[example["meta"]["line"]]
            assert example["id"] == row["uid"]
            assert example["completion"] == [{"role": "assistant", "content": row["content"]}]
            assert row["title"] in example["prompt"][-1]["content"]
            words = " ".join(re.findall(r"\w+", row["title"].lower()))
            assert example["meta"]["groups"] == {"title": words}
        titles.append({by_line[one["meta"]["line"]]["title"].lower() for one in examples})
    assert not titles[0] & titles[1] | titles[0] & titles[2] | titles[1] & titles[2]


def test_the_same_rows_give_the_same_examples(raw: RawJSONDataset, parameters: UseCase):
    def build() -> object:
        kept, *_ = clean(raw, parameters.data)
        clean_rows = kept.with_columns(pl.col("line").cast(pl.String)).lazy()
        rows = split_rows(clean_rows, parameters.data)
        return build_examples(rows, parameters.data, parameters.prompt)

    assert build() == build()
