"""What a session saw, asked for and got is read off its journal, corrections and operators' orders too."""

from fractions import Fraction

from engine.session.retold import retold

from planar.broker.journal import Entry
from planar.engine.session.attribution import earned_by
from planar.engine.session.comparison import pairs_of, prices_of
from planar.engine.session.story import Outcome
from planar.model.instrument import exact
from planar.model.order import Status


def heard(story, kind, body):
    story.hear(Entry(story.heard + 1, 0, kind, body))


def begun(folder):
    """A story of two orders more: one that is filled, one that waits."""
    story, _, _ = retold(folder, "sma_cross")
    time, id = story.end, max(story.places) + 1
    buy = ["place", id, 0, 1, 0, 0, 2**63 - 1, False, 1_000_000, 0, 0, 0, ""]
    heard(story, "step", {"time": time, "asks": [buy, ["place", id + 1, *buy[2:]]]})
    return story, time, id


def test_an_order_is_filled_when_its_amount_is_and_arrived_when_it_was_first_told_of(tmp_path):
    story, time, id = begun(tmp_path)
    heard(story, "told", {"what": "accepted", "k": 0, "numbers": [id, time + 40]})
    assert (story.outcomes[id].status, story.outcomes[id].arrived) == (Status.OPEN, time + 40)
    heard(story, "told", {"what": "filled", "k": 0, "numbers": [id, time + 60, 1, 400_000, 7, 0, 0, 0]})
    assert story.outcomes[id].status is Status.PARTIAL
    heard(story, "told", {"what": "filled", "k": 0, "numbers": [id, time + 70, 1, 600_000, 7, 0, 0, 0]})
    assert (story.outcomes[id].status, story.outcomes[id].arrived) == (Status.FILLED, time + 40)
    assert story.outcomes[id + 1].status is Status.PENDING


def test_what_corrects_the_books_of_an_order_counts_as_earned(tmp_path):
    story, time, id = begun(tmp_path)
    before = earned_by(story, prices_of(story.candles()))
    heard(story, "told", {"what": "filled", "k": 0, "numbers": [id, time + 60, 1, 10, 700, 5, 0, 0]})
    heard(story, "told", {"what": "adjusted", "k": 0, "numbers": [-300, 4], "order": id, "trade": "9", "why": "late"})
    heard(story, "told", {"what": "adjusted", "k": 0, "numbers": [0, -1], "order": id, "why": "its fee"})
    [price] = prices = prices_of(story.candles())
    [instrument] = story.origin.instruments
    held = (10 + 4 - 1) * exact(instrument.unit) * price
    paid = (700 + 5 + 300) * exact(instrument.quote_unit)
    assert earned_by(story, prices) - before == held - paid


def test_money_that_came_from_elsewhere_was_not_earned(tmp_path):
    story, _, _ = begun(tmp_path)
    prices = prices_of(story.candles())
    before = earned_by(story, prices)
    heard(story, "told", {"what": "adjusted", "k": 0, "numbers": [10**12, 0], "order": 0, "why": "a deposit"})
    assert earned_by(story, prices) == before != Fraction(0)


def test_an_order_is_not_over_while_no_candle_tells_of_its_last_fill(tmp_path):
    story, time, id = begun(tmp_path)
    heard(story, "told", {"what": "filled", "k": 0, "numbers": [id, time + 60, 1, 1_000_000, 7, 0, 0, 0]})
    shadow, prices = {id: Outcome(Status.FILLED)}, prices_of(story.candles())
    [pair] = pairs_of(story, shadow, prices, time + 50)
    assert (pair.is_over, pair.actual.fills) == (False, [])
    [pair] = pairs_of(story, shadow, prices, time + 70)
    assert (pair.is_over, len(pair.actual.fills)) == (True, 1)


def test_candles_that_came_too_late_or_were_never_decided_on_are_decisions_unmade(tmp_path):
    story, time, _ = begun(tmp_path)
    row, length = [100.0] * 4, story.length
    assert story.unmade() == set()
    heard(story, "candle", [0, time, *row, 1.0])
    heard(story, "candle", [0, time + length, *row, 1.0])
    heard(story, "step", {"time": time + 2 * length, "asks": []})
    assert story.unmade() == {(0, time + length)}
    heard(story, "step", {"time": time + 3 * length, "asks": []})
    heard(story, "candle", [0, time + 2 * length, *row, 1.0])
    assert story.unmade() == {(0, time + length), (0, time + 3 * length)}
