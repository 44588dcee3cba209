"""``planar balance | ticker | book | orders | fills | positions``: what there is at an exchange."""

from collections.abc import Mapping, Sequence

from planar.cli.answer import say, say_json, shown, shown_time, table, whole
from planar.cli.ask import Flag
from planar.cli.options import HERE, MAIN, Environment, Json, Named, Symbol, Where
from planar.config.secrets import load_secrets
from planar.errors import ConfigError, ExchangeError, did_you_mean
from planar.exchange.interface import Exchange
from planar.exchange.model import Balance, Order, Wallet


def balance(
    exchange: Named = None,
    *,
    all: Flag = False,
    type: str = "spot",
    at: Environment = MAIN,
    json: Json = False,
) -> None:
    """Show what is owned.

    Parameters
    ----------
    all
        At every exchange and account that there are keys for.
    type
        The wallet: spot, futures, margin or funding.
    """
    wallet = _wallet(type)
    places = _places() if all else [(exchange, at)]
    found: dict[str, Balance] = {}
    failed: dict[str, str] = {}
    for name, which in places:
        try:
            where, found_there = which.ask(lambda e: _balance_of(e, wallet), name)
            found[where] = found_there
        except ExchangeError as error:
            if not all:
                raise
            failed[which.shown(name)] = str(error)
    if json:
        say_json({"balances": found, "failed": failed})
    else:
        _show_balances(found, failed, f"The {wallet} wallet is empty.")
    if failed:
        raise SystemExit(1)


def _show_balances(found: Mapping[str, Balance], failed: Mapping[str, str], nothing: str) -> None:
    """What was read, and why the rest was not."""
    columns = ("exchange", "currency", "total", "free", "used")
    rows = [
        (where, currency, total, each.free.get(currency), each.used.get(currency))
        for where, each in found.items()
        for currency, total in sorted(each.total.items())
    ]
    if rows or found:
        table(columns, rows, nothing=nothing)
    for why in failed.values():
        say(why)


async def _balance_of(exchange, wallet: Wallet) -> tuple[str, Balance]:
    return exchange.name, await exchange.balance(wallet)


def _places() -> Sequence[tuple[str | None, Environment]]:
    """Exchange, environment and account of all keys there are."""
    from planar.config.load import load

    keys = sorted(load_secrets(custom=load().custom).by_key)
    found = [(name, Environment(is_test, who or None)) for name, is_test, who in keys]
    if not found:
        raise ConfigError("there are no keys: write them into user/secrets.toml, as docs/config.md shows.")
    return found


def _wallet(name: str) -> Wallet:
    try:
        return Wallet(name)
    except ValueError:
        known = [each.value for each in Wallet]
        raise ConfigError(f"--type {name!r} is no wallet: {', '.join(known)}.{did_you_mean(name, known)}") from None


def _check_count(name: str, count: int) -> None:
    if count < 1:
        raise ConfigError(f"{name} {count} shows nothing; it is at least 1.")


def ticker(*symbols: Symbol, where: Where = HERE, json: Json = False) -> None:
    """Show the market of the last 24 hours, and now."""
    if not symbols:
        raise ConfigError("name a symbol, as in: planar ticker BTC/USDT")
    found = where.ask(lambda e: e.tickers(symbols))
    if json:
        say_json(found)
        return
    columns = ("symbol", "last", "bid", "ask", "change", "volume")
    rows = [
        (t.symbol, t.last, t.bid, t.ask, None if t.change is None else f"{t.change:+.2%}", whole(t.volume))
        for t in found.values()
    ]
    table(columns, rows, nothing="Nothing is known of them.")


def book(symbol: Symbol, /, *, depth: int = 10, where: Where = HERE, json: Json = False) -> None:
    """Show the order book.

    Parameters
    ----------
    depth
        Levels a side.
    """
    _check_count("--depth", depth)
    found = where.ask(lambda e: e.book(symbol, depth))
    if json:
        say_json(found)
        return
    rows = [("ask", level.price, level.amount) for level in reversed(found.asks)]
    rows += [("bid", level.price, level.amount) for level in found.bids]
    table(("side", "price", "amount"), rows, nothing=f"The book of {symbol} is empty.")
    if found.asks and found.bids:
        spread = found.asks[0].price - found.bids[0].price
        say(f"Spread {shown(spread)}, {spread / found.asks[0].price:.4%} of the price.")


def orders(
    symbol: Symbol = "",
    /,
    *,
    history: Flag = False,
    open: Flag = False,
    client_id: str | None = None,
    limit: int = 20,
    where: Where = HERE,
    json: Json = False,
) -> None:
    """Show open orders, with --history the last ones of a market, with --client-id one, whatever became of it.

    Parameters
    ----------
    symbol
        Of all markets when left out; --history needs one.
    history
        Orders that ended, too.
    open
        Only open ones, as without --history.
    client_id
        The order of that client id; it needs the symbol.
    limit
        The last so many.
    """
    if history and not symbol:
        raise ConfigError("--history needs a symbol, as in: planar orders BTC/USDT --history")
    if client_id is not None and not (symbol and client_id):
        raise ConfigError("--client-id needs an id and a symbol, as in: planar orders BTC/USDT --client-id ID")
    if history + open + (client_id is not None) > 1:
        raise ConfigError("--open, --history and --client-id exclude each other.")
    _check_count("--limit", limit)

    async def work(exchange: Exchange) -> list[Order]:
        if client_id is not None:
            return [await exchange.order("", symbol, client_id=client_id)]
        return await (exchange.orders(symbol, limit=limit) if history else exchange.open_orders(symbol or None))

    found = where.ask(work)
    nothing = f"No orders of {symbol} are known." if history else "There are no open orders."
    show_orders(found[-limit:], json, nothing)


def show_orders(found: list[Order], as_json: bool, nothing: str) -> None:
    """Orders as a table or a document."""
    if as_json:
        say_json(found)
        return
    columns = (
        "id", "symbol", "side", "kind", "status", "amount", "filled", "price", "stop", "average", "time", "client id",
    )  # fmt: skip
    rows = [
        (o.id, o.symbol, o.side, o.kind, o.status, o.amount, o.filled, o.price, o.stop, o.average, shown_time(o.time),
         o.client_id)
        for o in found
    ]  # fmt: skip
    table(columns, rows, nothing=nothing)


def fills(symbol: Symbol, /, *, limit: int = 20, where: Where = HERE, json: Json = False) -> None:
    """Show the last own executions in a market.

    Parameters
    ----------
    limit
        The last so many.
    """
    _check_count("--limit", limit)
    found = where.ask(lambda e: e.fills(symbol, limit=limit))
    if json:
        say_json(found)
        return
    columns = ("id", "order", "side", "price", "amount", "cost", "fee", "in", "liquidity", "time")
    rows = [
        (f.id, f.order_id, f.side, f.price, f.amount, f.cost, f.fee, f.fee_currency, f.liquidity, shown_time(f.time))
        for f in found
    ]
    table(columns, rows, nothing=f"There are no fills in {symbol}.")


def positions(*, where: Where = HERE, json: Json = False) -> None:
    """Show open positions in derivatives."""
    found = where.ask(lambda e: e.positions())
    if json:
        say_json(found)
        return
    columns = ("symbol", "side", "amount", "entry", "mark", "liquidation", "leverage", "margin", "pnl")
    rows = [
        (p.symbol, "long" if p.side > 0 else "short", p.amount, p.entry_price, p.mark_price, p.liquidation_price,
         p.leverage, p.margin_mode, p.unrealised_pnl)
        for p in found
    ]  # fmt: skip
    table(columns, rows, nothing="There are no open positions.")
