"""Lamps and lights."""

from scripts.samples.product_vocabulary.goods import goods, uncoloured
from scripts.samples.product_vocabulary.model import Category

_PRODUCTS = (
    goods(
        name="desk lamp",
        materials=("steel", "brass", "aluminium"),
        sizes={
            "35 cm": "fits on a narrow shelf",
            "45 cm": "lights a book or a keyboard",
            "60 cm": "lights the whole desk",
        },
        features={
            "with a swing arm": "The arm swings out and stays wherever you leave it.",
            "with a dimmer": "Turn the wheel to dim the light for the evening.",
        },
        facts=(
            "The shade keeps glare away from your eyes.",
            "A heavy foot stops it from tipping over.",
            "The cable is 2 metres long and covered in cloth.",
            "Place it on the left if you write with your right hand.",
        ),
    ),
    goods(
        name="floor lamp",
        materials=("steel", "oak", "brass"),
        sizes={
            "130 cm": "stands well beside an armchair",
            "150 cm": "lights a sofa and a small table",
            "170 cm": "throws light across the room",
        },
        features={
            "with a linen shade": "The linen shade turns hard light into a soft glow.",
            "with a foot switch": "Tap the foot switch; there's no need to bend down.",
        },
        facts=(
            "The pole comes in three parts and goes together without tools.",
            "It lights the page and leaves the corners in peace.",
            "Felt under the base protects the floor.",
            "It takes any bulb up to 60 watts — the bulb isn't included.",
        ),
    ),
    goods(
        name="camping lantern",
        materials=("aluminium", "recycled plastic", "steel"),
        sizes={
            "200 lumen": "is enough for a tent",
            "400 lumen": "lights a table for six",
            "800 lumen": "lights up the whole camp",
        },
        features={
            "with a solar panel": "The panel on the lid charges it in a day of sun.",
            "with a red night light": "Red light keeps your eyes used to the dark.",
        },
        facts=(
            "It burns for up to 30 hours on the low setting.",
            "Hang it by the hook or stand it on the ground.",
            "Rain does it no harm.",
            "The battery charges by cable, and a small light shows when it's full.",
        ),
    ),
    uncoloured(
        goods(
            name="string light set",
            materials=("copper",),
            sizes={
                "3 m": "is right for a shelf or a mirror",
                "5 m": "goes once around a window",
                "10 m": "reaches along a fence",
            },
            features={
                "with a timer": "The timer turns it on at dusk for six hours.",
                "with round bulbs": "The bulbs are round and as big as a cherry.",
            },
            facts=(
                "The wire bends into any shape and stays there.",
                "The light is warm, like a candle without the smoke.",
                "If one bulb fails, the others stay lit.",
                "Use it indoors or under a porch roof.",
            ),
        )
    ),
    goods(
        name="night light",
        materials=("porcelain", "silicone", "beech"),
        sizes={
            "8 cm": "fits on a bedside table",
            "12 cm": "lights the way to the bathroom",
            "16 cm": "comforts a child who's afraid of the dark",
        },
        features={
            "with a touch switch": "Touch it anywhere to turn it on or off.",
            "with a sleep timer": "It fades out after 30 minutes, when most children sleep.",
        },
        facts=(
            "The glow is soft enough to sleep by.",
            "It never gets hot.",
            "One charge lasts for ten nights.",
            "There's no blue in the light, so it doesn't wake anyone.",
        ),
    ),
    uncoloured(
        goods(
            name="table candle holder",
            materials=("brass", "cast iron", "glass", "slate"),
            sizes={
                "6 cm": "takes a small tea light",
                "10 cm": "takes one dinner candle",
                "24 cm": "lifts the flame above the plates",
            },
            features={
                "with a drip tray": "The tray catches wax before it reaches the cloth.",
                "with a carry ring": "Hook a finger through the ring and carry it up to bed.",
            },
            facts=(
                "It stands firm, even on an old table.",
                "Warm water takes off old wax.",
                "Two or three of them make a fine row.",
                "Never leave a flame alone in the room.",
            ),
        )
    ),
)

LIGHTING = Category(
    name="lighting",
    products=_PRODUCTS,
    remarks=(
        "Good light makes a room feel larger & kinder.",
        "{brand} tests every {type} for a full night before it is packed.",
        "It suits a hall as well as a bedroom.",
        "Wipe it with a dry cloth when it's cold.",
        "The {type} comes in a strong box made of card.",
        "It makes winter evenings easier to like.",
    ),
)
