"""What exchanges do with linked orders: choices as values (docs/exchanges.md, "Linked orders")."""

from dataclasses import dataclass

from planar.errors import ConfigError


@dataclass(frozen=True)
class ExitRules:
    """The exit rules of an exchange, in the words of docs/simulation.md, section 13.

    partial: "cancel" or "reduce": what becomes of the others of a group when one of it is filled in part.
    Raises ConfigError naming the field, its value and the remedy.
    """

    partial: str = "cancel"

    def __post_init__(self) -> None:
        if self.partial not in ("cancel", "reduce"):
            raise ConfigError(f"ExitRules: partial={self.partial!r} must be 'cancel' or 'reduce'.")


EXIT_RULES: dict[str, ExitRules] = {"binance": ExitRules(), "bybit": ExitRules()}
"""By exchange; all others are taken for Binance."""


def exit_rules(exchange: str) -> ExitRules:
    """Those of an exchange, else Binance's."""
    return EXIT_RULES.get(exchange, EXIT_RULES["binance"])
