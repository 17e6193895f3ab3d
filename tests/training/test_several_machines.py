"""Several machines that train one adapter: all of them are this one, and meet on the loopback."""

import os
import signal
import socket
import time
from pathlib import Path

import pytest

from tests.commands import Running, kedro, start_kedro
from tests.guarantees.small_project import make_project
from tests.training.small_runs import shrink
from tuneline.checks.machines import find_machine_problems
from tuneline.errors import TunelineError
from tuneline.models.fingerprints import describe_inputs
from tuneline.models.tokenizer import load_tokenizer
from tuneline.parameters import Hardware, Recipe
from tuneline.pipeline_registry import register_pipelines
from tuneline.training.agreement import agree
from tuneline.training.checkpoints import open_run
from tuneline.training.launch import launch

OUTPUT = Path("data/test/06_models/product_descriptions")
SEALS = f"{OUTPUT}/checkpoints/*/checkpoint-*/sealed.json"
ADAPTERS = f"{OUTPUT}/adapter/*/adapter/adapter_model.safetensors"
LOSS = "product_descriptions.recipe.metric_for_best_model=loss"


def find_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def wait_for_file(folder: Path, pattern: str, *running: Running) -> None:
    while not list(folder.glob(pattern)):
        assert all(one.process.is_alive() for one in running), [one.read() for one in running]
        time.sleep(0.05)


@pytest.mark.slow
def test_a_machine_that_is_killed_and_started_again_goes_on_with_the_others(tmp_path: Path):
    folder = make_project(tmp_path / "project")
    together = f"hardware.machines=2,hardware.rendezvous=127.0.0.1:{find_port()},{LOSS}"

    def start(machine: int) -> Running:
        where = f"--params=hardware.machine={machine},{together}"
        return start_kedro(folder, "run", "--env=test", "--pipeline=train", where)

    made = kedro(folder, "run", "--env=test", "--pipelines=prepare,plan", f"--params={together}")
    assert made.returncode == 0, made.stderr
    first, second = start(0), start(1)
    wait_for_file(folder, SEALS, first, second)
    second.send(signal.SIGKILL)
    second.wait()
    second = start(1)
    ended = [first.wait(), second.wait()]
    assert [one.returncode for one in ended] == [0, 0], [one.stdout + one.stderr for one in ended]
    assert "Going on after step" in ended[0].stdout + ended[1].stdout
    assert "Machine 1 is done: machine 0 writes the adapter." in ended[1].stderr
    assert "Traceback" not in ended[0].stdout + ended[0].stderr
    assert len(list(folder.glob(ADAPTERS))) == 1


def describe(recipe: Recipe, hardware: Hardware) -> dict:
    return {**describe_inputs([], [], load_tokenizer(recipe), recipe, hardware)}


def refuse(folder: Path, recipe: Recipe, hardware: Hardware) -> list[str]:
    """Try what two machines cannot agree on, one after the other; give what each was told."""
    number = int(os.environ["RANK"])
    here = hardware.model_copy(
        update={"machines": 2, "machine": number, "rendezvous": "127.0.0.1:1"}
    )
    longer = shrink(recipe, num_train_epochs=3) if number else recipe
    tries = [
        (open_run(folder, describe(longer, here)), here),
        (open_run(folder / str(number), describe(recipe, here)), here),
        (open_run(folder, describe(recipe, here)), here.model_copy(update={"machine": 1})),
        (
            open_run(folder, describe(recipe, here)),
            here.model_copy(update={"tokens_per_batch": 100 + number}),
        ),
    ]
    return [_ask(run, machine) for run, machine in tries]


def _ask(run: Path, hardware: Hardware) -> str:
    try:
        return f"agreed on {agree(run, hardware)}"
    except TunelineError as refusal:
        return str(refusal)


@pytest.mark.slow
def test_machines_that_would_not_train_the_same_are_refused_in_one_sentence(
    recipe: Recipe, hardware: Hardware, tmp_path: Path
):
    recipe = shrink(recipe)
    told = launch(refuse, hardware.model_copy(update={"processes": 2}), tmp_path, recipe, hardware)
    assert told[0] == told[1] or told[0][1].split(":")[1:] == told[1][1].split(":")[1:]
    other, folder, numbers, batch = told[0]
    assert "it would train something else than machine 0: recipe.num_train_epochs" in other
    assert "this folder is not the same on all machines" in folder
    assert numbers.startswith("hardware.machine = 1: these are the numbers")
    assert "hardware.tokens_per_batch differs" in batch


def test_several_machines_make_one_adapter_and_nothing_else():
    pipelines = register_pipelines()
    train = pipelines["product_descriptions.train"]
    chain, plan = pipelines["product_descriptions"], pipelines["product_descriptions.plan"]
    two = Hardware.model_construct(machines=2, machine=0)
    second = Hardware.model_construct(machines=2, machine=1)
    assert not list(find_machine_problems(train, two))
    assert not list(find_machine_problems(plan, two))
    assert not list(find_machine_problems(train, second))
    for pipeline, hardware in ((chain, two), (plan, second), (chain, second)):
        (problem,) = find_machine_problems(pipeline, hardware)
        assert "this run makes more than an adapter" in str(problem)
