"""Toys, games and puzzles."""

from scripts.samples.product_vocabulary.goods import goods, uncoloured
from scripts.samples.product_vocabulary.model import Category

_PRODUCTS = (
    uncoloured(
        goods(
            name="jigsaw puzzle",
            materials=("recycled card", "birch plywood"),
            sizes={
                "100-piece": "keeps a child of six busy for an hour",
                "500-piece": "fills a rainy afternoon",
                "1000-piece": "takes a patient pair several evenings",
            },
            features={
                "with a harbour scene": "The picture shows a harbour with red boats and gulls.",
                "with a woodland scene": "The picture shows a wood in spring, with deer.",
                "with an old map": "The picture is a map of an island that never was.",
            },
            facts=(
                "The pieces lock firmly, so a finished part can be moved.",
                "Start with the edge & the corners.",
                "No two pieces have the same shape.",
                "A small poster of the picture lies in the box.",
                "If a piece goes missing, the maker will send another.",
            ),
        )
    ),
    goods(
        name="train set",
        materials=("beech", "birch plywood"),
        sizes={
            "20-piece": "makes a simple ring",
            "40-piece": "makes a figure of eight with a bridge",
            "80-piece": "runs all around the sofa",
        },
        features={
            "with a stone bridge": "The bridge carries one line over the other.",
            "with a station": "The station has a clock, a bench and room for passengers.",
        },
        facts=(
            "The engine pulls three carriages, held on by magnets.",
            "The rails fit together without force.",
            "Edges are rounded for small hands.",
            "It's meant for children from three years up.",
        ),
    ),
    goods(
        name="building block set",
        materials=("beech", "cork", "recycled plastic"),
        sizes={
            "30-piece": "is a first set for a baby",
            "60-piece": "builds a castle with a gate",
            "120-piece": "builds a whole town",
        },
        features={
            "with a cotton bag": "A cotton bag with a cord makes tidying up quick.",
            "with letters": "Each block shows a letter and a small picture.",
        },
        facts=(
            "Every block is cut to the same measure, so towers stand straight.",
            "Arches and bridges come with the plain cubes.",
            "The paint is safe, even when chewed.",
            "Towers fall down, and that's half the fun.",
        ),
    ),
    goods(
        name="soft bear",
        materials=("wool felt", "cotton", "wool"),
        sizes={
            "20 cm": "fits under a child's arm",
            "30 cm": "is just right for a hug",
            "50 cm": "takes up its own chair",
        },
        features={
            "with a knitted jumper": "The jumper comes off and can be washed.",
            "with moving arms": "Arms and legs turn, so it can sit, wave or lie down.",
        },
        facts=(
            "The eyes are sewn, not glued.",
            "It has a kind face & large ears.",
            "Wash it by hand and dry it in the air.",
            "It's safe from the first day on.",
        ),
    ),
    goods(
        name="kite",
        materials=("nylon", "cotton"),
        sizes={
            "90 cm": "flies in a light breeze",
            "120 cm": "suits a windy hill",
            "160 cm": "pulls hard and needs a grown-up",
        },
        features={
            "with a long tail": "The long tail keeps it steady and looks splendid.",
            "with two lines": "Two lines let you turn, dive and loop.",
        },
        facts=(
            "It goes up in wind > 8 km/h and folds away in a minute.",
            "The rods are light and can be replaced.",
            "A reel with 40 metres of line is included.",
            "Don't fly it near power lines or in a storm.",
        ),
    ),
    uncoloured(
        goods(
            name="card game",
            materials=("recycled card",),
            sizes={
                "2-player": "is over in a quarter of an hour",
                "4-player": "is best on a family evening",
                "8-player": "gets a whole party laughing",
            },
            features={
                "with secret roles": "Each player has a secret role and a good reason to bluff.",
                "with animal pictures": "Each card shows an animal, from the mouse to the whale.",
            },
            facts=(
                "The rules fit on one page and are read aloud in two minutes.",
                "Luck helps, but memory wins.",
                "Cards are stiff and easy to shuffle.",
                "It's small enough for a coat pocket.",
            ),
        )
    ),
    uncoloured(
        goods(
            name="chess set",
            materials=("beech", "oak", "olive wood"),
            sizes={
                "25 cm": "goes along on train journeys",
                "35 cm": "suits a small table",
                "45 cm": "is the size used in clubs",
            },
            features={
                "with a folding board": "The board folds and keeps the pieces inside.",
                "with felt bases": "Felt below each piece makes it glide in silence.",
            },
            facts=(
                "The pieces have some weight, so they don't fall over.",
                "Two extra queens are in the box.",
                "A booklet explains each move with a drawing.",
                "Black & white squares are easy to tell apart.",
            ),
        )
    ),
)

TOYS = Category(
    name="toys",
    products=_PRODUCTS,
    remarks=(
        "It needs no battery and makes no noise of its own.",
        "Children play with this {type} for years & pass it on.",
        "{brand} tests every {type} in a real nursery.",
        "Grown-ups have been seen to join in.",
        "It comes in a box that's worth keeping.",
        "It's a good present for a birthday or a long winter.",
    ),
)
