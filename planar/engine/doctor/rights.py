"""What a key may do: it shall read and trade, and nothing else, from this machine alone."""

from planar.engine.doctor.diagnosis import Diagnosis, Grade, failed
from planar.errors import ExchangeError
from planar.exchange.ccxt_exchange import CcxtExchange
from planar.exchange.interface import Exchange
from planar.exchange.model import Rights

PAGE = "on the exchange's page of API keys"


async def rights(exchange: Exchange) -> list[Diagnosis]:
    """One diagnosis each; a single one where the exchange does not say."""
    try:
        found = await exchange.rights()
    except ExchangeError as error:
        return [failed(exchange.name, "rights", error, Grade.WARNING)]
    if found is None:
        told = f"{exchange.name} does not tell what a key may do"
        remedy = f"Look {PAGE}: withdrawals must be off, the allow-list of addresses set."
        # There is nothing to withdraw in a test environment.
        return [Diagnosis(exchange.name, "rights", Grade.OK if exchange.sandbox else Grade.WARNING, told, remedy)]
    return judged(exchange.name, found, is_futures=isinstance(exchange, CcxtExchange) and exchange.settings.futures)


def judged(of: str, rights: Rights, *, is_futures: bool = False) -> list[Diagnosis]:
    """A right that the exchange does not speak of is not known. is_futures: it is futures that are to be traded."""
    markets = {"spot": rights.can_trade_spot, "futures": rights.can_trade_futures}
    trades = " and ".join(name for name, can in markets.items() if can)
    may_trade = markets["futures"] if is_futures else None if set(markets.values()) == {None} else bool(trades)
    return [
        _wanted(of, "trading", may_trade, f"the key may trade {trades}",
                f"the key may not trade{' futures' if is_futures else ''}",
                f"To place orders with it, allow trading {PAGE}."),
        _wanted(of, "withdrawals", _not(rights.can_withdraw), "the key may not withdraw",
                "the key may withdraw: who gets hold of it gets the money", f"Turn withdrawals off {PAGE}."),
        _wanted(of, "allow-list", rights.is_ip_bound, "the key is good from the addresses of its list only",
                "the key is good from any address", f"Set its list of allowed addresses {PAGE}, to this machine's."),
    ]  # fmt: skip


def _not(value: bool | None) -> bool | None:
    return None if value is None else not value


def _wanted(of: str, check: str, is_so: bool | None, good: str, bad: str, remedy: str) -> Diagnosis:
    if is_so:
        return Diagnosis(of, check, Grade.OK, good)
    found = bad if is_so is not None else "the exchange does not say"
    return Diagnosis(of, check, Grade.WARNING, found, remedy)
