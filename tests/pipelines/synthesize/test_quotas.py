import pytest
from hypothesis import given
from hypothesis import strategies as st

from tuneline.errors import TunelineError
from tuneline.parameters.synthesis import Quotas
from tuneline.pipelines.synthesize.quotas import check_shares, count_shares, spread

QUOTAS = Quotas(styles={"anger": 0.5, "irony": 0.5}, disfluencies=0.15, tolerance=0.05)


@given(st.integers(1, 400), st.floats(0, 1))
def test_marks_are_spread_so_that_every_beginning_has_its_share(total: int, share: float):
    marks = spread(total, share)
    for length in range(1, total + 1):
        assert abs(sum(marks[:length]) - length * share) <= 1


def make(style: str, disfluency: str, count: int) -> list[dict]:
    return [{"style": style, "disfluency": disfluency}] * count


def test_quotas_that_are_kept_are_reported_and_pass():
    conversations = make("anger", "culerna", 15) + make("anger", "", 35) + make("irony", "", 50)
    shares = count_shares(conversations, QUOTAS)
    assert [(one["name"], one["count"]) for one in shares] == [
        ("anger", 50),
        ("irony", 50),
        ("disfluencies", 15),
    ]
    check_shares(shares, QUOTAS.tolerance)


def test_quotas_that_are_missed_are_refused_all_at_once():
    shares = count_shares(make("anger", "", 70) + make("irony", "", 30), QUOTAS)
    with pytest.raises(TunelineError) as error:
        check_shares(shares, QUOTAS.tolerance)
    message = str(error.value)
    assert "quotas: anger = 0.5: 70 conversations have it" in message
    assert "quotas: irony = 0.5: 30 conversations have it" in message
    assert "quotas: disfluencies = 0.15: 0 conversations have it" in message


def test_no_conversations_miss_no_quota():
    check_shares(count_shares([], QUOTAS), QUOTAS.tolerance)
