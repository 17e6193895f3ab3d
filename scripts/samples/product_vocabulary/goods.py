"""What all goods with a brand share: names, title layouts, and how a product type is written."""

from collections.abc import Mapping
from dataclasses import replace

from scripts.samples.product_vocabulary.materials import COLOURS, MATERIALS
from scripts.samples.product_vocabulary.model import Layout, Product, Trait, plain, words

# Invented halves, so that no brand is a real one and 2.25 million titles rarely collide.
_BRAND_STARTS = words(
    "Tarn Hollin Ketter Wren Pell Oska Marl Fenni Corra Quill Lodda Vesper Ember Alder Thorna "
    "Birka Saffer Elmer Juni Kessel Lum Nettle Ora Penna Rook Tamber Ulla Willa Yarro Zeller"
)
_BRAND_ENDS = words("beck by combe dale fold garth low mere moor shaw stead thwaite wick wold")
_PAIRED_BRANDS = ("Moss & Kettle", "Fern & Fable", "Hart & Thimble", "Pike & Lantern")

BRANDS = plain(
    *(start + end for start in _BRAND_STARTS for end in _BRAND_ENDS),
    *_PAIRED_BRANDS,
)

RANGES = plain(
    *words(
        "Acorn Almond Anchor Apple Arbour Aspen Badger Barley Beacon Bell Bilberry Blossom "
        "Bluebell Bracken Breeze Bridge Brook Buttercup Cedar Cherry Clover Comet Copse Coral "
        "Cottage Cove Cricket Curlew Daisy Dawn Dove Dune Falcon Feather Fern Finch Fjord Fox "
        "Gale Garnet Glade Hare Harvest Haven Hawthorn Hazel Heath Heron Hill Holly Honey Ivy "
        "Jasmine Juniper Kite Lark Laurel Linnet Lotus Maple Marsh Martin Meadow Mill Mint Moon "
        "Nutmeg Orchard Otter Owl Pebble Pepper Petal Pine Plover Poppy Prairie Quince Rain "
        "Raven Reed Ridge River Robin Rowan Saffron Salt Shell Shore Sparrow Spruce Star "
        "Swallow Swift Thistle Thyme Tide Valley Violet Walnut Wave Willow Winter Wood"
    )
)

_SIZE_FRAMES = (
    "The {{size}} version {use}.",
    "This is the {{size}} version, which {use}.",
    "In the {{size}} version it {use}.",
)

_PLAIN_LAYOUTS = (
    Layout(
        "{Range} {Type} by {Brand}",
        (
            "The {range} is {a_type} by {brand}.",
            "{brand} calls this {type} the {range}.",
            "The {range} is {a_type} without frills, made by {brand}.",
        ),
        ("{a_type} by {brand}.", "The {range} {type} from {brand}."),
    ),
    Layout(
        "{Brand} {Range} {Material} {Type}, {Size}",
        (
            "The {range} is {a_size} {type} made of {material} by {brand}.",
            "From the {range} range by {brand} comes this {material} {type} in the {size} version.",
            "{brand} makes this {size} {type} of {material} for its {range} range.",
        ),
        ("{a_size} {type} made of {material}.", "{material} {type} from {brand}, {size}."),
    ),
    Layout(
        "{Brand} {Range} {Type} {Feature}",
        (
            "The {range} by {brand} is {a_type} {feature}.",
            "{brand} has given its {range} range {a_type} {feature}.",
            "This {type} {feature} belongs to the {range} range by {brand}.",
        ),
        ("{a_type} {feature} from {brand}.", "{range} {type} {feature}."),
    ),
    Layout(
        "{Range} {Size} {Material} {Type} {Feature} by {Brand}",
        (
            "This {size} {type} {feature} is made of {material} by {brand}.",
            "{brand} builds the {range} of {material}: {a_size} {type} {feature}.",
            "The {range} is {a_material} {type} {feature}, here in the {size} version.",
        ),
        ("{a_size} {material} {type} {feature}.", "{material} {type} {feature}, {size}."),
    ),
    Layout(
        "{Brand} {Range} {Size} {Type}",
        (
            "The {range} by {brand} is {a_size} {type} for every day.",
            "This is the {size} {type} from the {range} range by {brand}.",
            "Meet the {range}, {a_size} {type} by {brand}.",
        ),
        ("{a_size} {type} by {brand}.", "The {range} {type}, {size}."),
    ),
)

