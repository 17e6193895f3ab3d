"""Goods for the bathroom."""

from scripts.samples.product_vocabulary.goods import goods
from scripts.samples.product_vocabulary.model import Category

_PRODUCTS = (
    goods(
        name="bath towel",
        materials=("cotton", "linen"),
        sizes={
            "50 cm": "is right for hands and face",
            "70 cm": "dries one person well",
            "100 cm": "wraps around you twice",
        },
        features={
            "with a hanging loop": "The loop is sewn into the edge and won't tear.",
            "with a striped edge": "Woven stripes run along both ends.",
        },
        facts=(
            "It drinks up water from the first use.",
            "Wash it before use, and leave out the softener.",
            "It's thick, yet it dries overnight.",
            "The hem is turned twice.",
        ),
    ),
    goods(
        name="soap dish",
        materials=("stoneware", "slate", "olive wood"),
        sizes={
            "10 cm": "holds a small round soap",
            "12 cm": "holds one full bar",
            "15 cm": "holds a bar and a brush",
        },
        features={
            "with a drain": "Water runs off through the drain, so the soap stays hard.",
            "with a wall hook": "It hangs on the wall, where it takes no space.",
        },
        facts=(
            "A dry soap lasts twice as long.",
            "Rinse it once a week.",
            "Soft pads keep it from sliding.",
            "It also holds rings while you wash your hands.",
        ),
    ),
    goods(
        name="bath mat",
        materials=("cotton", "cork", "bamboo"),
        sizes={
            "50 cm": "fits in front of a shower",
            "70 cm": "fits in front of a bath",
            "90 cm": "covers the cold part of the floor",
        },
        features={
            "with a non-slip back": "The back holds on to wet tiles.",
            "with a woven pattern": "A pattern of small waves is woven in.",
        },
        facts=(
            "It's warm under bare feet.",
            "Hang it up after the bath and it'll dry by noon.",
            "The edges lie flat, so nobody trips.",
            "It soaks up what you drip.",
        ),
    ),
    goods(
        name="laundry basket",
        materials=("jute", "bamboo", "canvas"),
        sizes={
            "30 litre": "takes the washing of one",
            "50 litre": "takes one full load",
            "80 litre": "sorts the washing of a family",
        },
        features={
            "with a lid": "The lid hides what waits for wash day.",
            "with rope handles": "The rope handles are easy to grip with both hands.",
        },
        facts=(
            "Air passes through, so damp things don't smell.",
            "The lining comes out and can go in the wash too.",
            "It's light to carry, even when full.",
            "Fold it flat when you don't need it.",
        ),
    ),
)

BATH = Category(
    name="bath",
    products=_PRODUCTS,
    remarks=(
        "A bathroom needs few things, but good ones.",
        "{brand} makes the {type} in a small works by the sea.",
        "It goes well with white tiles & old brass.",
        "It's ready for daily use and a damp room.",
        "You'll notice the difference on the first morning.",
    ),
)
