"""Goods for pets."""

from scripts.samples.product_vocabulary.goods import goods
from scripts.samples.product_vocabulary.model import Category

_PRODUCTS = (
    goods(
        name="dog lead",
        materials=("leather", "cotton", "nylon"),
        sizes={
            "1.2 m": "keeps your dog close in town",
            "2 m": "lets your dog look about",
            "5 m": "lets your dog run in the field",
        },
        features={
            "with a padded handle": "The padded handle is kind to your hand when the dog pulls.",
            "with a brass hook": "The solid brass hook doesn't rust or open by itself.",
        },
        facts=(
            "It's strong enough for dogs of up to 40 kilos.",
            "The stitching is bright, so you'll see it at dusk.",
            "A small ring holds bags.",
            "Dry it slowly after a wet walk.",
        ),
    ),
    goods(
        name="pet bed",
        materials=("wool felt", "canvas", "cotton"),
        sizes={
            "50 cm": "suits cats and very small dogs",
            "70 cm": "suits a terrier",
            "100 cm": "suits a dog with long legs",
        },
        features={
            "with a removable cover": "Take off the cover and wash it at 40 degrees.",
            "with a raised edge": "The raised edge makes a good pillow.",
        },
        facts=(
            "The filling doesn't go flat.",
            "It's warm below and soft on top.",
            "The base doesn't slide on wooden floors.",
            "Put it in a quiet corner, out of the draught.",
        ),
    ),
    goods(
        name="food bowl",
        materials=("stoneware", "stainless steel", "enamel"),
        sizes={
            "0.3 litre": "is the right size for a cat",
            "0.8 litre": "is the right size for a small dog",
            "1.5 litre": "is the right size for a big, hungry dog",
        },
        features={
            "with a rubber ring": "The rubber ring stops the bowl from sliding.",
            "with inner ridges": "The ridges make a greedy dog eat slowly.",
        },
        facts=(
            "It's heavy enough not to tip over.",
            "Food comes off with warm water.",
            "It doesn't take on smells.",
            "Use one for food and another for water.",
        ),
    ),
    goods(
        name="cat scratcher",
        materials=("jute", "recycled card", "cork"),
        sizes={
            "40 cm": "is good for kittens",
            "60 cm": "is good for a long stretch",
            "90 cm": "has a view from the top",
        },
        features={
            "with a hanging ball": "The ball hangs from a cord and won't stay still.",
            "with a sleeping shelf": "The shelf is lined with soft cloth.",
        },
        facts=(
            "It saves your sofa, and that's the point.",
            "Worn parts can be replaced.",
            "The foot is wide and doesn't tip.",
            "Rub a little catnip into it on the first day.",
        ),
    ),
)

PETS = Category(
    name="pets",
    products=_PRODUCTS,
    remarks=(
        "It has been tried by {brand}'s own dogs & cats.",
        "Most animals take to it within a day.",
        "The {type} is easy to clean, which counts for a lot.",
        "Talk to your vet if your pet has special needs.",
        "It makes life easier on both ends of the lead.",
    ),
)
