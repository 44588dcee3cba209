"""Perpetuals over whole candles: the venue fills, pays funding and liquidates as a backtest does, to the last unit."""

from contextlib import suppress
from decimal import Decimal

import polars as pl
import pytest
from venue.test_parity import CANDLES, HISTORY, MINUTE, MODEL, candles

import planar
from planar import Instrument, Strategy, Tiers
from planar.model.order import Side
from planar.venue.config import VenueConfig, built
from planar.venue.filters import random_id
from planar.venue.order import Ticket
from planar.venue.refusal import Refusal

NAME = "binance:BTC/USDT:USDT"
TIERS = Tiers.of(NAME, [(0, "0.004", 125), (50_000, "0.01", 50), (250_000, "0.02", 25)])
FIRST = 1_700_000_040_000

# Every so many candles: side, type, amount, limit and trigger as shares of the close.
PLAN = (
    (3, "BUY", "MARKET", 0.5, 0.0, 0.0),
    (5, "BUY", "LIMIT", 1.0, 0.9995, 0.0),
    (7, "SELL", "LIMIT", 0.8, 1.0004, 0.0),
    (11, "SELL", "MARKET", 2.0, 0.0, 0.0),
    (13, "SELL", "STOP_MARKET", 0.3, 0.0, 0.9993),
    (17, "SELL", "STOP", 0.4, 0.9996, 0.9998),
    (19, "BUY", "STOP_MARKET", 1.5, 0.0, 1.0004),
    (23, "BUY", "TAKE_PROFIT", 0.5, 0.9993, 0.9995),
    (29, "SELL", "TRAILING_STOP_MARKET", 0.6, 0.0, 0.0),
)
TRAILS = {29: 10}
"""How far, in hundredths of a per cent."""


def rules(mode):
    return Instrument(
        NAME, price_step=0.01, amount_step=1e-5, maker=0.0002, taker=0.0005, tiers=TIERS, leverage=25.0,
        margin_mode=mode, liquidation_fee=0.0125,
    )  # fmt: skip


def market():
    """A walk wild enough to liquidate, with as much volume as these orders need."""
    return candles(6.0).with_columns(pl.col("volume") * 200)


def funding():
    """Of both signs, at candles that no market order arrives at: it would be filled before."""
    times = [FIRST + i * MINUTE for i in range(35, CANDLES, 33)]
    return pl.DataFrame({"time": times, "rate": [0.0003 if i % 2 else -0.0002 for i in range(len(times))]})


def due(i):
    """What is asked for after so many candles: one order, as others would be judged before this one is filled here."""
    return next((row for row in PLAN if i >= HISTORY and i % row[0] == 0), None)


class Plan(Strategy):
    """Sends the orders of the plan; interpreted, since it walks a tuple."""

    instruments = [NAME]  # noqa: RUF012
    timeframe = "1m"
    seen = 0

    def on_candle(self, candle, broker):
        asked = due(self.seen)
        self.seen += 1
        if asked is None:
            return
        every, side, type, amount, limit, trigger = asked
        price = round(candle.close * limit, 2) if limit else None
        stop = round(candle.close * trigger, 2) if trigger else None
        terms = {"take" if type.startswith("TAKE") else "stop": stop}
        if every in TRAILS:
            terms = {"trail": TRAILS[every] / 10_000}
        (broker.buy if side == "BUY" else broker.sell)(amount, price=price, **terms)


def backtested(frame, mode, cash):
    run = planar.backtest(
        Plan, {NAME: frame}, instruments={NAME: rules(mode)}, cash=float(cash), fill=MODEL, compiled=False,
        funding={NAME: funding()},
    )  # fmt: skip
    rows = run.fills.select("side", "price", "amount", "fee", "tag").rows()
    fills = [
        (side, round(price, 2), round(amount, 8), round(fee, 8), tag == "liquidation")
        for side, price, amount, fee, tag in rows
    ]
    return fills, [round(paid, 8) for paid in run.fundings["paid"]]


def traded(frame, mode, cash):
    config = VenueConfig(
        (rules(mode),), candles={NAME: frame}, points=0, speed=0, history=HISTORY, model=MODEL,
        start=int(frame["time"][HISTORY]), funding={NAME: funding()},
    )  # fmt: skip
    floor, _ = built(config)
    account = floor.open_account("key", "secret", {"USDT": cash})
    listing = floor.listings[0]
    for i in range(HISTORY, CANDLES):
        floor.advance(int(frame["time"][i]))
        if due(i):
            every, side, type, amount, *shares = due(i)
            prices = [listing.ticks(round(frame["close"][i] * share, 2)) if share else 0 for share in shares]
            asked = (Side[side], type, "GTC", listing.units(amount), 0, *prices, random_id())
            with suppress(Refusal):
                floor.place(account, Ticket(listing, *asked, TRAILS.get(every, 0)))
    fills = [
        (
            order.ticket.side.name.lower(), listing.price(e.ticks), listing.amount(e.units),
            round(float(e.fee * listing.money), 8), order in account.forced,
        )
        for order, e in account.executions
    ]  # fmt: skip
    paid = [round(-float(one.units * listing.money), 8) for one in account.income if one.what == "FUNDING_FEE"]
    return fills, paid


@pytest.mark.parametrize("mode", ["isolated", "cross"])
@pytest.mark.parametrize("cash", [Decimal(100_000), Decimal(4_000), Decimal(1_500)])
def test_the_venue_and_the_backtest_agree_fill_by_fill(mode, cash):
    frame = market()
    (ours, paid), (theirs, charged) = traded(frame, mode, cash), backtested(frame, mode, cash)
    assert len(ours) > 50
    assert {side for side, *_ in ours} == {"buy", "sell"}
    assert ours == theirs[: len(ours)]
    assert len(theirs) - len(ours) <= 2  # what the backtest does after the last candle that the venue saw
    assert len(paid) > 5
    assert paid == charged[: len(paid)]


@pytest.mark.parametrize("mode", ["isolated", "cross"])
def test_some_of_these_accounts_are_liquidated(mode):
    fills = [fill for cash in (4_000, 1_500) for fill in traded(market(), mode, Decimal(cash))[0]]
    assert any(is_forced for *_, is_forced in fills)
