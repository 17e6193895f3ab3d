import io
import re
from pathlib import Path

import pytest
from rich.console import Console

from tests.conftest import CPU, load_parameters
from tests.pipelines.evaluate.adapters import make_adapter
from tuneline.errors import TunelineError
from tuneline.models.adapter import Adapter
from tuneline.models.generation import Answer, generate_answers, stream_answer
from tuneline.models.loading import load_model
from tuneline.models.model_pair import ModelPair, load_pair
from tuneline.models.rendering import render_prompt
from tuneline.parameters import Evaluation, Prompt, Recipe
from tuneline.pipelines.ask import answer_questions, draw_columns, list_questions, print_answers
from tuneline.prompts import QuestionFile
from tuneline.utils.caches import Cache

PROMPT = Prompt(prompt="Write a product description for: {title}", completion="{content}")
SHORT = Evaluation(title="Pots", generation={"do_sample": False, "max_new_tokens": 12})
LONG = Evaluation(title="Pots", generation={"do_sample": False, "max_new_tokens": 400})
NO_FILE = QuestionFile(Path("data/questions.txt"), list)
RECIPE = load_parameters().recipe


@pytest.fixture(scope="module")
def adapter() -> Adapter:
    return make_adapter(RECIPE, CPU, effect=True)


@pytest.fixture(scope="module")
def pair(adapter: Adapter) -> ModelPair:
    return load_pair(adapter, RECIPE, SHORT, CPU)


def write_questions(folder: Path, *texts: str) -> QuestionFile:
    path = folder / "questions.txt"
    path.write_text("\n".join(texts))
    return QuestionFile(path, lambda: [(f"line {n}", text) for n, text in enumerate(texts, 1)])


def ask(adapter: Adapter, questions: list[dict], cache: Path, recipe: Recipe = RECIPE):
    return answer_questions(questions, adapter, Cache(cache), recipe, SHORT, CPU)


def test_the_question_of_the_command_line_goes_before_the_file(tmp_path: Path):
    file = write_questions(tmp_path, "One", "Two")
    (row,) = list_questions("Oak Spoon", file, [], PROMPT)
    assert row["messages"][0]["content"] == "Write a product description for: Oak Spoon"
    assert [row["question"] for row in list_questions(None, file, [], PROMPT)] == ["One", "Two"]


def test_without_a_question_and_a_file_both_ways_are_named():
    with pytest.raises(
        TunelineError, match=r"no file data/questions\.txt; .*--params=question="
    ) as e:
        list_questions(None, NO_FILE, [], PROMPT)
    assert len(e.value.problems) == 1


@pytest.mark.parametrize("question", ["", "  \n"])
def test_an_empty_question_is_refused(question: str):
    with pytest.raises(TunelineError, match="--params=question: the question is empty"):
        list_questions(question, NO_FILE, [], PROMPT)


def test_all_empty_questions_of_a_file_are_named_at_once(tmp_path: Path):
    with pytest.raises(TunelineError) as error:
        list_questions(None, write_questions(tmp_path, "One", "", " "), [], PROMPT)
    assert [problem.where for problem in error.value.problems] == ["line 2", "line 3"]


def test_too_long_questions_and_a_wrong_base_are_named_at_once_before_it_is_loaded(
    adapter: Adapter, tmp_path: Path
):
    file = write_questions(tmp_path, "Spoon", "oak " * 1500)
    rows = list_questions(None, file, [], PROMPT)
    other = {**adapter.provenance, "base": {"name": "someone/else", "commit": "abc"}}
    stranger = Adapter(adapter.config, adapter.tensors, adapter.tokenizer, other)
    with pytest.raises(TunelineError) as error:
        ask(stranger, rows, tmp_path / "cache")
    base, long = map(str, error.value.problems)
    assert re.search("tiny_base.*trained on .*someone/else", base)
    assert re.match(r"line 2: its prompt has [\d,]+ tokens and the answer may have 12", long)


def test_one_question_is_shown_and_tabulated(adapter: Adapter, tmp_path: Path, capsys):
    rows = list_questions("Oak Spoon", NO_FILE, [], PROMPT)
    (row,) = ask(adapter, rows, tmp_path / "cache").to_dict("records")
    shown = capsys.readouterr().out
    assert "Write a product description for: Oak Spoon" in shown
    assert shown.index("base model:") < shown.index(row["base_answer"])
    assert shown.index("tuned model:") < shown.rindex(row["tuned_answer"])
    assert len(re.findall(r"\d tokens in [\d.]+ s, [\d.]+ tokens/s, (?:ended|cut)", shown)) == 2
    assert row["base_answer"] != row["tuned_answer"]
    assert row["question"] == "Oak Spoon"
    assert 0 < row["tuned_tokens"] <= 12
    assert row["tuned_tokens_per_second"] == pytest.approx(
        row["tuned_tokens"] / row["tuned_seconds"],
        rel=0.001 / row["tuned_seconds"],  # the table rounds to milliseconds
    )
    assert not (tmp_path / "cache").exists()


