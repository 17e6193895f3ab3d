"""Books: invented titles by invented authors."""

from collections.abc import Mapping

from scripts.samples.product_vocabulary.model import (
    Category,
    Layout,
    Product,
    Trait,
    explained,
    plain,
    words,
)

_FIRST_NAMES = words(
    "Ada Bram Clara Dora Edwin Flora Gus Hester Ines Jonas Karin Leopold Mabel Nora Oskar Paula "
    "Renée Silas Tilda"
)
_LAST_NAMES = words(
    "Arkwell Bexmoor Corrigale Dunmarrow Eskdene Fallowby Grindlow Hathersmith Ilverton Jessamy "
    "Kelderby Lorimoor Merriden Nashwick Orlebeck Penhallock Quarrier Roswold Stannick Tolverne"
)

_SHARED_SLOTS = {
    "author": plain(*(f"{first} {last}" for first in _FIRST_NAMES for last in _LAST_NAMES)),
    "format": explained(
        {
            "hardcover": "The hardcover has a sewn spine and a ribbon.",
            "paperback": "The paperback is light enough for a coat pocket.",
            "large print edition": "The large print edition is easy on tired eyes.",
        }
    ),
    "pages": plain(*(f"{count} pages" for count in range(96, 480, 16))),
    "place": explained(
        {
            "Carrow Bay": "Carrow Bay is a fishing town where nobody locks a door.",
            "Ellerdale": "Ellerdale is a green valley with one road in and none out.",
            "Port Sabine": "Port Sabine is a harbour full of sailors, traders and gossip.",
            "Mirrin Island": "Mirrin Island can be reached only when the tide allows.",
            "Old Vessary": "Old Vessary is a city of bridges, bells & narrow stairs.",
            "Norrin Moor": "On Norrin Moor the wind never quite drops.",
            "Lake Ondry": "Lake Ondry lies high in the hills and freezes every winter.",
            "Saint-Aubry": "Saint-Aubry is a village with one café and many secrets.",
        }
    ),
}


def _book(
    name: str,
    layouts: tuple[Layout, ...],
    slots: Mapping[str, tuple[Trait, ...]],
    facts: tuple[str, ...],
) -> Product:
    """A kind of book; authors, places, page counts and formats are the same for all kinds."""
    return Product(name, {**_SHARED_SLOTS, **slots}, layouts, facts)


_STORY_LAYOUTS = (
    Layout(
        "The {Thing}, {Format} by {Author}",
        (
            "In this {format} by {author}, everything turns on {a_thing}.",
            "{a_thing} is at the heart of this {format} by {author}.",
        ),
        ("A tale of {a_thing}, told by {author}.",),
    ),
    Layout(
        "The {Thing} of {Place} by {Author}",
        (
            "{author} tells a story of {place} and {a_thing}.",
            "{a_thing} changes every life in {place} in this book by {author}.",
        ),
        ("A story of {a_thing} by {author}.",),
    ),
    Layout(
        "{Author}: The {Thing} of {Place} ({Format}, {Pages})",
        (
            "This {format} by {author} has {pages} and leads us to {place} and {a_thing}.",
            "On {pages}, {author} follows {a_thing} through {place}.",
        ),
        ("A {format} of {pages} by {author}.",),
    ),
)

_GUIDE_LAYOUTS = (
    Layout(
        "{Subject}: {Kind}, {Pages}",
        (
            '"{Subject}" is {kind} and has {pages}.',
            "This is {kind}; it has {pages} and an index.",
        ),
        ("{kind}, {pages}.",),
    ),
    Layout(
        "{Subject}: {Kind} by {Author}",
        (
            '"{Subject}" is {kind} by {author}.',
            "{author} is the author of this book, {kind}.",
        ),
        ("{kind} by {author}.",),
    ),
    Layout(
        "{Author}, {Subject}: {Kind} ({Pages}, {Format})",
        (
            '"{Subject}" by {author} is {kind}, here as {a_format} of {pages}.',
            "This {format} by {author} has {pages}; it is {kind}.",
        ),
        ("{kind} by {author}, {pages}.",),
    ),
)

