"""What is asked for, item by item: the quotas become plans before anything is written."""

from typing import Any

from tuneline.parameters import Synthesise
from tuneline.pipelines.synthesise.checks import Item
from tuneline.pipelines.synthesise.choosing import draw
from tuneline.pipelines.synthesise.quotas import share_out, spread


def plan_templates(templates: list[dict[str, Any]], settings: Synthesise) -> list[Item]:
    """Plan the templates that are missing, each after the model of one there is.

    Args:
        templates: those there are.
        settings: how many are wanted; styles by their quotas.

    Returns:
        Items with `style` and `source`; none if there are enough templates.
    """
    wanted = share_out(settings.templates, settings.quotas.styles)
    items: list[Item] = []
    for style, count in wanted.items():
        models = [one for one in templates if one["style"] == style]
        for place in range(count - len(models)):
            source = models[place % len(models)]["text"]
            number = len(templates) + len(items) + 1
            identifier = _name(number, number, source, settings.seed)
            items.append({"id": identifier, "style": style, "source": source})
    return items


def plan_items(templates: list[dict[str, Any]], settings: Synthesise) -> list[Item]:
    """Plan the dialogues: styles by their quotas, slips spread evenly over every style.

    Args:
        templates: all templates.
        settings: how many dialogues, by which quotas.

    Returns:
        Items with `template` (its number), `style`, `slip` (whether one is wanted) and `source`,
        in a seeded order.
    """
    counts = share_out(settings.dialogues, settings.quotas.styles)
    chosen: list[tuple[str, dict[str, Any]]] = []
    for style, count in counts.items():
        of_style = [one for one in templates if one["style"] == style]
        of_style.sort(key=lambda one: draw(settings.seed, style, one["number"]))
        chosen += [(style, of_style[place % len(of_style)]) for place in range(count)]
    slips = spread(len(chosen), settings.quotas.slips)
    items = [
        _plan_item(number, template, style, slip, settings.seed)
        for number, ((style, template), slip) in enumerate(zip(chosen, slips, strict=True), start=1)
    ]
    return sorted(items, key=lambda item: draw(settings.seed, item["id"]))


def _plan_item(number: int, template: dict[str, Any], style: str, slip: bool, seed: int) -> Item:
    return {
        "id": _name(number, template["number"], template["text"], seed),
        "template": template["number"],
        "template_origin": template["origin"],
        "style": style,
        "slip": slip,
        "source": template["text"],
    }


def _name(number: int, template: int, text: str, seed: int) -> str:
    """Name an item so that no model can count its way to the next name."""
    return f"{number:05d}-t{template:03d}-{draw(seed, number, text) % 16**4:04x}"
