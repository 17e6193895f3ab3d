"""Kitchen goods."""

from scripts.samples.product_vocabulary.goods import goods, uncoloured
from scripts.samples.product_vocabulary.model import Category

_PRODUCTS = (
    goods(
        name="teapot",
        materials=("enamel", "stoneware", "porcelain"),
        sizes={
            "0.6 litre": "pours two large cups",
            "1.2 litre": "pours five cups of tea",
            "1.8 litre": "serves a table of eight",
        },
        features={
            "with an infuser": "A fine infuser basket lifts out, so the leaves never stew.",
            "with a wooden handle": "The wooden handle stays cool while the pot is hot.",
        },
        facts=(
            "The spout is cut sharply so that it doesn't drip on the cloth.",
            "Warm the pot with hot water first, then add a spoon of leaves for each cup.",
            "Its lid sits deep and stays in place when you pour the last cup.",
            "Rinse it with clear water — soap spoils the next brew.",
            "The box holds the pot, the lid and a card with brewing times.",
        ),
    ),
    goods(
        name="saucepan",
        materials=("stainless steel", "copper", "enamel"),
        sizes={
            "16 cm": "heats milk or a sauce for two",
            "20 cm": "cooks rice or soup for four",
            "24 cm": "takes a whole pot of stew",
        },
        features={
            "with a glass lid": "Through the glass lid you can watch the food cook.",
            "with a pouring lip": "A lip on each side lets you pour left or right.",
        },
        facts=(
            "The base is thick, so milk and porridge don't catch.",
            "It works on gas, electric and induction hobs.",
            "Marks on the inside show each half litre.",
            "Soak burnt food in warm water and it comes away with a soft brush.",
            "The long handle has a hole for hanging it on the wall.",
        ),
    ),
    uncoloured(
        goods(
            name="frying pan",
            materials=("cast iron", "carbon steel", "aluminium"),
            sizes={
                "20 cm": "fries two eggs side by side",
                "26 cm": "browns four chops at once",
                "30 cm": "makes pancakes for the whole family",
            },
            features={
                "with a folding handle": "The handle folds flat for storage and for camping.",
                "with a splash guard": "A mesh guard keeps the fat in the pan & off the cook.",
            },
            facts=(
                "Heat it slowly, add the oil, and the food won't stick.",
                "Low, sloping sides make it easy to turn an omelette.",
                "Season the pan before first use; the leaflet tells you how.",
                "It can go from the hob into the oven.",
                "Wipe it out with paper while it's still warm.",
            ),
        )
    ),
    goods(
        name="mixing bowl",
        materials=("stoneware", "glass", "stainless steel"),
        sizes={
            "1.5 litre": "is right for eggs, cream and dressings",
            "3 litre": "takes the dough for one loaf",
            "5 litre": "takes dough for two loaves",
        },
        features={
            "with a pouring spout": "Batter runs from the spout in a thin, clean stream.",
            "with a non-slip base": "The base grips the worktop while you whisk.",
        },
        facts=(
            "Its round bottom leaves no corner where flour can hide.",
            "Cover it with a cloth and let the dough rise in it.",
            "The rim is wide enough to hold with wet hands.",
            "Bowls of the same family stack inside each other.",
            "It's as good for a salad as for a cake.",
        ),
    ),
    uncoloured(
        goods(
            name="chopping board",
            materials=("beech", "olive wood", "bamboo", "oak"),
            sizes={
                "25 cm": "is handy for lemons, herbs and cheese",
                "35 cm": "suits everyday vegetables",
                "45 cm": "holds a whole roast chicken",
            },
            features={
                "with a juice groove": "The groove around the edge catches the juice.",
                "with a hanging loop": "A loop of cord lets it hang and dry in the air.",
            },
            facts=(
                "The surface is kind to knives & keeps them sharp.",
                "Use one side for onions and the other for fruit.",
                "Don't leave it in water; a quick wash is enough.",
                "Rubber feet are not needed — a damp cloth below keeps it still.",
                "It looks good enough to carry bread to the table.",
            ),
        )
    ),
    uncoloured(
        goods(
            name="pepper mill",
            materials=("beech", "oak", "stainless steel"),
            sizes={
                "12 cm": "stands neatly beside a plate",
                "18 cm": "is the usual size for the table",
                "30 cm": "is tall enough for the stove",
            },
            features={
                "with a steel grinder": "The steel grinder cracks each corn cleanly.",
                "for salt & pepper": "Its hard grinder is safe for salt & pepper alike.",
            },
            facts=(
                "Turn the knob on top to go from coarse to fine.",
                "Lift off the head to fill it with whole corns.",
                "Fresh pepper smells of wood and lemon, as you'll notice at once.",
                "A first filling of black pepper comes in the box.",
                "Never wash the grinder; brush it out instead.",
            ),
        )
    ),
    goods(
        name="storage jar",
        materials=("glass", "stoneware", "enamel"),
        sizes={
            "0.5 litre": "keeps spices, tea or nuts",
            "1 litre": "holds a bag of sugar or rice",
            "2 litre": "holds a kilo of flour with room to spare",
        },
        features={
            "with a cork lid": "The cork lid closes softly and keeps moths out.",
            "with a clip lid": "A wire clip and a rubber ring make the lid tight.",
        },
        facts=(
            "Write the date on the label so that nothing grows old unseen.",
            "The wide mouth lets you get in with a cup or a spoon.",
            "It keeps jam, dried beans and jalapeño peppers equally well.",
            "Wash it by hand and dry it fully before you fill it.",
            "Straight sides let several jars stand close together on a shelf.",
        ),
    ),
    goods(
        name="coffee maker",
        materials=("stainless steel", "glass", "porcelain"),
        sizes={
            "2-cup": "makes one large mug",
            "4-cup": "makes coffee for two",
            "8-cup": "serves guests without a second round",
        },
        features={
            "with a steel filter": "The steel filter needs no paper and lets the oils through.",
            "with a wooden collar": "A wooden collar protects your fingers from the heat.",
        },
        facts=(
            "Use coarse coffee and water just off the boil.",
            "Wait four minutes, then pour slowly.",
            "It makes a full, clean cup, fit for any café.",
            "All parts come apart for washing.",
            "A measuring spoon and a short guide lie in the box.",
        ),
    ),
)

KITCHEN = Category(
    name="kitchen",
    products=_PRODUCTS,
    remarks=(
        "A {type} like this is used every day and ought to be good.",
        "{brand} has cooked with it for a year before selling it.",
        "It makes a fine present for a first home.",
        "Spare parts can be ordered from {brand} for ten years.",
        "It's at home in a small kitchen as well as a large one.",
        "Wash it before you use it for the first time.",
    ),
)
