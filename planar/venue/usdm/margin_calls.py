"""`MarginCalls`: who is told that the margin of a position is nearly used up."""

from planar.kernel.margin import margin_ratio
from planar.venue.usdm import wire_account
from planar.venue.usdm.account import ContractAccount
from planar.venue.usdm.kernel_state import Position

NEAR = 0.8
"""Of the margin balance, what must be kept: from this part on it is told."""


class MarginCalls:
    """Tells each position once, and again only when it was safe in between."""

    def __init__(self) -> None:
        self._called: set[tuple[str, str]] = set()

    def due(self, account: ContractAccount) -> list[Position]:
        """Positions that are to be told now."""
        found = wire_account.positions(account)
        held = [one for one in found if one.units]
        near = [one for one in held if _ratio(account, one, held) >= NEAR]
        fresh = [one for one in near if (account.key, one.listing.id) not in self._called]
        others = {called for called in self._called if called[0] != account.key}
        self._called = others | {(account.key, one.listing.id) for one in near}
        return fresh


def _ratio(account: ContractAccount, one: Position, held: list[Position]) -> float:
    """The margin ratio of an isolated position, or of the account behind a cross one."""
    if one.is_isolated:
        return margin_ratio(one.margin, one.needed)
    cross = [each for each in held if not each.is_isolated]
    balance = account.kernel.wallet()[0] - sum(each.kept for each in held) + sum(each.gain for each in cross)
    return margin_ratio(balance, sum(each.needed for each in cross))
