"""Stationery and things for the office."""

from scripts.samples.product_vocabulary.goods import goods
from scripts.samples.product_vocabulary.model import Category

_PRODUCTS = (
    goods(
        name="notebook",
        materials=("recycled card", "leather", "linen"),
        sizes={
            "A6": "slips into a shirt pocket",
            "A5": "is right for a journal",
            "A4": "gives room for drawings and plans",
        },
        features={
            "with dotted pages": "Fine dots guide your lines and then fade from view.",
            "with a ribbon": "A woven ribbon keeps your place.",
        },
        facts=(
            "It has 160 pages of smooth, cream paper.",
            "Ink doesn't show through, not even from a broad nib.",
            "It lies flat at every page, for the back is sewn.",
            "The last pages can be torn out along a fine line.",
        ),
    ),
    goods(
        name="fountain pen",
        materials=("brass", "steel", "aluminium"),
        sizes={
            "12 cm": "is short enough for a purse",
            "14 cm": "suits most hands",
            "15 cm": "has the weight that large hands like",
        },
        features={
            "with a fine nib": "The fine nib draws a crisp line for small writing.",
            "with a broad nib": "The broad nib lays down a wide, wet line.",
        },
        facts=(
            "It writes at once, even after a week in the drawer.",
            "Fill it from a bottle or with a cartridge.",
            "The cap closes with a soft click.",
            "Rinse the nib with cold water now & then.",
        ),
    ),
    goods(
        name="pencil case",
        materials=("canvas", "leather", "wool felt"),
        sizes={
            "18 cm": "holds a dozen pencils",
            "22 cm": "holds pens, ruler and rubber",
            "26 cm": "holds all that a school day needs",
        },
        features={
            "with an inner pocket": "The inner pocket keeps small things from rolling about.",
            "with a brass zip": "The brass zip runs smoothly and doesn't jam.",
        },
        facts=(
            "It stands open on the desk like a cup.",
            "The corners are sewn twice.",
            "A pencil mark comes off with a damp cloth.",
            "It's flat enough for a full bag.",
        ),
    ),
    goods(
        name="desk tray",
        materials=("birch plywood", "steel", "recycled card"),
        sizes={
            "1-level": "keeps the day's letters together",
            "2-level": "parts what comes in from what goes out",
            "3-level": "sorts work into now, soon and some day",
        },
        features={
            "with a label frame": "A label in the frame tells everyone what goes where.",
            "with a felt lining": "The felt lining keeps it quiet and protects small things.",
        },
        facts=(
            "It takes paper up to A4.",
            "The front is cut low, so you can see what's waiting.",
            "Trays of the same kind can be stacked.",
            "Small feet keep it from scratching the desk.",
        ),
    ),
    goods(
        name="wall calendar",
        materials=("recycled card", "linen"),
        sizes={
            "A4": "fits beside a door",
            "A3": "can be read from across the room",
            "A2": "has room for the plans of a whole family",
        },
        features={
            "with moon phases": "Small signs show the new moon and the full moon.",
            "with monthly pictures": "Each month has a picture of its own, printed in colour.",
        },
        facts=(
            "Each day has a box that's large enough to write in.",
            "The weeks start on Monday and are numbered.",
            "A metal ring hangs it from one nail.",
            "The paper takes pencil as well as ink.",
        ),
    ),
)

STATIONERY = Category(
    name="stationery",
    products=_PRODUCTS,
    remarks=(
        "It's made for people who still write by hand.",
        "A {type} by {brand} is a small pleasure at a plain desk.",
        "It comes wrapped in tissue paper, ready to give.",
        "You'll find that work goes better with good things around you.",
        "{brand} has made paper goods & desk goods for three generations.",
    ),
)
