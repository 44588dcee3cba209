"""Assumptions and a venue's rules, written into the kernel's records in ticks and units."""

from fractions import Fraction

import numpy as np

from planar.errors import ConfigError
from planar.kernel.contracts import hundredths
from planar.kernel.links import ARMED
from planar.kernel.numbers import RATE, up
from planar.kernel.state import PATHS
from planar.model.instrument import Instrument, exact
from planar.model.order import NEVER
from planar.simulator.exits import exit_rules
from planar.simulator.fill_model import FillModel


def set_cash_unit(state: np.void, unit: Fraction) -> None:
    """Tells the state what its cash is counted in."""
    state["quote_n"], state["quote_d"] = unit.numerator, unit.denominator


def set_model(state: np.void, model: FillModel) -> None:
    """Writes a fill model into the state, but for what is drawn."""
    state["path"] = PATHS[model.path]
    state["touch"] = model.limit_fill == "touch"
    state["budgeted"] = model.participation is not None
    state["participation"] = model.participation or 0.0
    state["spread"] = -1.0 if model.spread == "estimated" else model.spread or 0.0
    state["impact"] = 1.0 if model.impact == "square_root" else model.impact or 0.0
    state["stop_slippage"] = model.stop_slippage


def set_rules(record: np.void, instrument: Instrument, cash_unit: Fraction) -> None:
    """Writes the venue's rules for an instrument into its record."""
    base, price = exact(instrument.unit), exact(instrument.price_step)
    size = Fraction(1) if instrument.contract_size is None else exact(instrument.contract_size)
    cost = base * size / (price * cash_unit) if instrument.is_inverse else base * price / cash_unit
    record["base_n"], record["base_d"] = base.numerator, base.denominator
    record["price_n"], record["price_d"] = price.numerator, price.denominator
    record["tick"] = record["price_n"] / record["price_d"]
    record["cost_n"] = whole(cost.numerator, instrument.name)
    record["cost_d"] = whole(cost.denominator, instrument.name)
    record["sign"], record["size"] = -1 if instrument.is_inverse else 1, float(size)
    record["cost_scale"] = np.inf if instrument.is_inverse else float(cost.numerator)
    record["step"] = int(exact(instrument.amount_step) / base)
    record["min_amount"] = up(instrument.min_amount * base.denominator / base.numerator)
    record["min_cost"] = instrument.min_cost
    record["maker"], record["taker"] = round(instrument.maker * RATE), round(instrument.taker * RATE)
    record["dearest"] = max(record["maker"], record["taker"], 0)
    record["fee_base"] = instrument.fee_side == "base"
    record["delisted"] = NEVER if instrument.delisted is None else instrument.delisted
    record["max_orders"] = instrument.max_orders
    record["share"] = 1.0
    exits = exit_rules(instrument.exchange, is_contract=instrument.tiers is not None)
    record["reduces"], record["armed"] = exits.partial == "reduce", ARMED[exits.armed]
    record["replaces"] = exits.amend == "replace"
    record["next_funding"], record["level_booked"] = NEVER, -1
    if instrument.tiers is not None:
        record["is_contract"], record["is_isolated"] = True, instrument.margin_mode == "isolated"
        record["tiers"] = instrument.tiers.table.ctypes.data  # which the instrument keeps
        record["leverage"] = hundredths(float(instrument.leverage))
        record["liquidation_fee"] = round(instrument.liquidation_fee * RATE)


def whole(number: float | Fraction | int, name: str) -> int:
    """A number as int64, rounded down within a millionth. Raises ConfigError when it does not fit."""
    value = int(np.floor(float(number) + 1e-6)) if isinstance(number, float) else int(number)
    if abs(value) >= 2**62:
        raise ConfigError(f"{name}: {number!r} needs more than 64 bits; choose a coarser quote_unit or base_unit.")
    return value
