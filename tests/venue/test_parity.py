"""The venue over whole candles fills as a backtest over the same candles does, to the last unit."""

from decimal import Decimal

import numpy as np
import polars as pl

import planar
from planar import FillModel, Instrument, Strategy
from planar.model.order import Side
from planar.venue.config import VenueConfig, built
from planar.venue.filters import random_id
from planar.venue.order import Ticket
from planar.venue.refusal import Refusal

NAME = "binance:BTC/USDT"
RULES = Instrument(NAME, price_step=0.01, amount_step=1e-5, fee_side="base")
MODEL = FillModel("ohlc", 0, 0.0002, None, 0.05, 0.1, "cross")
MINUTE, CANDLES, HISTORY = 60_000, 600, 10

# Every so many candles: side, type, amount, limit and trigger as shares of the close.
PLAN = (
    (3, "BUY", "MARKET", 0.02, 0.0, 0.0),
    (5, "BUY", "LIMIT", 0.03, 0.9995, 0.0),
    (7, "SELL", "LIMIT", 0.02, 1.0004, 0.0),
    (11, "SELL", "MARKET", 0.03, 0.0, 0.0),
    (13, "SELL", "STOP_LOSS", 0.01, 0.0, 0.9993),
    (17, "SELL", "STOP_LOSS_LIMIT", 0.01, 0.9996, 0.9998),
    (19, "SELL", "TAKE_PROFIT", 0.01, 0.0, 1.0004),
    (23, "BUY", "TAKE_PROFIT_LIMIT", 0.02, 0.9993, 0.9995),
    (29, "SELL", "STOP_LOSS", 0.01, 0.0, 0.0),  # trailing
    (31, "BUY", "TAKE_PROFIT", 0.01, 0.0, 0.9997),  # trailing, from that price on
)
TRAILS = {29: 10, 31: 12}
"""How far, in hundredths of a per cent."""


def candles(wild=1.0):
    """A walk without gaps: each candle opens where the last one closed. wild: how far it moves."""
    draw = np.random.default_rng(3)
    close = 30_000 * np.cumprod(1 + 0.0005 * wild * draw.standard_normal(CANDLES))
    opens = np.concatenate(([30_000.0], close[:-1]))
    reach = np.abs(0.0003 * wild * 30_000 * draw.standard_normal((2, CANDLES)))
    columns = {
        "time": np.arange(CANDLES, dtype=np.int64) * MINUTE + 1_700_000_040_000,
        "open": opens, "high": np.maximum(opens, close) + reach[0], "low": np.minimum(opens, close) - reach[1],
        "close": close, "volume": draw.uniform(0.1, 5.0, CANDLES),
    }  # fmt: skip
    rounded = {name: np.round(values, 2) if name != "time" else values for name, values in columns.items()}
    return pl.DataFrame(rounded | {"volume": np.round(columns["volume"], 5)})


class Plan(Strategy):
    """Sends the orders of the plan; interpreted, since it walks a tuple."""

    instruments = [NAME]  # noqa: RUF012
    timeframe = "1m"
    seen = 0

    def on_candle(self, candle, broker):
        for every, side, type, amount, limit, trigger in PLAN:
            if self.seen >= HISTORY and self.seen % every == 0:
                price = round(candle.close * limit, 2) if limit else None
                stop = round(candle.close * trigger, 2) if trigger else None
                ask = broker.buy if side == "BUY" else broker.sell
                terms = {"take" if type.startswith("TAKE") else "stop": stop}
                if every in TRAILS:
                    terms = {"trail": TRAILS[every] / 10_000, "activation": stop}
                ask(amount, price=price, **terms)
        self.seen += 1


def backtested(frame):
    run = planar.backtest(Plan, {NAME: frame}, instruments={NAME: RULES}, cash=100_000.0, fill=MODEL, compiled=False)
    rows = run.fills.select("side", "price", "amount", "fee").rows()
    return [(side, round(price, 2), round(amount, 8), round(fee, 8)) for side, price, amount, fee in rows]


def traded(frame):
    config = VenueConfig(
        (RULES,), candles={NAME: frame}, points=0, speed=0, history=HISTORY, model=MODEL,
        start=int(frame["time"][HISTORY]),
    )  # fmt: skip
    floor, _ = built(config)
    account = floor.open_account("key", "secret", {"USDT": Decimal(100_000)})
    listing = floor.listings[0]
    for i in range(HISTORY, CANDLES):
        floor.advance(int(frame["time"][i]))
        close = frame["close"][i]
        for every, side, type, amount, limit, trigger in PLAN:
            if i % every == 0:
                prices = [listing.ticks(round(close * share, 2)) if share else 0 for share in (limit, trigger)]
                try:
                    asked = (Side[side], type, "GTC", listing.units(amount), 0, *prices, random_id())
                    floor.place(account, Ticket(listing, *asked, TRAILS.get(every, 0)))
                except Refusal:
                    continue
    told = []
    for order, e in account.executions:
        fee = listing.amount(e.fee) if e.fee_in_base else float(e.fee * listing.money)
        told.append((order.ticket.side.name.lower(), listing.price(e.ticks), listing.amount(e.units), round(fee, 8)))
    return told


def test_the_venue_and_the_backtest_agree_fill_by_fill():
    frame = candles()
    ours, theirs = traded(frame), backtested(frame)
    assert len(ours) > 300
    assert {side for side, *_ in ours} == {"buy", "sell"}
    assert ours == theirs[: len(ours)]
    assert len(theirs) - len(ours) <= 2  # what the backtest does after the last candle that the venue saw
