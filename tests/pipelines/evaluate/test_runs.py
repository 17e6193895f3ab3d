from tests.conftest import CPU
from tests.pipelines.evaluate.rows import make_row
from tuneline.metrics import measure_answers
from tuneline.models.adapter import Adapter
from tuneline.parameters import Evaluation
from tuneline.pipelines.evaluate.report_nodes import compare_runs
from tuneline.pipelines.evaluate.scoring_nodes import score_answers

REFERENCE = "A pot of oak."


def score(rate: float, tuned: str, prompt: str = "Describe it.", **more: str) -> dict:
    """Score an adapter trained at a learning rate."""
    provenance = {
        "base": {"name": "tiny"},
        "recipe": {"settings": {"learning_rate": rate, "lora": {"r": 8}}},
        "examples": {"train": {"count": 9, "sha256": "0" * 64}},
    }
    adapter = Adapter({"r": 8, "rate": rate}, {}, None, provenance)
    rows = [make_row(number, "", tuned, REFERENCE, prompt=prompt, **more) for number in range(12)]
    evaluation = Evaluation(title="Pots", generation={})
    return score_answers(rows, measure_answers(rows, [], evaluation), adapter, {}, evaluation, CPU)


def test_runs_are_in_their_order_with_what_differs_between_them():
    first, second = score(1e-4, "A pot."), score(2e-4, REFERENCE)
    versions = {"2026-01": lambda: first, "2026-02": lambda: second}  # as they were made
    table, plot = compare_runs(versions, second)
    assert table["version"].tolist() == ["2026-01", "2026-02"]
    assert table["differs"].tolist() == ["learning_rate 0.0001", "learning_rate 0.0002"]
    assert table["chrf_tuned"].iloc[0] < table["chrf_tuned"].iloc[1] == 100
    assert table["adapter"].nunique() == 2
    assert list(plot.data[0].x) == ["run 1", "run 2"]


def test_a_run_on_other_prompts_is_listed_but_not_drawn():
    other, latest = score(1e-4, "A pot.", prompt="Name it."), score(1e-4, REFERENCE)
    table, plot = compare_runs({"2026-01": lambda: other, "2026-02": lambda: latest}, latest)
    assert table["comparable"].tolist() == [False, True]
    assert list(plot.data[0].x) == ["run 2"]


def test_a_first_run_is_alone():
    table, _ = compare_runs({}, score(1e-4, REFERENCE))
    assert table["differs"].tolist() == ["the same settings"]


def test_a_run_that_vllm_answered_says_how_many_answers_differ_and_from_which_runs_it_does():
    plain = score(1e-4, "A pot.")
    sampled = {"base_plain_answer": "", "tuned_plain_answer": "A jug."}
    served = score(1e-4, "A pot.", engine="vLLM 0.32.0", **sampled)
    assert plain["run"]["engine"] is None
    said = " ".join([served["verdict"]["summary"], *served["verdict"]["notes"]])
    assert (
        "vLLM 0.32.0 answered; of its answers to 12 prompts that transformers answered, too, 0 of "
        "the base model (0 to 24 %) and 12 of the tuned model (76 to 100 %) are not the same."
    ) in said
    table, _ = compare_runs({"2026-01": lambda: plain, "2026-02": lambda: served}, served)
    assert table["differs"].tolist() == ["answers from transformers", "answers from vLLM 0.32.0"]
