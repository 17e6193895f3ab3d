"""Garden goods."""

from scripts.samples.product_vocabulary.goods import goods, uncoloured
from scripts.samples.product_vocabulary.model import Category

_PRODUCTS = (
    goods(
        name="watering can",
        materials=("galvanised steel", "recycled plastic", "copper"),
        sizes={
            "1.5 litre": "is meant for pots on the window sill",
            "5 litre": "waters a balcony in one go",
            "9 litre": "serves beds and greenhouse",
        },
        features={
            "with a brass rose": "The brass rose gives a rain as fine as mist.",
            "with a long spout": "Its long spout reaches the back row without wetting the leaves.",
        },
        facts=(
            "It balances well, full or half empty.",
            "Fill it in the evening and the water is warm by morning.",
            "The hoop handle lets you tip it with one hand.",
            "Rain water is best for most plants.",
            "Empty it before the first frost.",
        ),
    ),
    uncoloured(
        goods(
            name="hand trowel",
            materials=("stainless steel", "forged steel", "carbon steel"),
            sizes={
                "25 cm": "fits small hands and small pots",
                "30 cm": "suits most planting jobs",
                "38 cm": "reaches to the middle of a bed",
            },
            features={
                "with an ash handle": "The ash handle is turned to fit the palm.",
                "with depth marks": "Marks on the blade show how deep a bulb should go.",
            },
            facts=(
                "The pointed blade slides into heavy clay.",
                "It digs, lifts and fills without bending.",
                "Use it for bulbs, herbs and stubborn weeds.",
                "Knock the soil off and dry the blade after work.",
                "A leather loop hangs it by the shed door.",
            ),
        )
    ),
    goods(
        name="pruner",
        materials=("forged steel", "carbon steel", "aluminium"),
        sizes={
            "18 cm": "is made for flowers and thin stems",
            "21 cm": "cuts branches up to 20 mm",
            "24 cm": "cuts branches up to 25 mm",
        },
        features={
            "with a safety catch": "A thumb catch locks the blades shut in your pocket.",
            "for left-handed use": "Blade and catch are turned round for the left hand.",
        },
        facts=(
            "The blade passes close to the hook and leaves a clean cut.",
            "Clean cuts heal fast, which the rose bush will thank you for.",
            "A spring opens the handles after each cut.",
            "The blade can be taken out, sharpened and replaced.",
            "Wipe off the sap and add a drop of oil.",
        ),
    ),
    goods(
        name="plant pot",
        materials=("terracotta", "stoneware", "recycled plastic"),
        sizes={
            "12 cm": "suits herbs and young plants",
            "20 cm": "suits a tomato or a small rose",
            "35 cm": "gives room to a lemon tree",
        },
        features={
            "with a saucer": "The saucer catches spare water and protects the floor.",
            "with feet": "Three small feet let the water run off.",
        },
        facts=(
            "A hole in the bottom keeps roots from drowning.",
            "Put a few stones in before you add the soil.",
            "The thick wall shields roots from sun and frost.",
            "Lavender likes soil with pH > 7, so add a little lime.",
            "Repot in spring when roots show below.",
        ),
    ),
    goods(
        name="bird feeder",
        materials=("steel", "beech", "recycled plastic"),
        sizes={
            "0.5 litre": "needs filling every few days",
            "1 litre": "holds seed for a week",
            "2 litre": "holds seed for a fortnight",
        },
        features={
            "with a seed tray": "A tray below catches what the birds drop.",
            "with a squirrel guard": "The outer cage lets finches in and keeps squirrels out.",
        },
        facts=(
            "Hang it where you can see it and cats can't reach it.",
            "Finches, tits and sparrows soon find it.",
            "The roof keeps the seed dry.",
            "Lift the lid to fill it — no tools needed.",
            "Wash it with hot water once a month.",
        ),
    ),
    uncoloured(
        goods(
            name="garden fork",
            materials=("forged steel", "stainless steel"),
            sizes={
                "90 cm": "suits raised beds and shorter gardeners",
                "100 cm": "suits most people",
                "110 cm": "spares the back of tall gardeners",
            },
            features={
                "with an ash shaft": "The ash shaft gives a little and spares your wrists.",
                "with a D-shaped grip": "The D-shaped grip takes a whole gloved hand.",
            },
            facts=(
                "Four square tines break up clods with ease.",
                "Lift potatoes with it and you'll spear very few.",
                "A tread on top is kind to the sole of your boot.",
                "Rinse off the soil and stand it in a dry place.",
            ),
        )
    ),
    goods(
        name="kneeling pad",
        materials=("rubber", "cork", "waxed canvas"),
        sizes={
            "40 cm": "is easy to carry about",
            "50 cm": "leaves room to shift your knees",
            "60 cm": "is wide enough to share with tools",
        },
        features={
            "with a carry handle": "A slot in the edge serves as a handle.",
            "with a tool pocket": "The side pocket takes a trowel and a ball of string.",
        },
        facts=(
            "It's thick enough for gravel and paving.",
            "Your knees stay dry on wet grass.",
            "Hose it down and hang it up.",
            "It's just as useful when you fix a car or scrub a floor.",
        ),
    ),
)

GARDEN = Category(
    name="garden",
    products=_PRODUCTS,
    remarks=(
        "It's built for wet springs and dry summers.",
        "{brand} tries each {type} in its own walled garden.",
        "Gardeners who own one tend to lend it out with care.",
        "Keep it in the shed over winter and it'll serve for many seasons.",
        "A {type} makes a welcome gift for anyone with a plot.",
        "The paper label can go straight on the compost.",
    ),
)
