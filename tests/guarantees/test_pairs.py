"""Two commands started together: each ends well or in a sentence, and no file is broken."""

from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.guarantees import commands
from tests.guarantees.comparison import find_differences, find_faults
from tests.guarantees.reference import Reference
from tests.guarantees.small_project import DATA, RUN, STEPS, WHOLE, Step

pytestmark = pytest.mark.slow

STEP = {step.name: step for step in STEPS}
SEED = "--params=product_descriptions.data.split.seed="


@dataclass(frozen=True)
class Pair:
    """Two commands, the step after which they are started, and the one that is typed after them."""

    first: str
    second: str
    after: Step
    then: Step

    def __str__(self) -> str:
        short = [one.replace(RUN, "").replace("run --env=test", "run") for one in self.commands]
        return f"{short[0]} with {short[1]}"

    @property
    def commands(self) -> tuple[str, str]:
        return self.first, self.second


def pair(first: str, second: str, after: str, then: str) -> Pair:
    """Name commands by their steps where they are one's."""
    one, other = (STEP[name].command if name in STEP else name for name in (first, second))
    return Pair(one, other, STEP[after], STEP[then])


CLEAN = "storage --env=test --clean --yes"
PAIRS = [
    pair("prepare", "prepare", "prepare", "prepare"),
    pair(f"{RUN}prepare {SEED}7", f"{RUN}prepare {SEED}8", "prepare", "prepare"),
    pair("prepare", f"{RUN}plan", "plan", "plan"),
    pair("plan", "plan", "prepare", "plan"),
    pair("prepare", "train", "plan", "train"),
    pair("train", "train", "plan", "train"),
    pair("plan", "train", "plan", "train"),
    pair("train", f"{RUN}train --params=product_descriptions.recipe.seed=5", "plan", "train"),
    pair("train", "evaluate", "train", "evaluate"),
    pair("train", CLEAN, "plan", "train"),
    pair("evaluate", "evaluate", "train", "evaluate"),
    pair("evaluate", "ask", "evaluate", "ask"),
    pair("ask", "ask", "evaluate", "ask"),
    pair("evaluate", "overview", "publish", "overview"),
    pair("merge", "merge", "ask", "merge"),
    pair("merge", "publish", "merge", "publish"),
    pair("publish", "publish", "merge", "publish"),
    pair(WHOLE, WHOLE, "overview", "evaluate"),
    pair(WHOLE, f"{RUN}all", "overview", "overview"),
    pair("synthesize", "synthesize", "synthesize", "synthesize"),
]


@pytest.mark.parametrize("pair", PAIRS, ids=str)
def test_two_commands_started_together(reference: Reference, pair: Pair, tmp_path: Path):
    project = tmp_path / "project"
    reference.restore(pair.after, project, after=True)
    running = [commands.start(project, command) for command in pair.commands]
    for ended in [one.wait() for one in running]:
        assert ended.status == 0 or ended.ended_in_words, ended.output
    assert list(find_faults(project / DATA)) == []
    ended = commands.run(project, pair.then.command)
    assert ended.status == 0, ended.output
    made = reference.made[pair.then.name].content
    differences = find_differences(project / DATA, made, newest=True)
    assert [one for one in differences if one.split(": ")[0] in made] == []
