import polars as pl

from tuneline.streams import divide


def make_pairs(count: int):
    for number in range(count):
        yield pl.DataFrame({"even": [2 * number]}), pl.DataFrame({"odd": [2 * number + 1]})


def test_both_streams_hold_every_table_in_order():
    evens, odds = divide(make_pairs(3))
    assert [table["even"][0] for table in evens] == [0, 2, 4]
    assert [table["odd"][0] for table in odds] == [1, 3, 5]


def test_the_source_is_read_only_as_the_first_stream_is_walked():
    read = []

    def watched():
        for pair in make_pairs(3):
            read.append(pair)
            yield pair

    first, _ = divide(watched())
    next(iter(first))
    assert len(read) == 1