_COLOURED_LAYOUTS = (
    Layout(
        "{Brand} {Range} {Size} {Material} {Type} {Feature} in {Colour}, Ready in a Gift Box",
        (
            "{brand} packs this {colour} {type} {feature} in a gift box, ready to give.",
            "A gift box holds the {range}: {a_material} {type} {feature}, in {colour}.",
            "The {range} by {brand} is {a_size} {type} {feature} in a gift box.",
        ),
        ("{a_colour} {type} in a gift box.", "{material} {type} in a gift box, {size}."),
    ),
    Layout(
        "{Brand} {Material} {Type}, {Size}, {Colour}",
        (
            "This {material} {type} from {brand} comes in {colour} and in the {size} version.",
            "{a_size} {type} in {colour}, made of {material} by {brand}.",
            "{brand} makes this {colour} {type} of {material} in the {size} version.",
        ),
        ("{a_colour} {type} made of {material}, {size}.", "{size} {material} {type} in {colour}."),
    ),
    Layout(
        "{Brand} {Range} {Type} {Feature}, {Colour}",
        (
            "The {range} by {brand} is {a_type} {feature}, here in {colour}.",
            "{a_colour} {type} {feature}, from the {range} range by {brand}.",
            "This {colour} {type} {feature} is part of the {range} range by {brand}.",
        ),
        ("{a_type} {feature} in {colour}.", "{colour} {type} {feature} by {brand}."),
    ),
    Layout(
        "{Brand} {Range} {Material} {Type} {Feature} - {Size} - {Colour}",
        (
            "The {range} is {a_colour} {type} {feature}, made of {material} by {brand}.",
            "{brand} offers the {size} {material} {type} {feature} in {colour}.",
            "{a_size} {type} {feature}, made of {material} and finished in {colour}.",
        ),
        ("{a_colour} {material} {type} {feature}.", "{size} {type} {feature}, in {colour}."),
    ),
    Layout(
        "{Colour} {Type} by {Brand}, {Size} ({Range})",
        (
            "This {colour} {type} by {brand} is the {size} version of the {range}.",
            "{a_size} {type} in {colour}, sold by {brand} as the {range}.",
            "In {colour} and in the {size} version, the {range} is {a_type} by {brand}.",
        ),
        ("{a_size} {type} in {colour}.", "The {range} {type} in {colour}, {size}."),
    ),
)

_COLOUR_TRAITS = tuple(Trait(colour, notes) for colour, notes in COLOURS.items())


def _sized(size: str, use: str) -> Trait:
    """A size, with its use told in every frame: a verb phrase whose subject is the product."""
    return Trait(size, tuple(frame.format(use=use) for frame in _SIZE_FRAMES))


def goods(
    name: str,
    materials: tuple[str, ...],
    sizes: Mapping[str, str],
    features: Mapping[str, str],
    facts: tuple[str, ...],
) -> Product:
    """A product type with a brand, sold in any colour."""
    slots = {
        "type": plain(name),
        "brand": BRANDS,
        "range": RANGES,
        "material": tuple(Trait(material, MATERIALS[material]) for material in materials),
        "size": tuple(_sized(size, use) for size, use in sizes.items()),
        "feature": tuple(Trait(feature, (note,)) for feature, note in features.items()),
        "colour": _COLOUR_TRAITS,
    }
    return Product(name, slots, _PLAIN_LAYOUTS + _COLOURED_LAYOUTS, facts)


def uncoloured(product: Product) -> Product:
    """The product type without the layouts that name a colour: it keeps that of its material."""
    return replace(product, layouts=_PLAIN_LAYOUTS)
