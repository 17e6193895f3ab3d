"""The blinded sheet as one page that needs no network."""

import base64
import hashlib
from importlib.resources import files
from typing import Any

import orjson
import pandas as pd
from markupsafe import Markup

from tuneline.pipelines.rubric.sheet import CHOICES, LEAST, MOST
from tuneline.reporting.pages import render_page

# What each choice is called on the page, and its key.
CHOICE_KEYS = {"A": ("a", "A is better"), "B": ("b", "B is better")}
CHOICE_KEYS |= {"both good": ("g", "Both good"), "both bad": ("x", "Both bad")}


def render_rating_page(name: str, sheet: pd.DataFrame, title: str) -> str:
    """Render the page.

    The page knows nothing that is not in the sheet. What it saves is an XLSX file with the sheet's
    columns. All texts are data, which its script shows as texts; script and styles are named by
    their hashes in its content security policy, so that nothing else runs and nothing may be
    fetched.
    """
    folder = files("tuneline.pipelines.rubric")
    script = "\n".join(
        folder.joinpath(one).read_text("utf-8") for one in ("workbook.js", "rating_page.js")
    )
    own_style = folder.joinpath("rating_page.css").read_text("utf-8")
    shared_style = files("tuneline.reporting").joinpath("page.css").read_text("utf-8")
    style = f"{shared_style}\n{own_style}"
    return render_page(
        "pipelines/rubric/rating_page.html.jinja",
        title=title,
        prompts=len(sheet),
        choices=CHOICE_KEYS,
        least=LEAST,
        most=MOST,
        sheet=_embed(
            {
                "name": name,
                "columns": list(sheet.columns),
                "rows": sheet.astype(object).where(sheet.notna(), None).to_dict("records"),
                "criteria": sheet.attrs["criteria"],
                "choices": list(CHOICES),
                "least": LEAST,
                "most": MOST,
            }
        ),
        script=Markup(script),  # noqa: S704 - our own
        page_style=Markup(style),  # noqa: S704 - our own
        script_hash=_hash(script),
        style_hash=_hash(style),
    )


def _embed(value: dict[str, Any]) -> Markup:
    """Write JSON that cannot end the element it is in."""
    text = orjson.dumps(value).decode().replace("<", "\\u003c")
    return Markup(text)  # noqa: S704 - no `<` left


def _hash(text: str) -> Markup:
    digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
    return Markup(f"'sha256-{digest}'")  # noqa: S704 - letters, digits, `+`, `/`, `=`
