"""Bicycle parts."""

from scripts.samples.product_vocabulary.goods import goods
from scripts.samples.product_vocabulary.model import Category

_PRODUCTS = (
    goods(
        name="bicycle bell",
        materials=("brass", "steel", "aluminium"),
        sizes={
            "35 mm": "is small and bright",
            "55 mm": "is heard across the street",
            "80 mm": "wakes even a dreaming walker",
        },
        features={
            "with a spring hammer": "Flick the spring hammer and it gives a single clear note.",
            "with a turning lever": "Turn the lever and it rings as long as you like.",
        },
        facts=(
            "The sound is clear and friendly.",
            "It fits bars from 22 to 32 mm.",
            "It sits by your thumb, where you need it.",
            "Rain doesn't change its tone.",
        ),
    ),
    goods(
        name="bicycle saddle",
        materials=("leather", "rubber", "recycled plastic"),
        sizes={
            "145 mm": "is narrow and made for speed",
            "160 mm": "suits long tours",
            "210 mm": "is wide and made for sitting upright",
        },
        features={
            "with steel springs": "The springs swallow holes in the road.",
            "with a cut-out": "The cut-out takes away pressure where it hurts.",
        },
        facts=(
            "It gets better with every ride.",
            "The rails fit all common posts.",
            "Cover it when you leave it in the rain.",
            "Ride it for a week before you judge it.",
        ),
    ),
    goods(
        name="bicycle basket",
        materials=("steel", "jute", "aluminium"),
        sizes={
            "10 litre": "holds a bag and a jumper",
            "18 litre": "holds the weekly shopping",
            "25 litre": "holds a crate of apples",
        },
        features={
            "with a quick clip": "It clips on and off, so you can take it into the shop.",
            "with a leather strap": "The leather strap keeps the load in place.",
        },
        facts=(
            "It carries up to ten kilos.",
            "It leaves room for the front lamp.",
            "The mesh is close, so small things don't fall through.",
            "Nothing rattles, even on rough roads.",
        ),
    ),
    goods(
        name="bicycle lock",
        materials=("forged steel", "carbon steel"),
        sizes={
            "80 cm": "goes around wheel and frame",
            "110 cm": "goes around a lamp post as well",
            "150 cm": "locks two bicycles together",
        },
        features={
            "with a code": "Choose your own four figures for the code.",
            "with two keys": "The keys are cut on both sides and can't be copied in a shop.",
        },
        facts=(
            "A sleeve of cloth protects the paint.",
            "It takes a thief too long, and that's what counts.",
            "Lock the frame as well as the wheel.",
            "A drop of oil in spring keeps it smooth.",
        ),
    ),
    goods(
        name="bicycle pump",
        materials=("aluminium", "steel", "recycled plastic"),
        sizes={
            "20 cm": "fits into a saddle bag",
            "30 cm": "fits along the frame",
            "65 cm": "stands on the floor and fills fast",
        },
        features={
            "with a gauge": "Read the pressure on the gauge as you pump.",
            "with a folding foot": "Step on the folding foot and push with both arms.",
        },
        facts=(
            "It fits all common valves.",
            "The hose is hidden in the handle.",
            "It reaches 8 bar without much sweat.",
            "A holder for the frame is included.",
        ),
    ),
)

BICYCLE = Category(
    name="bicycle",
    products=_PRODUCTS,
    remarks=(
        "Fitting it takes ten minutes & a few simple tools.",
        "The {type} comes with all screws and a clear drawing.",
        "{brand} rides what it sells, whatever the weather.",
        "It's quiet, solid and easy to look after.",
        "Ask your local workshop if you aren't sure.",
    ),
)
