"""CCXT behind one interface: what an exchange knows, and what can be asked of it.

``async with get("binance") as binance: await binance.ticker("BTC/USDT")``. Importing it is cheap: CCXT is loaded when
an exchange is first asked something.

interface      `Exchange`: what every exchange answers, custom ones too
model          the nouns: markets, tickers, books, orders, fills, balances, positions, funding
registry       `get`: one living instance for each exchange, environment and account

ccxt_exchange  `CcxtExchange`, made of
  calls        `Connected`: the one way that every request goes, the clocks
  listing      `Listed`: markets and symbols
  public       `PublicData`: tickers, books, candles, market trades
  own          `OwnData`: balances, orders, fills, fees
  orders       `Orders`: placing, cancelling
  amends       `Amends`: changing an open order
  batches      `Batches`: several orders in one request
  derivatives  `Derivatives`: positions, leverage, funding

precision      an order on the market's steps
worth          a market order against the least cost
risk           an order against the most that the user lets it cost
order_terms    an order in CCXT's words
recovery       an order whose answer was lost
sightings      which orders were seen before it was sent
answers        CCXT's structures as ours
error_map      CCXT's errors as ours
quirks         what one exchange does unlike the others

guard          limits and breaker before a request, health after it
limits         waiting for an exchange's limits
budget         what may be asked in a stretch of time, by all processes of the host together
lock           one process at a time
breaker        leaving an exchange alone that does not answer
health         how it is doing

streams        `Streams`: what an exchange tells
channels       what CCXT calls each kind of them
tap            every event that CCXT parses, not only the latest
heard          such an event as our value
feed           events once and in order, for all who listen
alike          prints without ids, told apart
told           what a feed has told, remembered as long as it can come again
subscription   what one listener has not read yet
watcher        dialling again, and what was missed meanwhile
silence        whether a book or ticker that says nothing has gone deaf
missed         asking for it
callback       calling back with what is told
closer         closed candles, as stream and request agree on them

connection     one CCXT instance: exact numbers
checked        its requests pass our gate, its answers are looked at
transport      a session that maps an exchange's hosts to another address
clock          the wall's, a steady one, and how far an exchange's is ahead
wire           what one call saw of the network
scrub          taking secrets out of texts
retries        how long to wait
metadata       markets kept on disk
paging         histories in pages
candle_pages   candles in pages
capabilities   what an exchange can do
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from planar.exchange.registry import close, close_all, get, register_exchange

__all__ = ["close", "close_all", "get", "register_exchange"]


def __getattr__(name: str):
    if name not in __all__:
        raise AttributeError(f"module 'planar.exchange' has no attribute {name!r}")
    value = getattr(import_module("planar.exchange.registry"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