_PRODUCTS = (
    _book(
        name="novel",
        layouts=_STORY_LAYOUTS,
        slots={
            "thing": explained(
                {
                    "lighthouse": "A keeper's daughter finds a log book that's full of lies.",
                    "salt orchard": "Two sisters plant apple trees where the sea once was.",
                    "glass violin": "A violin that nobody can play passes from hand to hand.",
                    "winter ferry": "Eleven strangers wait three days for the ice to break.",
                    "paper garden": "A widow draws the garden that she can no longer dig.",
                    "clock mender": "A man who mends clocks has lost all sense of time.",
                    "second harvest": "One good year brings home a son who'd been gone for ten.",
                    "silent bell": "The bell hasn't rung since the war — until one night in May.",
                }
            ),
        },
        facts=(
            "The chapters are short and hard to put down.",
            "It is a book about loss, patience and small acts of courage.",
            "The ending is quiet, and you'll think about it for days.",
            "No one in it is quite good, and no one is quite lost.",
        ),
    ),
    _book(
        name="mystery",
        layouts=_STORY_LAYOUTS,
        slots={
            "thing": explained(
                {
                    "missing ledger": "A bank clerk is found dead & the ledger is gone.",
                    "fifth key": "Four keys open the safe, so who needs a fifth?",
                    "crooked painting": "A painting hangs crooked, and only the cleaner knows why.",
                    "locked boathouse": "The boathouse was locked from inside, with nobody in it.",
                    "stolen recipe": "Someone will kill for a cake — the village can't think who.",
                    "midnight train": "One passenger gets on at midnight and never gets off.",
                }
            ),
        },
        facts=(
            "Inspector Lundy is slow, polite and never wrong.",
            "Each clue is in plain sight, and you'll miss most of them.",
            '"I was at home," says everyone, and nobody was.',
            "It's the sort of mystery to read in one sitting.",
        ),
    ),
    _book(
        name="picture book",
        layouts=_STORY_LAYOUTS,
        slots={
            "thing": explained(
                {
                    "sleepy badger": "The badger sleeps all spring and wakes up late.",
                    "brave teaspoon": "A teaspoon sets out to see the world beyond the drawer.",
                    "purple cow": "Nobody believes in the cow until the milk turns out purple.",
                    "tiny dragon": "The dragon's so small that he can only light candles.",
                    "lost mitten": "One mitten goes out to look for the other.",
                    "kind wolf": "The wolf would like to come to tea, if only they'd ask.",
                }
            ),
        },
        facts=(
            "Each page has one sentence and one big picture.",
            "It's for children from three to six, and for whoever reads to them.",
            "The pictures are painted in warm, bright colours.",
            "Look for the mouse: it hides on every page.",
        ),
    ),
    _book(
        name="cook book",
        layouts=_GUIDE_LAYOUTS,
        slots={
            "kind": plain("a cook book", "a book of 80 recipes", "a book of 120 recipes"),
            "subject": explained(
                {
                    "bread & butter": "It starts with a plain loaf and ends with buns.",
                    "the café at home": "It covers cakes, coffee and a crème that never splits.",
                    "soup for all seasons": "There's a soup for every week of the year.",
                    "one pot, one plate": "Every meal is cooked in a single pot.",
                    "jalapeño kitchen": "Each dish is marked from mild to very hot.",
                    "ramen ラーメン": "The broth takes a day, and it's worth the wait.",
                    "salt, smoke and time": "It shows how to cure, smoke and dry food safely.",
                    "cooking from the garden": "It follows the garden from peas to pumpkins.",
                }
            ),
        },
        facts=(
            "All weights are given in grams and in cups.",
            "Each recipe fits on one page, with the picture opposite.",
            "Nothing in it calls for a shop you can't find.",
            "The last chapter tells you what to do with leftovers.",
        ),
    ),
    _book(
        name="field guide",
        layouts=_GUIDE_LAYOUTS,
        slots={
            "kind": plain("a field guide", "a pocket guide", "a guide for beginners"),
            "subject": explained(
                {
                    "birds of the shore": "It shows 140 birds, at rest and in flight.",
                    "wild flowers of the chalk": "Flowers are sorted by colour, then by month.",
                    "trees in winter": "It names trees by bark and bud alone.",
                    "mushrooms of the wood": "Safe & deadly mushrooms are shown side by side.",
                    "stars of the northern sky": "A chart for each month shows what's up.",
                    "butterflies and moths": "Both sides of each wing are painted at life size.",
                    "stones of the beach": "It tells you what you picked up and how old it is.",
                }
            ),
        },
        facts=(
            "The cover is washable and the corners are round.",
            "Maps show where each one is found.",
            "A ruler is printed on the back, for sizes < 15 cm.",
            "There's a page for your own finds.",
        ),
    ),
    _book(
        name="handbook",
        layouts=_GUIDE_LAYOUTS,
        slots={
            "kind": plain("a handbook", "a practical course", "a book for the workshop"),
            "subject": explained(
                {
                    "mending clothes": "It shows twelve stitches and where to use each.",
                    "keeping bees": "It takes you from the empty hive to the first jar of honey.",
                    "dry stone walls": "You learn to choose, split and lay stone without mortar.",
                    "carving spoons": "All you need is a knife, a green branch and an evening.",
                    "repairing bicycles": "Every job comes with a list of tools.",
                    "sailing small boats": "Wind, knots & tides are explained with clear drawings.",
                    "growing old roses": "It covers planting, pruning and the old names.",
                }
            ),
        },
        facts=(
            "Each step has its own drawing.",
            "Common mistakes are shown, along with the way out.",
            "It's written in plain words and doesn't talk down to you.",
            "The author taught the craft for thirty years.",
        ),
    ),
    _book(
        name="poetry",
        layouts=_GUIDE_LAYOUTS,
        slots={
            "kind": plain("a book of poems", "a collection of poems", "a year in poems"),
            "subject": explained(
                {
                    "θάλασσα": "The sea, θάλασσα in Greek, runs through every line.",
                    "snow on the line": "These are winter poems, spare and clear.",
                    "the months of bread": "Twelve long poems follow a baker's year.",
                    "letters to a river": "Each poem is a letter; the river answers once.",
                    "静かな夜": "The name means quiet night, and the poems keep quiet too.",
                    "a house with no clocks": "The poems wander through a house, room by room.",
                }
            ),
        },
        facts=(
            "Read them aloud — they were made for the voice.",
            "There isn't a word too many.",
            "Some rhyme, most don't, and all of them sing.",
            "A short note at the end tells how they came about.",
        ),
    ),
    _book(
        name="history",
        layouts=_GUIDE_LAYOUTS,
        slots={
            "kind": plain("a short history", "a history in maps", "a history in 50 objects"),
            "subject": explained(
                {
                    "the salt roads": "For a thousand years, salt was worth walking for.",
                    "bridges": "It shows how people learnt to cross water.",
                    "the night mail": "Letters once crossed the land on night trains.",
                    "tea and trade": "A dried leaf made fortunes & started wars.",
                    "canals": "Boats, horses and men with spades changed the map.",
                    "the common loaf": "Bread has fed armies and toppled kings.",
                }
            ),
        },
        facts=(
            "It's told through the people who were there.",
            "The maps alone are worth the price.",
            "Old letters are quoted at length, spelling and all.",
            "Notes and a full index are at the back.",
        ),
    ),
)

BOOKS = Category(
    name="books",
    products=_PRODUCTS,
    remarks=(
        "It's printed on thick, cream paper.",
        "Readers have asked for more, and a second volume is planned.",
        "It'd make a fine gift — wrap it before you start reading.",
        "The text has been checked and set anew for this edition.",
        "It is the kind of book that gets lent and never comes back.",
    ),
    editions=("Hardcover", "Paperback", "E-book", "Audio CD"),
)
