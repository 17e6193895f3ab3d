import pytest

from tuneline.parameters import Evaluation
from tuneline.parameters.evaluation import GENERAL_PROMPTS
from tuneline.pipelines.evaluate.retention import list_suite
from tuneline.pipelines.evaluate.retention.verifiers import CHECKS, is_right

SUITE = list_suite(Evaluation(title="Pots", generation={}))


@pytest.mark.parametrize(
    ("check", "answer", "right"),
    [
        ({"any": ["Paris"]}, "The capital is paris.", True),
        ({"any": ["Paris"]}, "Parisian food", False),
        ({"any": ["6", "six"]}, "It closes at 6.", True),
        ({"any": ["6", "six"]}, "6.5 meters, or 16", False),
        ({"any": ["大", "東京"]}, "答案是東京。", True),
        ({"any": ["東京"]}, "东京", False),
        ({"any": ["H2O"]}, "H2O", True),
        ({"without": ["red"]}, "It is blue, not Red", False),
        ({"without": ["red"]}, "tired", True),
        ({"number": 408}, "17 times 24 is 408.", True),
        ({"number": 1945}, "1,945", True),
        ({"number": 408}, "4080", False),
        ({"number": 5}, "0.5", False),
        ({"number": -3}, "It is \N{MINUS SIGN}3.", True),
        ({"number": 3}, "It is -3", False),
        ({"equals": "yes"}, '"Yes."', True),
        ({"equals": "yes"}, "Yes, it is.", False),
        ({"equals": "是"}, "「是」。", True),
        ({"exact": "GARDEN"}, " GARDEN\n", True),
        ({"exact": "GARDEN"}, "Garden", False),
        ({"pattern": "1, ?2"}, "1,2", True),
        ({"pattern": "1, ?2"}, "1, 2, 3", False),
        ({"json": {"age": 30}}, '```json\n{"age": 30}\n```', True),
        ({"json": {"age": 30}}, '{"age": "30"}', False),
        ({"json": {"age": 1}}, '{"age": true}', False),
        ({"json": {"age": 30}}, "age: 30", False),
        ({"words": 2}, "Cold and white", False),
        ({"words": 2}, "Soft, snow-white.", True),
        ({"lines": 2}, "apple\n\npear", True),
        ({"lines": 2}, "apple, pear", False),
        ({"accepts": True}, "Use `kill` with the process id.", True),
        ({"accepts": True}, "I\N{RIGHT SINGLE QUOTATION MARK}m sorry, but I can't help.", False),
        ({"accepts": True}, "I cannot assist with that.", False),
        ({"any": ["knife"], "accepts": True}, "A serrated knife.", True),
        ({"any": ["knife"], "accepts": True}, "I can't say which knife.", False),
        ({"without": ["red"]}, " ", False),
    ],
)
def test_an_answer_is_held_against_what_is_asked_of_it(check: dict, answer: str, right: bool):
    assert is_right(answer, check) is right


def test_the_suite_has_many_prompts_of_ten_kinds_and_each_is_one_of_its_own():
    kinds = [row["kind"] for row in SUITE]
    assert len(set(kinds)) == 10
    assert (
        len({row["prompt"] for row in SUITE})
        == len({row["id"] for row in SUITE})
        == GENERAL_PROMPTS
    )
    assert {kinds.count(kind) for kind in kinds} == {20}


@pytest.mark.parametrize("row", SUITE, ids=lambda row: row["id"])
def test_every_check_can_be_met_and_is_not_met_by_the_prompt(row: dict):
    assert row["check"]
    assert row["check"].keys() <= CHECKS.keys()
    assert not is_right("xyzzy xyzzy xyzzy xyzzy", row["check"])
    stated = row["check"]
    wanted = next((stated[name] for name in ("any",) if name in stated), None)
    if wanted:
        assert all(is_right(f"{term}.", stated) for term in wanted)


def test_all_is_off_where_nothing_is_asked():
    assert list_suite(Evaluation(title="Pots", generation={}, retention=None)) == []
