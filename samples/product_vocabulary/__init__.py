"""The vocabulary of the sample products: all texts are original, all names are invented."""

from samples.product_vocabulary.bags import BAGS
from samples.product_vocabulary.bath import BATH
from samples.product_vocabulary.bicycle import BICYCLE
from samples.product_vocabulary.books import BOOKS
from samples.product_vocabulary.garden import GARDEN
from samples.product_vocabulary.kitchen import KITCHEN
from samples.product_vocabulary.lighting import LIGHTING
from samples.product_vocabulary.music import MUSIC
from samples.product_vocabulary.pets import PETS
from samples.product_vocabulary.sports import SPORTS
from samples.product_vocabulary.stationery import STATIONERY
from samples.product_vocabulary.tools import TOOLS
from samples.product_vocabulary.toys import TOYS

CATEGORIES = (
    BAGS,
    BATH,
    BICYCLE,
    BOOKS,
    GARDEN,
    KITCHEN,
    LIGHTING,
    MUSIC,
    PETS,
    SPORTS,
    STATIONERY,
    TOOLS,
    TOYS,
)
