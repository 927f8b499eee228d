"""The pace of an operation, over accounts whose quota it does not know: in a time that is counted, not waited for."""

import statistics
from itertools import pairwise
from random import Random
from typing import Final

import pytest

from jobruns_sdk import Quota
from jobruns_sdk.transport.pace import PaceKeeper
from tests.unit.transport.accounts import LATENCY, Account, Reader, read

GUESS: Final = Quota(rate=1, burst=25)
SEEDS: Final = range(20)


def kept(quota: Quota) -> PaceKeeper:
    return PaceKeeper(quota, quota)


def sent_at(keeper: PaceKeeper, count: int, now: float = 0.0) -> list[float]:
    """Return when so many calls go that are asked for at once, and all let through."""
    times: list[float] = []
    for _ in range(count):
        began = now
        now += keeper.wait(now)
        keeper.let_through(keeper.sent(now, now - began), now)
        times.append(round(now, 9))
    return times


@pytest.mark.parametrize("start", [0.0, 123.4, 1e7])
def test_a_burst_goes_at_once_and_the_rest_at_the_ceiling(start: float) -> None:
    times = sent_at(kept(Quota(rate=2, burst=3)), 6, start)

    assert [round(time - start, 6) for time in times] == [0, 0, 0, 0.5, 1.0, 1.5]


def test_a_rest_fills_the_bucket_and_no_more_than_that() -> None:
    keeper = kept(Quota(rate=1, burst=3))

    assert sent_at(keeper, 4) == [0, 0, 0, 1]
    assert sent_at(keeper, 3, now=3) == [3, 3, 4]
    assert sent_at(keeper, 4, now=1000) == [1000, 1000, 1000, 1001]


@pytest.mark.parametrize("quota", [Quota(rate=1, burst=25), Quota(rate=10, burst=50), Quota(rate=0.3, burst=1)])
def test_no_span_of_time_holds_more_than_the_ceiling_allows(quota: Quota) -> None:
    keeper, rng, now = kept(quota), Random(2), 0.0
    goes: list[float] = []
    for _ in range(400):
        now += rng.choice([0, 0, 0, 0, rng.uniform(0, 20 / quota.rate)])
        goes += sent_at(keeper, 1, now)
        now = max(now, goes[-1])
    for first in range(len(goes)):
        for count in range(quota.burst, len(goes) - first):
            assert goes[first + count] - goes[first] >= (count + 1 - quota.burst) / quota.rate - 1e-6


@pytest.mark.parametrize("rate", [2, 1, 0.025, 0.001])
def test_a_ceiling_holds_after_a_throttle_too(rate: float) -> None:
    keeper, now = kept(Quota(rate=rate, burst=1)), 0.0
    for _ in range(5):
        now += keeper.wait(now)
        keeper.throttled(keeper.sent(now), now, 0.5)
    times = sent_at(keeper, 200, now)

    assert min(after - before for before, after in pairwise(times)) >= 1 / rate - 1e-6
    assert keeper.pace.rate == rate


def test_without_a_guess_nothing_waits_until_the_first_throttle() -> None:
    keeper = PaceKeeper(None)
    assert keeper.is_open()
    assert sent_at(keeper, 1000) == [0] * 1000
    assert keeper.pace.rate is None

    keeper.throttled(keeper.sent(1.0), 1.0, 0.5)
    assert not keeper.is_open()
    assert keeper.wait(1.0) > 0


def test_of_calls_under_way_together_one_throttle_tells_as_much_as_all() -> None:
    alone, together = PaceKeeper(GUESS), PaceKeeper(GUESS)
    tickets = [together.sent(0.0) for _ in range(20)]
    alone_tickets = [alone.sent(0.0) for _ in range(20)]
    alone.throttled(alone_tickets[0], 0.1, 0.5)
    for ticket in tickets:
        together.throttled(ticket, 0.1, 0.5)

    assert together.wait(0.1) == alone.wait(0.1)
    assert (together.pace.throttled, alone.pace.throttled) == (20, 1)


def test_a_rate_that_holds_nobody_back_does_not_grow() -> None:
    keeper = PaceKeeper(GUESS)
    for second in range(0, 600, 2):
        keeper.let_through(keeper.sent(second), second + 0.1)

    assert keeper.pace.rate == GUESS.rate


