"""What stands in a journal, in sentences: for the terminal, the log and ``planar journal``."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from planar.broker.limits import told as refusal_told
from planar.broker.terms import decimal, price_of, symbol_of
from planar.config.limits import told as limit_told
from planar.engine.session.origin import Origin
from planar.engine.session.recorder import read_asks
from planar.model.ask import Amend, Ask, Leverage, Margin, Place
from planar.model.instrument import Instrument, exact
from planar.model.order import TAKES, Forced, Kind, Reason, Side, Status, Tif
from planar.store.candles import utc


def sentences(origin: Origin, kind: str, body: Any) -> list[str]:
    """What an entry says; nothing where it is only of use to a replay."""
    if kind == "ordered" and not body["asks"]:
        return []
    if kind == "operator":
        return [DEEDS[body["what"]].format(**body, ends=_ends(body))]
    if kind in ("step", "begin", "ordered"):
        return [_asked(origin, ask) for ask in read_asks(body["asks"])]
    if kind == "told":
        return _told(origin, body)
    if kind == "adopted":
        return [_adopted(origin, body)]
    if kind == "shadow":
        return _shadowed(body) if body["differs"] else []
    if kind == "parity":
        return [_score(body)]
    if kind == "protection":
        return _protected(origin, body)
    if kind == "dead_man":
        return [DEAD_MAN[body["state"]].format(exchange=origin.exchange, **body)]
    if kind == "stood":
        return [STOOD[body["is_beyond"]].format(symbol=symbol_of(origin.instruments[body["k"]]), **body)]
    if kind == "state":
        return [f"{body['state']}: {body['why'] or 'all orders may be sent again.'}"]
    if kind == "edited":
        return [_edited(body)]
    if kind == "limits":
        return [_limits(origin, body)]
    if kind == "checked":
        return list(body["found"])
    if kind == "refused":
        return [_refused(origin, body)]
    if kind == "reconciled":
        return [DIFFERENCES[each["what"]].format(**each) for each in body["differences"]]
    return [OTHERS[kind].format(**body)] if kind in OTHERS else []


OTHERS = {
    "alarm": "{text}",
    "resumed": "The session goes on from its journal.",
    "stopped": "The session has stopped.",
    "foreign": "{symbol}: order {id} is not of this session, and is left alone.",
    "ghost": "{symbol}: order {order}, which was over in the books, is at the exchange as {id}: it is cancelled.",
    "unknown": "Order {order}: {error}",
}

DIFFERENCES = {
    "adopted": "{symbol}: order {order} was open before, and is.",
    "filled while away": "{symbol}: order {order} filled while the session was away.",
    "cancelled by others": "{symbol}: order {order} was cancelled, and not by this session.",
    "traded by others": "{symbol}: a {side} of {amount} at {price} is not of this session, and is left alone.",
    "came in": "{amount} {currency} came into the account from outside; the session does not count on them.",
    "went out": "{amount} {currency} went out of the account, and not by this session.",
}
"""What explains that an account has changed otherwise than by the session."""


def _edited(body: Mapping[str, Any]) -> str:
    return f"The code was edited ({body['changes']}): from here on it is {body['code']}, and was {body['was']}."


def _limits(origin: Origin, limits: Mapping[str, float]) -> str:
    told = [limit_told(name, value, origin.instruments[0].quote) for name, value in limits.items()]
    return f"Risk limits: {', '.join(told)}." if told else "No risk limits are set: see [risk] in user/planar.toml."


def _refused(origin: Origin, body: Mapping[str, Any]) -> str:
    instrument = origin.instruments[body["k"]]
    what = "keeps its terms" if body["is_amend"] else "is refused"
    why = refusal_told(body["limit"], body["value"], body["most"], instrument.quote)
    return f"{symbol_of(instrument)}: order {body['order']} {what} (RISK_LIMIT): {why}"


DEEDS = {
    "pause": "The operator paused the session: no new entries.",
    "resume": "The operator let the session go on.",
    "stop": "The operator stops the session.",
    "when_flat": "The operator stops the session once nothing is held: no new entries until then.",
    "lock": "The operator locked {symbol}: no new entries in it {ends}.",
    "unlock": "The operator unlocked {symbol}.",
}
"""What an operator did with a session, but for orders."""


DEAD_MAN = {
    "armed": "Dead-man's switch: should this program die, {exchange} cancels the account's orders after {seconds} s.",
    "spared": "Dead-man's switch: not set while a stop protects a position, since {exchange} would cancel that too.",
    "ended": "Dead-man's switch: ended, what rests at {exchange} stays.",
}

STOOD = {
    False: "{symbol}: stop order {order}, which was not at the exchange, is there now.",
    True: "{symbol}: stop order {order} was not at the exchange, and the market is beyond its trigger: it trades now.",
}
"""How what protects was brought to the exchange."""


def _protected(origin: Origin, body: Mapping[str, Any]) -> list[str]:
    """That a position is protected again, where there was an alarm."""
    if body["is_naked"] or not body["was_alarmed"]:
        return []
    symbol = symbol_of(origin.instruments[body["k"]])
    return [f"{symbol}: nothing is held without its protection any more; that lasted {body['lasted'] / 1000:,.1f} s."]


def _ends(deed: Mapping[str, Any]) -> str:
    return f"until {utc(deed['until'])}" if deed.get("until") else "until it is unlocked"


def _asked(origin: Origin, ask: Ask) -> str:
    instrument = origin.instruments[ask.k]
    symbol = symbol_of(instrument)
    if isinstance(ask, Place):
        size = f"{_amount(origin, ask.k, ask.units)} {instrument.base}"
        if not ask.units:
            size = f"{decimal(ask.budget, exact(instrument.quote_unit)):,.2f} {instrument.quote} worth"
        terms = [_plain(price_of(ask.limit, instrument)) if ask.limit else "market"]
        terms += _trigger(ask, instrument)
        terms += [Tif(ask.tif).name] if ask.tif else []
        terms += ["post-only"] if ask.post_only else []
        tag = f" ({ask.tag})" if ask.tag else ""
        return f"{symbol}: order {ask.id}: {Side(ask.side).name.lower()} {size} at {', '.join(terms)}{tag}"
    if isinstance(ask, Amend):
        price = ask.limit or ask.stop
        amount = _amount(origin, ask.k, ask.units)
        return f"{symbol}: order {ask.id} shall be for {amount} at {_plain(price_of(price, instrument))}"
    if isinstance(ask, Leverage):
        return f"{symbol}: its leverage shall be {ask.hundredths / 100:g}"
    if isinstance(ask, Margin):
        money = f"{_plain(decimal(abs(ask.units), exact(instrument.quote_unit)))} {instrument.quote}"
        return f"{symbol}: {money} shall {'go behind' if ask.units > 0 else 'come back from'} its position"
    return f"{symbol}: order {ask.id} shall be cancelled"


def _trigger(ask: Place, instrument: Instrument) -> list[str]:
    """What an order waits for."""
    if ask.kind == Kind.TRAIL:
        by = f"{Decimal(ask.trail).scaleb(-7).normalize():f} %"
        away = by if ask.trail > 0 else f"{_plain(price_of(-ask.trail, instrument))} {instrument.quote}"
        start = [f"from {_plain(price_of(ask.activation, instrument))} on"] if ask.activation else []
        return [f"trailing {away}", *start]
    name = "take" if ask.kind in TAKES else "stop"
    return [f"{name} {_plain(price_of(ask.stop, instrument))}"] if ask.stop else []


def _shadowed(body: Mapping[str, Any]) -> list[str]:
    """Where an order went otherwise than simulated."""
    actual, expected = _got(body["actual"]), _got(body["expected"])
    return [
        f"{body['symbol']}: order {body['order']} got {actual}, simulated {expected}: worth {body['difference']:+,.2f}"
    ]


def _got(outcome: Mapping[str, Any]) -> str:
    if not outcome["amount"]:
        return f"nothing ({outcome['reason'] or outcome['status']})"
    return f"{outcome['amount']:,.10g} at {outcome['price']:,.10g}"


def _score(body: Mapping[str, Any]) -> str:
    apart = "; that is further apart than [parity] allows" if body["is_apart"] else ""
    return f"{body['agreeing']} of {body['orders']} orders went as simulated, {body['bps']:+.1f} bp of turnover{apart}."


def _plain(number: Decimal) -> str:
    """A number without zeros that say nothing."""
    return f"{number.normalize():,f}"


def _amount(origin: Origin, k: int, units: int) -> str:
    return _plain(decimal(units, exact(origin.instruments[k].unit)))


def _told(origin: Origin, body: Mapping[str, Any]) -> list[str]:
    instrument, numbers = origin.instruments[body["k"]], body["numbers"]
    symbol, order, what = symbol_of(instrument), numbers[0], body["what"]
    if what == "adjusted":
        return [_adjusted(origin, body)]
    if what == "filled":
        amount, price = _amount(origin, body["k"], numbers[3]), Decimal(body["price"])
        is_told = body["fee"] is not None and body["fee_currency"]
        fee = f"{_plain(Decimal(body['fee']))} {body['fee_currency']}" if is_told else "not told"
        if is_told and body["fee_currency"] not in (instrument.base, instrument.quote):
            fee += ", which is not in the books"
        return [f"{symbol}: order {order} filled {amount} at {_plain(price)}, fee {fee}"]
    if what == "ended":
        status, reason = Status(numbers[2]), Reason(numbers[3])
        if status is Status.FILLED:
            return []
        why = f" ({reason.name})" if reason else ""
        detail = f": {body['error']}" if body.get("error") else ""
        return [f"{symbol}: order {order} {status.name.lower()}{why}{detail}"]
    if what == "amended":
        return [f"{symbol}: order {order} has its new terms"]
    if what == "not_amended":
        return [f"{symbol}: order {order} keeps its terms ({Reason(numbers[2]).name}): {body.get('error', '')}"]
    if what in ("funded", "forced", "leveraged", "margined"):
        return [f"{symbol}: {_of_contract(origin, body)}"]
    if what == "not_cancelled":
        return [f"{symbol}: order {order} was not cancelled: {body.get('error', '')}"]
    return []


def _of_contract(origin: Origin, body: Mapping[str, Any]) -> str:
    """What only perpetuals are told."""
    instrument, numbers, what = origin.instruments[body["k"]], body["numbers"], body["what"]
    why = f": {body['error']}" if body.get("error") else ""
    if what == "leveraged":
        return f"its leverage {'stays' if why else 'is'} {numbers[2] / 100:g}{why}"
    if what == "margined":
        if not why:
            return f"its margin follows the exchange: {body['why']}"
        return f"the margin behind its position stays as it was{why}"
    if what == "funded":
        money = _plain(decimal(abs(numbers[2]), exact(instrument.quote_unit)))
        if body.get("is_clearance"):
            return f"the liquidation cost {money} {instrument.quote} beside"
        return f"funding of {money} {instrument.quote} was {'paid' if numbers[2] > 0 else 'received'}"
    amount, fee = _amount(origin, body["k"], numbers[4]), _plain(decimal(numbers[6], exact(instrument.quote_unit)))
    at = _plain(Decimal(body["price"]))
    return FORCED[Forced(numbers[7])].format(f"{amount} {instrument.base} at {at}, fee {fee} {instrument.quote}")


FORCED = {
    Forced.LIQUIDATION: "the exchange liquidated the position: {}",
    Forced.DELEVERAGED: "the exchange closed a part of a position that had won, since those who lost could not pay "
    "(auto-deleveraging): {}",
    Forced.DELISTED: "the exchange closed the position, since the contract ends: {}",
}


def _adopted(origin: Origin, body: Mapping[str, Any]) -> str:
    instrument = origin.instruments[body["k"]]
    if "cost" in body:
        amount = _amount(origin, body["k"], body["base"])
        return f"Adopted: the position of {symbol_of(instrument)} is {amount}, as the account has it."
    cash, base = body["cash"], body["base"]
    currency = instrument.base if base else instrument.quote
    amount = _amount(origin, body["k"], abs(base)) if base else _plain(decimal(abs(cash), exact(instrument.quote_unit)))
    at = f", worth {abs(body['worth']):,.2f} {instrument.quote} at the last price" if base else ""
    if base + cash > 0:
        return f"Adopted: {amount} {currency} of the account are the session's from now on{at}."
    return f"Written off: {amount} {currency} that the account does not have are not the session's any more{at}."


def _adjusted(origin: Origin, body: Mapping[str, Any]) -> str:
    """Balances that were corrected, and why."""
    instrument, (cash, base) = origin.instruments[body["k"]], body["numbers"]
    parts = [f"{_plain(decimal(cash, exact(instrument.quote_unit)))} {instrument.quote}"] if cash else []
    parts += [f"{_amount(origin, body['k'], base)} {instrument.base}"] if base else []
    return f"{symbol_of(instrument)}: books corrected by {' and '.join(parts) or 'nothing'}: {body['why']}"
