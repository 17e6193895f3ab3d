"""Goods for sport and the open air."""

from scripts.samples.product_vocabulary.goods import goods
from scripts.samples.product_vocabulary.model import Category

_PRODUCTS = (
    goods(
        name="yoga mat",
        materials=("cork", "rubber", "cotton"),
        sizes={
            "3 mm": "rolls up small for travel",
            "5 mm": "is right for most classes",
            "8 mm": "is kind to sore knees",
        },
        features={
            "with a carry strap": "The strap doubles as an aid for stretching.",
            "with guide lines": "Fine lines show where hands and feet belong.",
        },
        facts=(
            "It doesn't slip, even in a warm room.",
            "It lies flat as soon as it's unrolled.",
            "It measures 183 by 61 cm.",
            "Wipe it with water and a drop of vinegar.",
        ),
    ),
    goods(
        name="water bottle",
        materials=("stainless steel", "aluminium", "glass"),
        sizes={
            "0.5 litre": "fits into a coat pocket",
            "0.75 litre": "fits every bottle cage",
            "1 litre": "lasts through a long walk",
        },
        features={
            "with a loop lid": "Hook a finger through the loop and carry it.",
            "with a straw": "Drink through the straw without tipping the bottle.",
        },
        facts=(
            "The lid is tight, even upside down.",
            "The neck is wide enough for ice and lemon.",
            "Wash it out daily and leave it open to dry.",
            "It's free of taste from the start.",
        ),
    ),
    goods(
        name="camping chair",
        materials=("aluminium", "ash", "steel"),
        sizes={
            "35 cm": "is low enough for the beach",
            "45 cm": "is as high as a chair at home",
            "60 cm": "is good for watching over tall grass",
        },
        features={
            "with a cup holder": "The holder takes a mug or a bottle.",
            "with arm rests": "The arm rests are broad and padded.",
        },
        facts=(
            "It opens in one move.",
            "The seat carries 120 kilos.",
            "Wide feet don't sink into sand.",
            "A bag with a strap is included.",
        ),
    ),
    goods(
        name="skipping rope",
        materials=("cotton", "leather", "nylon"),
        sizes={
            "2.4 m": "suits children",
            "2.7 m": "suits most grown-ups",
            "3 m": "suits tall people and tricks",
        },
        features={
            "with a counter": "The counter in the handle keeps score.",
            "with wooden handles": "The wooden handles are turned and waxed.",
        },
        facts=(
            "The rope turns freely in its handles.",
            "Ten minutes with it are worth half an hour of running.",
            "Tie a knot to make it shorter.",
            "Use it on grass or a wooden floor.",
        ),
    ),
    goods(
        name="hiking pole",
        materials=("aluminium", "ash", "bamboo"),
        sizes={
            "110 cm": "suits walkers < 165 cm tall",
            "120 cm": "suits most walkers",
            "130 cm": "suits tall walkers",
        },
        features={
            "with a cork grip": "The cork grip stays dry in a hot hand.",
            "with a rubber tip": "The rubber tip is quiet on roads.",
        },
        facts=(
            "It takes the load off your knees on the way down.",
            "The wrist loop can be opened with one hand.",
            "A wide ring near the tip stops it from sinking into snow.",
            "It's light enough to forget.",
        ),
    ),
)

SPORTS = Category(
    name="sports",
    products=_PRODUCTS,
    remarks=(
        "It's made for wind, mud & long afternoons.",
        "{brand} asked three clubs to test the {type} for a season.",
        "Beginners like it, and old hands keep it.",
        "Let it dry before you put it away.",
        "It's a good reason to get up early.",
    ),
)