def test_a_rate_grows_with_what_is_sent_and_not_beyond_twice_that() -> None:
    keeper, now = PaceKeeper(GUESS), 0.0
    for _ in range(300):
        began, now = now, now + keeper.wait(now)
        ticket = keeper.sent(now, now - began)
        now += 0.1  # one after the other, a tenth of a second each: ten calls a second at the most
        keeper.let_through(ticket, now)

    assert keeper.pace.rate is not None
    assert 10 <= keeper.pace.rate <= 20


@pytest.mark.parametrize(
    ("real", "calls", "ideal"),
    [
        pytest.param(Quota(rate=10, burst=50), 200, 15.0, id="ten times the guess"),
        pytest.param(GUESS, 150, 125.0, id="the guess"),
        pytest.param(Quota(rate=0.5, burst=10), 60, 100.0, id="half of the guess"),
    ],
)
def test_an_account_is_read_as_fast_as_its_quota_allows(real: Quota, calls: int, ideal: float) -> None:
    times, throttled = list[float](), list[float]()
    for seed in SEEDS:
        account = Account(real)
        times.append(read(account, [Reader(PaceKeeper(GUESS), calls)], Random(seed)) / ideal)
        throttled.append(account.throttled / account.calls)

    assert max(times) <= 1.1
    assert statistics.median(throttled) <= 0.05


@pytest.mark.parametrize("burst", [1, 5, 10])
def test_a_burst_below_the_published_one_is_not_taken_for_a_low_rate(burst: int) -> None:
    ideal, times = (40 - burst) / 10, list[float]()
    for seed in SEEDS:
        account = Account(Quota(rate=10, burst=burst))
        times.append(read(account, [Reader(PaceKeeper(GUESS), 40)], Random(seed)) / ideal)
        assert account.throttled <= 4

    assert statistics.median(times) <= (2.2 if burst > 1 else 2.8)
    assert max(times) <= 3


@pytest.mark.parametrize(
    ("guess", "at_once"), [pytest.param(GUESS, 1, id="1/s"), pytest.param(Quota(rate=20, burst=100), 8, id="20/s")]
)
@pytest.mark.parametrize("burst", [0.04, 0.2, 0.4, 1, 2, 10])
@pytest.mark.parametrize("rate", [0.25, 0.5, 1, 2, 5, 10, 25, 50])
def test_rate_and_burst_are_learnt_each_by_itself(rate: float, burst: float, guess: Quota, at_once: int) -> None:
    real = Quota(rate=rate * guess.rate, burst=round(burst * guess.burst))
    calls = max(60, real.burst + 40)
    ideal = max((calls - real.burst) / real.rate, calls * LATENCY / at_once)
    times, throttled = list[float](), list[float]()
    for seed in range(6):
        account = Account(real)
        times.append(read(account, [Reader(PaceKeeper(guess), calls, at_once=at_once)], Random(seed)))
        throttled.append(account.throttled / account.calls)

    assert statistics.median(times) <= (2.5 if real.burst > 1 else 3) * ideal + 1
    assert statistics.median(throttled) <= (0.2 if rate < 1 else 0.12)


def test_a_rate_that_was_not_tried_goes_on_to_be_sought() -> None:
    keeper, now = PaceKeeper(GUESS), 0.0
    for _ in range(5):
        keeper.let_through(keeper.sent(now), now)
    keeper.throttled(keeper.sent(now), now, 0.5)
    rates = [keeper.pace.rate or 0]
    for _ in range(3):
        began, now = now, now + keeper.wait(now)
        keeper.let_through(keeper.sent(now, now - began), now)
        rates.append(keeper.pace.rate or 0)

    assert [round(after / before, 3) for before, after in pairwise(rates)] == [2] * 3


@pytest.mark.parametrize(
    ("calls", "rate"),
    [
        pytest.param(1, 0.45, id="half of it, a call"),
        pytest.param(2, 0.9 * 2 / (3.5 / 0.9), id="what was granted"),
        pytest.param(5, None, id="half of it, and not the far less that was granted"),
    ],
)
def test_a_rate_that_was_doubled_too_often_falls_to_what_was_let_through(calls: int, rate: float | None) -> None:
    keeper, now = PaceKeeper(GUESS), 0.0
    keeper.throttled(keeper.sent(now), now, 0.5)
    for _ in range(calls):
        began, now = now, now + keeper.wait(now)
        keeper.let_through(keeper.sent(now, now - began), now)
    began, now, before = now, now + keeper.wait(now), keeper.pace.rate or 0
    keeper.throttled(keeper.sent(now, now - began), now, 0.5)

    assert keeper.pace.rate == pytest.approx(rate or before / 2)


