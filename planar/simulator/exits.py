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
    Raises ConfigError naming the field, its value and the remedy.
    """

    partial: str = "cancel"
    armed: str = "full"

    def __post_init__(self) -> None:
        if self.partial not in ("cancel", "reduce"):
            raise ConfigError(f"ExitRules: partial={self.partial!r} must be 'cancel' or 'reduce'.")
        if self.armed not in ARMED:
            raise ConfigError(f"ExitRules: armed={self.armed!r} must be one of {', '.join(map(repr, ARMED))}.")


EXIT_RULES: dict[str, ExitRules] = {"binance": ExitRules(), "bybit": ExitRules()}
"""By exchange; all others are taken for Binance."""


def exit_rules(exchange: str) -> ExitRules:
    """Those of an exchange, else Binance's."""
    return EXIT_RULES.get(exchange, EXIT_RULES["binance"])
