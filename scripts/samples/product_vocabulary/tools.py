"""Hand tools."""

from scripts.samples.product_vocabulary.goods import goods, uncoloured
from scripts.samples.product_vocabulary.model import Category

_PRODUCTS = (
    uncoloured(
        goods(
            name="claw hammer",
            materials=("forged steel", "carbon steel"),
            sizes={
                "280 g": "is light enough for picture nails",
                "450 g": "suits most jobs about the house",
                "570 g": "drives long nails in a few strokes",
            },
            features={
                "with a hickory handle": "The hickory handle soaks up the shock of each blow.",
                "with a rubber grip": "The rubber grip stays firm in a sweaty hand.",
            },
            facts=(
                "The face is slightly domed, so it doesn't mark the wood.",
                "A fine V in the claw pulls even headless nails.",
                "Head and handle are fixed with a steel wedge.",
                "Hold it near the end and let the weight do the work.",
            ),
        )
    ),
    goods(
        name="screwdriver set",
        materials=("carbon steel", "stainless steel"),
        sizes={
            "6-piece": "covers the screws in most homes",
            "10-piece": "adds small drivers for clocks and glasses",
            "18-piece": "covers slot, cross and star screws",
        },
        features={
            "with magnetic tips": "The magnetic tips hold the screw while you find the hole.",
            "in a roll-up case": "The case rolls up small and ties with a cord.",
        },
        facts=(
            "Each handle shows its tip, so you pick the right one first time.",
            "Soft ribs give you grip without hurting the palm.",
            "The shafts turn true and don't wobble.",
            "Don't use them as chisels — though many people do.",
        ),
    ),
    uncoloured(
        goods(
            name="hand saw",
            materials=("carbon steel", "stainless steel"),
            sizes={
                "35 cm": "fits into any tool box",
                "45 cm": "suits shelves and boards",
                "55 cm": "goes through beams in long strokes",
            },
            features={
                "with fine teeth": "Fine teeth leave an edge that hardly needs sanding.",
                "with a blade cover": "A snap-on cover protects the teeth and your fingers.",
            },
            facts=(
                "The teeth cut on both the push and the pull.",
                "The handle is shaped to mark angles of 45 and 90 degrees.",
                "Start with a short pull & then let the saw find its way.",
                "A rub of candle wax keeps it sliding.",
            ),
        )
    ),
    goods(
        name="tape measure",
        materials=("steel", "recycled plastic"),
        sizes={
            "3 m": "slips into a pocket",
            "5 m": "measures a room from wall to wall",
            "8 m": "reaches the length of a garage",
        },
        features={
            "with a belt clip": "The clip holds it on a belt or a pocket.",
            "with a slow return": "A brake slows the blade on its way home.",
        },
        facts=(
            "Large black figures are easy to read in poor light.",
            "The end hook moves a little, so inside and outside measures agree.",
            "A thumb lock keeps the blade where you stopped it.",
            "Gaps < 3 mm can be read with the fine scale on the first 10 cm.",
        ),
    ),
    goods(
        name="spirit level",
        materials=("aluminium", "beech"),
        sizes={
            "25 cm": "is handy for pictures and small shelves",
            "60 cm": "suits doors and worktops",
            "120 cm": "suits walls and fences",
        },
        features={
            "with a magnetic edge": "The magnetic edge clings to pipes & frames.",
            "with three vials": "Three vials show level, upright and 45 degrees.",
        },
        facts=(
            "The bubble sits in bright green oil and is easy to see.",
            "It reads true to half a millimetre in each metre.",
            "Turn it end for end to check that it's honest.",
            "End caps take the shock when it falls.",
        ),
    ),
    goods(
        name="clamp",
        materials=("steel", "cast iron", "aluminium"),
        sizes={
            "15 cm": "holds small parts while glue dries",
            "30 cm": "holds a drawer or a picture frame",
            "60 cm": "holds a whole table top",
        },
        features={
            "with soft jaws": "The soft jaws leave no mark on polished wood.",
            "with a quick release": "Press the lever and the jaws slide open at once.",
        },
        facts=(
            "It closes gaps < 1 mm with half a turn of the screw.",
            "The bar is ribbed, so the jaw can't slip.",
            "One hand sets it while the other holds the work.",
            "A drop of oil on the screw keeps it turning freely.",
        ),
    ),
    goods(
        name="tool box",
        materials=("steel", "recycled plastic", "birch plywood"),
        sizes={
            "32 cm": "keeps the basics in one place",
            "42 cm": "has room for a hammer and a saw",
            "52 cm": "holds a full set of hand tools",
        },
        features={
            "with a lift-out tray": "Screws and small parts live in the lift-out tray.",
            "with a padlock eye": "A padlock fits through the eye in the catch.",
        },
        facts=(
            "The catch closes with one hand.",
            "Its flat lid can take your weight as a step.",
            "The handle folds away, so boxes can be stacked.",
            "Open the lid and both sides stay upright.",
        ),
    ),
)

TOOLS = Category(
    name="tools",
    products=_PRODUCTS,
    remarks=(
        "It's a {type} for people who mend things.",
        "{brand} gives a ten-year promise on this {type}.",
        "Wear gloves & look after your eyes while you work.",
        "Keep it dry and it will outlast the shed.",
        'The maker\'s motto is "Measure twice, cut once".',
        "It's made for work, not for show.",
    ),
)
