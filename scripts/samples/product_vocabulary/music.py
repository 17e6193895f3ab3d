"""Music recordings by invented players."""

from collections.abc import Mapping

from scripts.samples.product_vocabulary.model import (
    Category,
    Layout,
    Product,
    explained,
    plain,
    words,
)

_ALBUM_STARTS = words(
    "Slow Bright Hidden Seven Northern Paper Silver Last Green Quiet Salt Blue Distant Wild Early"
)
_ALBUM_ENDS = words(
    "Rivers Lanterns Harbours Letters Gardens Winters Trains Islands Mornings Stairs Voices Fields"
)
_BAND_STARTS = words("Marrow Hollin Tarn Ellerdale Lantern Thimble Mirrin Vessary Sabine Carrow")
_BAND_ENDS = words("Sisters Trio Band Players Ensemble Singers Club Orchestra Quintet Brothers")

_ALBUMS = plain(*(f"{start} {end}" for start in _ALBUM_STARTS for end in _ALBUM_ENDS))
_ARTISTS = plain(
    *(f"The {start} {end}" for start in _BAND_STARTS for end in _BAND_ENDS),
    "Astrid Vey",
    "Tomas Ruel",
    "Zoé Lambrin",
    "Ødis Vaar",
)
_FORMATS = explained(
    {
        "CD": "The CD comes in a card sleeve with a booklet.",
        "LP": "The LP is pressed on heavy black vinyl.",
        "2 LP set": "The 2 LP set opens like a book and has all the words inside.",
        "cassette": "The cassette is copied in real time, so it sounds warm and full.",
    }
)
_LAYOUTS = (
    Layout(
        "{Album}: {Style} by {Artist}",
        (
            "{album} is a record of {style} by {artist}.",
            "This record by {artist}, called {album}, is all {style}.",
        ),
        ("{style} by {artist}.",),
    ),
    Layout(
        "{Album} by {Artist} [{Format}]",
        (
            "{artist} made {album} in a single week.",
            "With {album}, {artist} found a sound of their own.",
        ),
        ("{album} by {artist}, on {format}.",),
    ),
    Layout(
        "{Artist} - {Album}: {Style}, {Tracks} ({Format})",
        (
            "{album} by {artist} brings together {tracks} of {style}.",
            "{style} and {tracks}: that is {album} by {artist}.",
        ),
        ("{tracks} of {style} by {artist}.",),
    ),
)


def _record(name: str, styles: Mapping[str, str], facts: tuple[str, ...]) -> Product:
    """A kind of recording; album names, players and formats are the same for all kinds."""
    slots = {
        "album": _ALBUMS,
        "artist": _ARTISTS,
        "format": _FORMATS,
        "style": explained(styles),
        "tracks": plain(*(f"{count} tracks" for count in range(7, 19))),
    }
    return Product(name, slots, _LAYOUTS, facts)


_PRODUCTS = (
    _record(
        "folk",
        {
            "songs for fiddle and voice": "One fiddle and two voices are all it needs.",
            "ballads of the coast": "The ballads tell of storms, wives & lost boats.",
            "dance tunes from the hills": "You'll hear the dancers' boots in every tune.",
        },
        (
            "It was recorded in a barn with the doors open.",
            "The old songs are sung as they were handed down.",
            "You can hear rain on the roof in the last song.",
            "All the words are printed inside.",
        ),
    ),
    _record(
        "jazz",
        {
            "jazz for late evenings": "It's slow, smoky and never in a hurry.",
            "jazz for piano, bass and drums": "Bass and drums leave the piano plenty of air.",
            "big band jazz": "Seventeen players & one heart: the band swings from the first bar.",
        },
        (
            "Each piece was played through once and kept.",
            "The drummer uses brushes & the bass does the talking.",
            "Listen for the laugh before the third piece.",
            "It sounds best with the lights low.",
        ),
    ),
    _record(
        "piano",
        {
            "quiet pieces for piano": "The pieces are short, still and clear.",
            "preludes for piano": "There's a prelude for each hour of the day.",
            "nocturnes for piano": "These nocturnes rock like a boat at anchor.",
        },
        (
            "The piano is a hundred years old and has a soft, dark tone.",
            "You hear the pedals, the bench and the breath of the player.",
            "It's music to read by, or to do nothing by.",
            "No note was changed after the recording.",
        ),
    ),
    _record(
        "choir",
        {
            "carols for choir": "Old carols stand beside new ones, all sung without a band.",
            "evening songs for choir": "The songs follow the sun down to the last light.",
            "sea songs for choir": "Forty voices roll like waves.",
        },
        (
            "It was sung in a stone church at night.",
            "The high voices are pure and never shrill.",
            "The echo lasts for five seconds, and they use it well.",
            "Many of the singers have other jobs by day.",
        ),
    ),
    _record(
        "soul",
        {
            "R&B and soul": "It's R&B with real horns and a real drummer.",
            "soul for Sunday morning": "Warm organ chords and a choir lift every chorus.",
            "modern R&B": "Deep bass & a clear voice carry the whole record.",
        },
        (
            "The groove is slow and deep.",
            "She sings about love, rent and her mother's kitchen.",
            "Every chorus sticks after one listen.",
            "The horn parts were written on the night.",
        ),
    ),
    _record(
        "strings",
        {
            "works for string quartet": "Four players share the tune like old friends.",
            "suites for solo cello": "One cello fills the whole room.",
            "dances for strings": "The dances are quick, light and full of tricks.",
        },
        (
            "The players stand close, and it sounds like it.",
            "The recording is clear without being cold.",
            "A long essay in the booklet tells you what to listen for.",
            "The slow movement is the best part.",
        ),
    ),
)

MUSIC = Category(
    name="music",
    products=_PRODUCTS,
    remarks=(
        "Play it loud once & softly ever after.",
        "It was mixed by hand on an old desk.",
        "It's a record that grows with each hearing.",
        "A code inside lets you download the music as well.",
        "The cover was painted by a friend of the players.",
    ),
    editions=("Audio CD", "Vinyl", "MP3 Music"),
)
