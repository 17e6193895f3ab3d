import random
from dataclasses import asdict
from pathlib import Path

import pytest
from transformers import TrainerState

from tests.training.small_runs import BY_ANSWERS, shrink, train
from tuneline.examples import Example
from tuneline.metrics.overlap import score_chrf
from tuneline.models.adapted_model import load_tuned
from tuneline.models.adapter import read_adapter
from tuneline.models.fingerprints import describe_inputs
from tuneline.models.generation import generate_ids, read_answer
from tuneline.models.rendering import find_end_tokens
from tuneline.models.tokenizer import load_tokenizer
from tuneline.parameters import Hardware, Recipe
from tuneline.pipelines.train.nodes import train_adapter
from tuneline.training.best_checkpoint import BY_LOSS, CHOICE, fix_choice, read_fixed
from tuneline.training.validation_answers import list_asked, read_scores

WORDS = ["oak", "elm", "ash", "fir", "yew", "red", "tan", "blue", "gray", "gold", "iron", "tin"]
WORDS += ["clay", "wool", "silk", "cork", "lead", "jade"]
MADE = {
    "pot": "It is thrown by hand, and takes a week to dry.",
    "lamp": "You fill it with oil and light it at dusk.",
    "rug": "Two weavers knot it in the open air.",
    "knife": "The smith folds its steel four times.",
}


def make_examples(count: int, seed: int) -> list[Example]:
    """Make answers whose first sentence can be learned, and whose second nobody can know.

    Of the second a model that has learned it by heart is too sure: its loss rises while its answers
    go on getting better.
    """
    draw = random.Random(seed)
    examples: list[Example] = []
    for number, kind in zip(range(count), [*MADE] * count, strict=False):
        code = " ".join(draw.choice(WORDS) for _ in range(4))
        examples.append(
            {
                "id": f"{seed}-{number}",
                "prompt": [
                    {"role": "user", "content": f"Describe: {kind} {draw.choice(WORDS)}"},
                ],
                "completion": [{"role": "assistant", "content": f"{MADE[kind]} Sold as {code}."}],
                "meta": {"line": number},
            }
        )
    return examples


@pytest.mark.slow
def test_where_loss_and_answers_differ_the_answers_choose_the_better_checkpoint(
    recipe: Recipe, hardware: Hardware, tmp_path: Path
):
    recipe = shrink(
        recipe,
        **{"learning_rate": 8e-3, "num_train_epochs": 8, "global_batch_size": 4},
        **{"warmup_steps": 0, "save_strategy": "epoch", "save_total_limit": 8},
        metric_for_best_model="chrf",
    )
    train_split, tokenizer = make_examples(16, 1), load_tokenizer(recipe)
    made_of: dict = {**describe_inputs(train_split, [], tokenizer, recipe, hardware)}
    generation = {"max_new_tokens": 48, "do_sample": False}
    plan = {
        "inputs": made_of,
        "memory_gb": {"total": 1.0},
        "verdict": {"label": "fits", "summary": ""},
        "best_checkpoint": {**BY_ANSWERS, "generation": generation},
    }
    _, log, stats = train_adapter(
        train_split, make_examples(12, 2), plan, tmp_path, recipe, hardware
    )
    measured = log[log["step"] > 0].dropna(subset=["eval_loss"])
    by_loss = int(measured.sort_values("eval_loss")["step"].iloc[0])
    assert stats["released_step"] != by_loss
    asked = list_asked(tokenizer, make_examples(12, 3))
    held_out = []
    for step in (by_loss, stats["released_step"]):
        (folder,) = tmp_path.glob(f"*/checkpoint-{step}")
        model = load_tuned(read_adapter(folder, tokenizer, made_of), recipe, hardware)
        found = generate_ids([one["prompt"] for one in asked], model, tokenizer, generation)
        texts = [read_answer(ids, tokenizer, find_end_tokens(tokenizer), 1.0) for ids in found]
        pairs = zip(texts, asked, strict=True)
        held_out.append(sum(score_chrf(text.answer, one["reference"]) for text, one in pairs) / 12)
    assert held_out[1] > held_out[0] + 5


@pytest.mark.slow
def test_what_was_chosen_at_the_start_stays_and_stops_the_run_early(
    recipe: Recipe, hardware: Hardware, tmp_path: Path
):
    recipe = shrink(
        recipe, num_train_epochs=4, early_stopping_patience=1, metric_for_best_model="chrf"
    )
    _, log, stats = train(recipe, hardware, tmp_path, best_checkpoint=BY_ANSWERS)
    chrf = log["eval_chrf"].dropna().tolist()
    assert log.loc[log["step"] == 0, "eval_chrf"].isna().all()
    assert log["step"].iloc[-1] == 24 or chrf[-1] <= max(chrf[:-1])
    (run,) = tmp_path.iterdir()
    scores = read_scores(run, stats["released_step"])
    assert scores
    assert sum(scores["chrf"]) / len(scores["chrf"]) == max(chrf)
    assert stats["best_checkpoint"] == BY_ANSWERS
    state = TrainerState.load_from_json(
        str(run / f"checkpoint-{stats['released_step']}" / "trainer_state.json")
    )
    assert state.best_metric == max(chrf)
    fixed = read_fixed(run)
    assert fixed == fix_choice(run, asdict(BY_LOSS))
    assert asdict(fixed) == BY_ANSWERS
    (run / CHOICE).write_bytes((run / CHOICE).read_bytes().replace(b"24", b"25"))
    assert fix_choice(run, asdict(BY_LOSS)) == BY_LOSS