def test_a_rate_that_has_grown_was_tried_and_is_cut_for_good() -> None:
    keeper, now = PaceKeeper(GUESS), 0.0
    for _ in range(30):  # a burst, then at a rate that grows
        began, now = now, now + keeper.wait(now)
        keeper.let_through(keeper.sent(now, now - began), now)
    keeper.throttled(keeper.sent(now + 60), now + 60, 0.5)  # of a call that did not have to wait
    cut, now = keeper.pace.rate or 0, now + 60
    for _ in range(3):
        began, now = now, now + keeper.wait(now)
        keeper.let_through(keeper.sent(now, now - began), now)

    assert (keeper.pace.rate or 0) < 1.2 * cut


@pytest.mark.parametrize("calls", [35, 200])
def test_three_clients_of_one_account_share_it(calls: int) -> None:
    times = list[float]()
    for seed in SEEDS:
        readers = [Reader(PaceKeeper(GUESS), calls) for _ in range(3)]
        times.append(read(Account(GUESS), readers, Random(seed)) / (3 * calls - GUESS.burst))

    assert statistics.median(times) <= 1.25


@pytest.mark.parametrize("begins", [(0, 0, 0), (0, 30, 60)])
def test_none_of_three_clients_gets_less_than_half_its_share_in_ten_minutes(begins: tuple[float, ...]) -> None:
    shares = list[float]()
    for seed in SEEDS:
        readers = [Reader(PaceKeeper(GUESS), 10**6, begins=at) for at in begins]
        read(Account(GUESS), readers, Random(seed), until=660)
        counts = [sum(at >= 60 for at in reader.answers) for reader in readers]
        assert sum(counts) >= 570  # of the 600 that the account lets through
        shares.append(min(counts) / (sum(counts) / 3))

    assert min(shares) >= 0.5


def test_what_another_client_used_is_taken_when_it_has_gone() -> None:
    account, rng = Account(Quota(rate=2, burst=10)), Random(1)
    gone, staying = Reader(PaceKeeper(GUESS), 100), Reader(PaceKeeper(GUESS), 600)
    read(account, [gone, staying], rng)
    end = gone.answers[-1]
    after = [at for at in staying.answers if at >= end + 60]

    assert len(after) > 100
    assert len(after) / (after[-1] - after[0]) >= 1.8


def test_many_calls_at_once_find_a_quota_far_above_the_guess() -> None:
    account = Account(Quota(rate=200, burst=400))
    took = read(account, [Reader(PaceKeeper(Quota(rate=20, burst=100)), 4000, at_once=32)], Random(1))

    assert took <= 1.5 * (4000 - 400) / 200
    assert account.throttled <= 0.05 * account.calls


def test_a_quota_far_below_the_guess_is_found_too() -> None:
    account = Account(Quota(rate=2, burst=10))
    took = read(account, [Reader(PaceKeeper(Quota(rate=20, burst=100)), 300, at_once=32)], Random(1))

    assert took <= 1.1 * (300 - 10) / 2
    assert account.throttled <= 0.2 * account.calls


@pytest.mark.parametrize("guess", [None, GUESS, Quota(rate=20, burst=100)], ids=["none", "1/s", "20/s"])
def test_a_throttle_of_few_calls_is_not_taken_for_their_own_doing(guess: Quota | None) -> None:
    keeper = PaceKeeper(guess)
    for minute in range(10):
        keeper.let_through(keeper.sent(60.0 * minute), 60.0 * minute + 0.1)
    keeper.throttled(keeper.sent(600.0), 600.1, 0.5)
    times = sent_at(keeper, 40, 610.0)

    assert times[-1] - times[0] <= 60


@pytest.mark.parametrize("guess", [None, GUESS, Quota(rate=20, burst=100)], ids=["none", "1/s", "20/s"])
def test_an_outage_that_is_over_slows_nobody_down(guess: Quota | None) -> None:
    keeper, now = PaceKeeper(guess), 0.0
    while now < 600:
        now += keeper.wait(now)
        keeper.throttled(keeper.sent(now), now + 0.1, 0.5)
        now += 0.1
    times = sent_at(keeper, 40, now + 900)

    assert times[-1] - times[0] <= 40 / GUESS.rate
