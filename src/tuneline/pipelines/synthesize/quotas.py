"""Shares of styles and disfluencies: planned exactly, counted at the end."""

from typing import Any

from tuneline.errors import Problem, TunelineError
from tuneline.parameters.synthesis import FromTemplates, Quotas
from tuneline.pipelines.synthesize.filters import Item
from tuneline.utils.hashing import apportion, seeded_order


def spread(total: int, share: float) -> list[bool]:
    """Mark a share of places, evenly spread; of any stretch the share is right within one."""
    return [int((place + 1) * share + 0.5) > int(place * share + 0.5) for place in range(total)]


def count_shares(conversations: list[dict[str, Any]], quotas: Quotas) -> list[dict[str, Any]]:
    """Count what conversations are made of, next to what they should be made of.

    Of each quota `name`, `wanted`, `count`, `share`, `kept` (within the tolerance).
    """
    counts = {style: sum(row["style"] == style for row in conversations) for style in quotas.styles}
    wanted = dict(quotas.styles)
    if quotas.disfluencies:
        wanted["disfluencies"] = quotas.disfluencies
        counts["disfluencies"] = sum(row["disfluency"] != "" for row in conversations)
    return [
        _compare(name, wanted[name], counts[name], len(conversations), quotas.tolerance)
        for name in wanted
    ]


def check_shares(shares: list[dict[str, Any]], tolerance: float) -> None:
    """Refuse conversations that are made of something else than was asked for.

    Raises:
        TunelineError: naming every share that is too far off.
    """
    off = [share for share in shares if not share["kept"]]
    if off:
        raise TunelineError(
            *(
                Problem(
                    where=f"synthesize.templates.quotas: {share['name']}",
                    value=share["wanted"],
                    wrong=f"{share['count']} conversations have it, {share['share']:.3f} of all",
                    matters=f"it is off by more than {tolerance:g}, and the model would learn it",
                    remedy="see invalid.jsonl for what was lost; raise `attempts`, or `tolerance`",
                )
                for share in off
            )
        )


def _compare(name: str, wanted: float, count: int, total: int, tolerance: float) -> dict[str, Any]:
    share = count / total if total else 0.0
    kept = total == 0 or abs(share - wanted) <= tolerance
    return {"name": name, "wanted": wanted, "count": count, "share": share, "kept": kept}


def plan_templates(
    templates: list[dict[str, Any]], settings: FromTemplates, seed: int
) -> list[Item]:
    """Plan the templates that are missing, each after the model of one there is."""
    wanted = apportion(settings.count, settings.quotas.styles)
    items: list[Item] = []
    for style, count in wanted.items():
        models = [one for one in templates if one["style"] == style]
        for place in range(count - len(models)):
            source = models[place % len(models)]["text"]
            number = len(templates) + len(items) + 1
            identifier = _name(number, number, source, seed)
            items.append({"id": identifier, "style": style, "source": source})
    return items


def plan_items(templates: list[dict[str, Any]], settings: FromTemplates, seed: int) -> list[Item]:
    """Plan the conversations: styles by their quotas, disfluencies spread evenly over every style.

    Items have `template` (its number), `style`, `disfluency` (whether one is wanted) and `source`,
    in a seeded order.
    """
    counts = apportion(settings.conversations, settings.quotas.styles)
    chosen: list[tuple[str, dict[str, Any]]] = []
    for style, count in counts.items():
        of_style = [one for one in templates if one["style"] == style]
        of_style.sort(key=lambda one: seeded_order(seed, style, one["number"]))
        chosen += [(style, of_style[place % len(of_style)]) for place in range(count)]
    disfluencies = spread(len(chosen), settings.quotas.disfluencies)
    items = [
        _plan_item(number, template, style, disfluency, seed)
        for number, ((style, template), disfluency) in enumerate(
            zip(chosen, disfluencies, strict=True), start=1
        )
    ]
    return sorted(items, key=lambda item: seeded_order(seed, item["id"]))


def _plan_item(
    number: int, template: dict[str, Any], style: str, disfluency: bool, seed: int
) -> Item:
    return {
        "id": _name(number, template["number"], template["text"], seed),
        "template": template["number"],
        "template_origin": template["origin"],
        "style": style,
        "disfluency": disfluency,
        "source": template["text"],
    }


def _name(number: int, template: int, text: str, seed: int) -> str:
    """Name an item so that no model can count its way to the next name."""
    return f"{number:05d}-t{template:03d}-{seeded_order(seed, number, text) % 16**4:04x}"
