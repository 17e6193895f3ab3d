"""The vocabulary of the sample products: all texts are original, all names are invented."""

from scripts.samples.product_vocabulary.bags import BAGS
from scripts.samples.product_vocabulary.bath import BATH
from scripts.samples.product_vocabulary.bicycle import BICYCLE
from scripts.samples.product_vocabulary.books import BOOKS
from scripts.samples.product_vocabulary.garden import GARDEN
from scripts.samples.product_vocabulary.kitchen import KITCHEN
from scripts.samples.product_vocabulary.lighting import LIGHTING
from scripts.samples.product_vocabulary.music import MUSIC
from scripts.samples.product_vocabulary.pets import PETS
from scripts.samples.product_vocabulary.sports import SPORTS
from scripts.samples.product_vocabulary.stationery import STATIONERY
from scripts.samples.product_vocabulary.tools import TOOLS
from scripts.samples.product_vocabulary.toys import TOYS

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
