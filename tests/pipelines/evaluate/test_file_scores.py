import pytest

from tuneline.parameters import Evaluation
from tuneline.pipelines.evaluate.file_scores import score_file_answers

EVALUATION = Evaluation(title="Tea", generation={"max_new_tokens": 8})
SCORES = {"run": {"adapter": "a" * 64}}
WORDS = ["oak", "spoon", "blue", "teapot", "wool", "scarf"]
ANSWERS = [
    {
        "id": str(number),
        "context": [],
        "prompt": f"Describe number {number}",
        "reference": f"The {WORDS[number % 6]} of shop {number} lasts for many years.",
        "reference_tokens": 9,
        "category": None,
        "slices": {},
        "key_terms": [],
        "groups": {},
        "base_answer": "No idea.",
        "tuned_answer": f"The {WORDS[number % 6]} of shop {number} lasts for years.",
        **{f"{who}_{key}": 1.0 for who in ("base", "tuned") for key in ("loss", "seconds")},
        **{f"{who}_tokens": 9 for who in ("base", "tuned")},
        **{f"{who}_stopped": True for who in ("base", "tuned")},
    }
    for number in range(30)
]


def answer(kind: str, changed: range, text: str = "Nothing at all.") -> list[dict]:
    """Answer as the adapter does, but for some prompts."""
    return [
        {
            "file": f"model-{kind}.gguf",
            "id": row["id"],
            "answer": text if number in changed else row["tuned_answer"],
            "tokens": 10,
            "seconds": 0.5,
            "stopped": True,
            "same_prompt": number != 3,
        }
        for number, row in enumerate(ANSWERS)
    ]


def score(*files: tuple[str, int, range]) -> dict:
    stats = {
        "files": [
            {"file": f"model-{kind}.gguf", "type": kind, "bytes": size, "larger": 0}
            for kind, size, _ in files
        ],
        "obstacle": None,
    }
    rows = [row for kind, _, changed in files for row in answer(kind, changed)]
    return score_file_answers(rows, stats, ANSWERS, [], SCORES, EVALUATION)


def test_a_file_that_answers_the_same_is_the_one_to_take():
    found = score(("f16", 3000, range(0)), ("q8_0", 2000, range(3)), ("q4_k_m", 1000, range(30)))
    f16, q8_0, q4_k_m = found["files"]
    assert found["adapter"] == "a" * 64
    assert [one["equal"] for one in found["files"]] == [30, 27, 0]
    assert f16["metrics"]["chrf"]["difference"] == 0
    # Wilson's interval of 27 in 30.
    assert q8_0["interval"] == pytest.approx([0.7438, 0.9654], abs=1e-4)
    assert q8_0["tokens_per_second"] == 20
    low, high = q4_k_m["metrics"]["chrf"]["interval"]
    assert low < q4_k_m["metrics"]["chrf"]["difference"] < high < 0
    assert "chrF" in q4_k_m["worse"]
    assert found["take"] == "model-q8_0.gguf"
    assert "Take model-q8_0.gguf." in found["summary"]
    assert "Smaller: model-q4_k_m.gguf (1.0 kB) gives 0 of 30 answers" in found["summary"]
    assert "it differs in chrF \N{MINUS SIGN}" in found["summary"]
    assert "llama.cpp reads 1 prompt as other tokens" in q8_0["sentence"]
    assert "loss" not in q8_0["metrics"]


def test_files_that_are_all_worse_are_not_recommended():
    found = score(("q8_0", 2000, range(15)), ("q4_k_m", 1000, range(30)))
    assert found["take"] is None
    assert found["summary"].startswith("All files are worse than the adapter")
    assert "nearest is model-q8_0.gguf" in found["summary"]


def test_of_files_that_answer_otherwise_but_no_worse_the_nearest_is_taken():
    """Some answers that changed make a file unequal, and by no metric worse."""
    changed = ("f16", 3000, range(7)), ("q8_0", 2000, range(2, 10)), ("q4_k_m", 1000, range(30))
    found = score(*changed)
    f16, q8_0, _ = found["files"]
    assert f16["share"] < 0.8 > q8_0["share"]
    assert found["take"] == "model-f16.gguf"
    assert found["summary"].startswith("Take model-f16.gguf. ")


def test_files_that_were_not_asked_say_why():
    stats = {"files": [], "obstacle": "llama.cpp's library is not there; install it"}
    found = score_file_answers([], stats, ANSWERS, [], SCORES, EVALUATION)
    assert found["files"] == []
    assert "were not asked: llama.cpp's library is not there; install it." in found["summary"]
