"""What exchanges do with linked orders: choices as values (docs/exchanges.md, "Linked orders")."""

from dataclasses import dataclass

from planar.errors import ConfigError
from planar.kernel.links import ARMED


@dataclass(frozen=True)
class ExitRules:
    """The exit rules of an exchange, in the words of docs/simulation.md, section 13.

    partial: "cancel" or "reduce": what becomes of the others of a group when one of it is filled in part.
    armed: "full", "end" or "part": when what waits for another order is armed: once that is filled, when it has ended
    filled in part, too, or with each of its fills.
    amend: "keep" or "replace": what becomes of an order whose amend the exchange refuses: it stays as it was, or it is
    gone, since it was cancelled to make place for another one (a stop that protects a position is put back).
    Raises ConfigError naming the field, its value and the remedy.
    """

    partial: str = "cancel"
    armed: str = "full"
    amend: str = "keep"

    def __post_init__(self) -> None:
        if self.partial not in ("cancel", "reduce"):
            raise ConfigError(f"ExitRules: partial={self.partial!r} must be 'cancel' or 'reduce'.")
        if self.amend not in ("keep", "replace"):
            raise ConfigError(f"ExitRules: amend={self.amend!r} must be 'keep' or 'replace'.")
        if self.armed not in ARMED:
            raise ConfigError(f"ExitRules: armed={self.armed!r} must be one of {', '.join(map(repr, ARMED))}.")


EXIT_RULES: dict[str, ExitRules] = {
    "binance": ExitRules(amend="replace"),
    "binance perpetuals": ExitRules(),
    "bybit": ExitRules(),
}
"""By exchange, and of its perpetuals where those differ. All others are taken for Binance, but that amends keep."""


def exit_rules(exchange: str, *, is_contract: bool = False) -> ExitRules:
    """Those of an exchange; what is not known of it is Binance's, and an amend that is refused changes nothing."""
    name = f"{exchange} perpetuals"
    return EXIT_RULES[name] if is_contract and name in EXIT_RULES else EXIT_RULES.get(exchange, ExitRules())
