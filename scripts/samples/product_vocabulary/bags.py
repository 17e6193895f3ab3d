"""Bags and cases."""

from scripts.samples.product_vocabulary.goods import goods
from scripts.samples.product_vocabulary.model import Category

_PRODUCTS = (
    goods(
        name="backpack",
        materials=("waxed canvas", "nylon", "canvas"),
        sizes={
            "12 litre": "carries lunch, a book and a coat",
            "20 litre": "carries what you need for a day",
            "35 litre": "carries what you need for a long weekend",
        },
        features={
            "with a laptop sleeve": "The padded sleeve takes a 15 inch laptop.",
            "with a rain cover": "The rain cover folds out from a pocket in the base.",
        },
        facts=(
            "Wide straps spread the load over both shoulders.",
            "The back is padded and lets air through.",
            "A small pocket on top keeps keys at hand.",
            "The chest strap can be moved up or down.",
        ),
    ),
    goods(
        name="tote bag",
        materials=("canvas", "cotton", "jute"),
        sizes={
            "10 litre": "is enough for bread and milk",
            "15 litre": "takes the shopping for two",
            "25 litre": "takes towels and toys to the beach",
        },
        features={
            "with long handles": "The long handles go over the shoulder, coat and all.",
            "with an inside pocket": "The inside pocket keeps phone and keys from sinking.",
        },
        facts=(
            "It folds as small as a glove.",
            "The bottom is doubled where the weight sits.",
            "It carries 15 kilos without complaint.",
            "It's the bag you'll take when you don't know what you'll need.",
        ),
    ),
    goods(
        name="travel bag",
        materials=("leather", "waxed canvas", "nylon"),
        sizes={
            "30 litre": "is right for one night away",
            "40 litre": "is right for a weekend",
            "60 litre": "is right for a week",
        },
        features={
            "with a shoe pocket": "Shoes go into a pocket of their own at the end.",
            "with wheels": "The wheels run quietly, even on old stone.",
        },
        facts=(
            "The wide mouth stays open while you pack.",
            "It fits under most seats and into every rack.",
            "The shoulder strap comes off when it isn't wanted.",
            "Metal feet keep the base off wet floors.",
        ),
    ),
    goods(
        name="wallet",
        materials=("leather", "canvas", "cork"),
        sizes={
            "4-card": "is thin enough for a front pocket",
            "8-card": "has room for cards and notes",
            "12-card": "holds everything you're ever asked to show",
        },
        features={
            "with a coin pocket": "The coin pocket closes with a press stud.",
            "with a key ring": "A small ring keeps one key safe.",
        },
        facts=(
            "The edges are painted & polished by hand.",
            "It closes flat, even when full.",
            "A hidden slot keeps a folded note for bad days.",
            "The thread is waxed and won't rot.",
        ),
    ),
    goods(
        name="lunch bag",
        materials=("waxed canvas", "cotton", "recycled plastic"),
        sizes={
            "3 litre": "holds a sandwich and an apple",
            "5 litre": "holds a hot meal and a drink",
            "8 litre": "holds lunch for two",
        },
        features={
            "with a cool lining": "The lining keeps food cool for four hours.",
            "with a bottle holder": "A loop at the side keeps the bottle upright.",
        },
        facts=(
            "Roll down the top and close the buckle.",
            "The inside wipes clean in a moment.",
            "It stands upright when it's open.",
            "Your name goes on the label inside.",
        ),
    ),
)

BAGS = Category(
    name="bags",
    products=_PRODUCTS,
    remarks=(
        "Each seam is sewn twice — you can pull as hard as you like.",
        "{brand} repairs every {type} that it has ever sold.",
        "It looks better after five years than on the first day.",
        "The {type} comes in a cotton sack that keeps off dust.",
        "It's plain, strong & made to be used.",
    ),
)
