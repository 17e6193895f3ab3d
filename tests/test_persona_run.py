"""The use case that makes its own data, offline, from templates to a report."""

import json
from pathlib import Path

from tests.conftest import run


def test_the_persona_goes_from_templates_to_a_report(project: Path):
    run(project, "persona_dialogues")
    made = project / "data/test"
    report = json.loads(
        (made / "08_reporting/persona_dialogues/synthesis_report.json").read_text("utf-8")
    )
    clean = (made / "03_primary/persona_dialogues/clean.csv").read_text("utf-8").splitlines()
    assert len(clean) - 1 == report["raw"]["all"] == 132
    page = (made / "08_reporting/persona_dialogues/report.html").read_text("utf-8")
    assert "Persona dialogues" in page