def test_base_is_the_model_without_the_adapter(adapter: Adapter, tmp_path: Path):
    rows = list_questions(None, write_questions(tmp_path, "Oak Spoon", "Cup"), [], PROMPT)
    table = ask(adapter, rows, tmp_path / "cache")
    prompts = [render_prompt(adapter.tokenizer, row["messages"]) for row in rows]
    bare = load_model(RECIPE, CPU).eval()
    expected = generate_answers(
        bare, adapter.tokenizer, prompts, SHORT, CPU, Cache(tmp_path / "bare"), {}
    )
    assert list(table.base_answer) == [answer.answer for answer in expected]
    assert list(table.question) == ["Oak Spoon", "Cup"]


def test_what_was_answered_of_a_file_is_not_generated_again(adapter: Adapter, tmp_path: Path):
    rows = list_questions(None, write_questions(tmp_path, "Oak Spoon", "Cup"), [], PROMPT)
    first = ask(adapter, rows, tmp_path / "cache")
    # Times tell: generated again, they would differ.
    assert ask(adapter, rows, tmp_path / "cache").equals(first)


def test_a_streamed_answer_is_the_one_that_is_not_watched(pair: ModelPair, tmp_path: Path):
    messages = [{"role": "user", "content": "Write a product description for: Tea Pot"}]
    prompt = render_prompt(pair.tokenizer, messages)
    pieces, stream = [], pair.stream("tuned", messages)
    while True:
        try:
            pieces.append(next(stream))
        except StopIteration as end:
            streamed = end.value
            break
    (alone,) = generate_answers(
        pair.model, pair.tokenizer, [prompt], SHORT, CPU, Cache(tmp_path / "cache"), {}
    )
    assert len(pieces) > 2
    assert "".join(pieces).strip() == streamed.answer == alone.answer
    assert (streamed.tokens, streamed.stopped) == (alone.tokens, alone.stopped)


def test_a_model_to_which_nobody_listens_stops(pair: ModelPair):
    passes = []
    hook = pair.model.get_base_model().register_forward_hook(lambda *_: passes.append(1))
    prompt = render_prompt(pair.tokenizer, [{"role": "user", "content": "Tea Pot"}])
    forever = LONG.model_copy(update={"generation": LONG.generation | {"min_new_tokens": 400}})
    stream = stream_answer(pair.model, pair.tokenizer, prompt, forever)
    next(stream)
    stream.close()
    hook.remove()
    assert 0 < len(passes) < 400


def test_what_goes_wrong_in_the_models_thread_is_raised_here(pair: ModelPair):
    with pytest.raises(IndexError):
        list(stream_answer(pair.model, pair.tokenizer, [10**6], SHORT))


def test_a_terminal_shows_both_answers_in_columns_and_obeys_no_control_characters(
    pair: ModelPair,
):
    messages = [{"role": "user", "content": "Tea\x1b[2J Pot [bold]red[/bold]"}]
    screen = io.StringIO()
    console = Console(file=screen, force_terminal=True, width=120, height=60, color_system=None)
    answers = print_answers(pair, messages, console)
    shown = screen.getvalue()
    assert r"Tea\x1b[2J Pot [bold]red[/bold]" in shown
    frame = shown[shown.rindex("base model") :]
    assert "tuned model" in frame.splitlines()[0]
    for answer in answers.values():
        for word in answer.describe().split():
            assert word in frame


def test_a_growing_answer_is_followed_in_a_low_terminal_and_is_there_whole_in_the_end(
    pair: ModelPair,
):
    answers = {"base": Answer("end of base", 3, 1.0, stopped=True)}
    texts = {"base": "end of base", "tuned": " ".join(f"word{n}" for n in range(90))}
    console = Console(file=io.StringIO(), force_terminal=True, width=80, height=12)
    with console.capture() as growing:
        console.print(draw_columns(texts, answers, console))
    assert len(growing.get().splitlines()) == 12
    assert "word89" in growing.get()
    assert "word0 " not in growing.get()
    answers["tuned"] = Answer(texts["tuned"], 90, 1.0, stopped=True)
    with console.capture() as whole:
        console.print(draw_columns(texts, answers, console))
    assert all(word in whole.get() for word in texts["tuned"].split())


def test_a_narrow_terminal_shows_one_answer_below_the_other(pair: ModelPair):
    screen = io.StringIO()
    console = Console(file=screen, force_terminal=True, width=50, height=24, color_system=None)
    answers = print_answers(pair, [{"role": "user", "content": "Tea Pot"}], console)
    shown = screen.getvalue()
    assert "\nbase model:\n" in shown
    assert "│" not in shown
    assert answers["tuned"].answer in shown
