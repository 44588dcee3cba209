"""What a strategy may read of its account, its orders and fills: one function each, for compiled and interpreted
code alike.

Every function takes the state's address and a number: of the instrument in `BROKER`, of the order in `ORDER_READS`,
of the fill in `FILL_READS`. Money in quote, amounts in base, shares as fractions.
"""

from planar.kernel.check import position_of
from planar.kernel.contracts import gain_of, wallet_of
from planar.kernel.ledger import free_cash
from planar.kernel.liquidation import level
from planar.kernel.machine import compiled
from planar.kernel.numbers import amount_of, money_of, price_of
from planar.kernel.state import CONTRACT, Fill, Instrument, Order, State
from planar.kernel.worth import equity_of
from planar.model.order import LIVE, NEVER, Side, Status

LIVE_BYTES = LIVE.itemsize


@compiled
def cash(address, k):
    state = State(address, 0)
    return money_of(state, wallet_of(state)) if state.contracts else state.money


@compiled
def free(address, k):
    state = State(address, 0)
    return money_of(state, max(free_cash(state), 0))


@compiled
def equity(address, k):
    return equity_of(State(address, 0))


@compiled
def position(address, k):
    state = State(address, 0)
    ins = Instrument(state.instruments, k)
    units = position_of(state, ins)
    return amount_of(ins, units if ins.base > 0 else -units)


@compiled
def balance(address, k):
    return Instrument(State(address, 0).instruments, k).amount


@compiled
def is_flat(address, k):
    state = State(address, 0)
    ins = Instrument(state.instruments, k)
    if ins.closable == 0:
        return True
    return ins.min_cost != 0.0 and position_of(state, ins) == 0


@compiled
def is_long(address, k):
    return Instrument(State(address, 0).instruments, k).base > 0 and not is_flat(address, k)


@compiled
def is_short(address, k):
    return Instrument(State(address, 0).instruments, k).base < 0 and not is_flat(address, k)


@compiled
def entry_price(address, k):
    state = State(address, 0)
    ins = Instrument(state.instruments, k)
    if ins.is_contract:
        if ins.base == 0:
            return float("nan")
        entry = money_of(state, abs(ins.entry))
        return entry / abs(ins.amount) if ins.sign > 0 else abs(ins.amount) * ins.size / entry
    if ins.entry_units == 0:
        return float("nan")
    return money_of(state, ins.entry_cost) / amount_of(ins, ins.entry_units)


@compiled
def last_entry_price(address, k):
    ins = Instrument(State(address, 0).instruments, k)
    return ins.last_entry_price if ins.last_entry_price > 0.0 else float("nan")


@compiled
def adds(address, k):
    return Instrument(State(address, 0).instruments, k).adds


@compiled
def held(address, k):
    state = State(address, 0)
    ins = Instrument(state.instruments, k)
    return ins.candle - ins.opened_row if ins.entry_units > 0 or ins.entry else 0


@compiled
def unrealised_pnl(address, k):
    state = State(address, 0)
    ins = Instrument(state.instruments, k)
    if ins.is_contract:
        return money_of(state, gain_of(state, ins)) if ins.base else 0.0
    if ins.entry_units == 0:
        return 0.0
    return amount_of(ins, ins.entry_units) * ins.last - money_of(state, ins.entry_cost)


@compiled
def realised_pnl(address, k):
    return Instrument(State(address, 0).instruments, k).realised


@compiled
def mark_price(address, k):
    ins = Instrument(State(address, 0).instruments, k)
    return ins.mark if ins.is_contract else ins.last


@compiled
def leverage(address, k):
    ins = Instrument(State(address, 0).instruments, k)
    return ins.leverage / 100 if ins.is_contract else 1.0


@compiled
def liquidation_price(address, k):
    """Of the last settled marks; nan where there is none."""
    state = State(address, 0)
    ins = Instrument(state.instruments, k)
    if not ins.is_contract or ins.base == 0:
        return float("nan")
    price = level(state, ins, NEVER)
    return price if 0.0 < price < float("inf") else float("nan")


@compiled
def maker_fee(address, k):
    return Instrument(State(address, 0).instruments, k).maker / 1e9


@compiled
def taker_fee(address, k):
    return Instrument(State(address, 0).instruments, k).taker / 1e9


@compiled
def price_step(address, k):
    ins = Instrument(State(address, 0).instruments, k)
    return ins.price_n / ins.price_d


@compiled
def amount_step(address, k):
    ins = Instrument(State(address, 0).instruments, k)
    return amount_of(ins, ins.step)


@compiled
def min_amount(address, k):
    ins = Instrument(State(address, 0).instruments, k)
    return amount_of(ins, ins.min_amount)


@compiled
def min_cost(address, k):
    return Instrument(State(address, 0).instruments, k).min_cost


@compiled
def now(address, k):
    return State(address, 0).now


@compiled
def open_orders(address, k):
    return Instrument(State(address, 0).instruments, k).active_n


@compiled
def _order(address, index):
    state = State(address, 0)
    order = Order(state.orders, index)
    if order.status > Status.PARTIAL:
        return order
    # An open order's own record begins as what is kept of it does.
    return Order(Instrument(state.instruments, order.instrument).live + order.slot * LIVE_BYTES, 0)


@compiled
def _order_instrument(address, index):
    state = State(address, 0)
    return Instrument(state.instruments, Order(state.orders, index).instrument)


@compiled
def order_id(address, index):
    return index + 1


@compiled
def order_status(address, index):
    return int(_order(address, index).status)


@compiled
def order_reason(address, index):
    return int(_order(address, index).reason)


@compiled
def order_side(address, index):
    return int(_order(address, index).side)


@compiled
def order_is_open(address, index):
    return _order(address, index).status <= Status.PARTIAL


@compiled
def order_requested(address, index):
    return _order(address, index).requested


@compiled
def order_amount(address, index):
    return amount_of(_order_instrument(address, index), _order(address, index).amount)


@compiled
def order_filled(address, index):
    return amount_of(_order_instrument(address, index), _order(address, index).filled)


@compiled
def order_price(address, index):
    order = _order(address, index)
    return price_of(_order_instrument(address, index), order.price) if order.price else float("nan")


@compiled
def order_stop(address, index):
    order = _order(address, index)
    return price_of(_order_instrument(address, index), order.stop) if order.stop else float("nan")


@compiled
def order_average(address, index):
    order = _order(address, index)
    if order.filled == 0:
        return float("nan")
    return money_of(State(address, 0), order.cost) / amount_of(_order_instrument(address, index), order.filled)


@compiled
def order_time(address, index):
    return _order(address, index).time


@compiled
def _fill(address, index):
    return Fill(State(address, 0).fills, index)


@compiled
def _fill_instrument(address, index):
    state = State(address, 0)
    return Instrument(state.instruments, Fill(state.fills, index).instrument)


@compiled
def fill_order(address, index):
    return _fill(address, index).order + 1


@compiled
def fill_time(address, index):
    return _fill(address, index).time


@compiled
def fill_side(address, index):
    return int(_fill(address, index).side)


@compiled
def fill_is_buy(address, index):
    return _fill(address, index).side == Side.BUY


@compiled
def fill_is_maker(address, index):
    return _fill(address, index).maker != 0


@compiled
def fill_price(address, index):
    return price_of(_fill_instrument(address, index), _fill(address, index).ticks)


@compiled
def fill_amount(address, index):
    return amount_of(_fill_instrument(address, index), _fill(address, index).amount)


@compiled
def fill_cost(address, index):
    return money_of(State(address, 0), _fill(address, index).cost)


@compiled
def fill_fee(address, index):
    fill = _fill(address, index)
    if fill.fee_in_base:
        return amount_of(_fill_instrument(address, index), fill.fee)
    return money_of(State(address, 0), fill.fee)


BROKER = {
    "cash": cash,
    "free_cash": free,
    "equity": equity,
    "position": position,
    "balance": balance,
    "is_flat": is_flat,
    "is_long": is_long,
    "is_short": is_short,
    "entry_price": entry_price,
    "last_entry_price": last_entry_price,
    "adds": adds,
    "held": held,
    "unrealised_pnl": unrealised_pnl,
    "realised_pnl": realised_pnl,
    "mark_price": mark_price,
    "liquidation_price": liquidation_price,
    "leverage": leverage,
    "maker_fee": maker_fee,
    "taker_fee": taker_fee,
    "open_orders": open_orders,
    "price_step": price_step,
    "amount_step": amount_step,
    "min_amount": min_amount,
    "min_cost": min_cost,
    "now": now,
}

# In hedge mode, where a broker is of a contract or of one of its twins. Runs without any do not pay for asking.


@compiled
def _first_of(address, k):
    """The long twin of a contract, of all else the instrument itself."""
    ins = Instrument(State(address, 0).instruments, k)
    return ins.twin if ins.hedge == CONTRACT else k


@compiled
def _last_of(address, k):
    """The short twin of a contract, of all else the instrument itself."""
    ins = Instrument(State(address, 0).instruments, k)
    return ins.twin + 1 if ins.hedge == CONTRACT else k


@compiled
def hedged_position(address, k):
    total = 0.0
    for each in range(_first_of(address, k), _last_of(address, k) + 1):
        total += position(address, each)
    return total


@compiled
def hedged_balance(address, k):
    total = 0.0
    for each in range(_first_of(address, k), _last_of(address, k) + 1):
        total += balance(address, each)
    return total


@compiled
def hedged_unrealised_pnl(address, k):
    total = 0.0
    for each in range(_first_of(address, k), _last_of(address, k) + 1):
        total += unrealised_pnl(address, each)
    return total


@compiled
def hedged_realised_pnl(address, k):
    total = 0.0
    for each in range(_first_of(address, k), _last_of(address, k) + 1):
        total += realised_pnl(address, each)
    return total


@compiled
def hedged_open_orders(address, k):
    total = 0
    for each in range(_first_of(address, k), _last_of(address, k) + 1):
        total += open_orders(address, each)
    return total


@compiled
def hedged_is_flat(address, k):
    return is_flat(address, _first_of(address, k)) and is_flat(address, _last_of(address, k))


@compiled
def hedged_is_long(address, k):
    return is_long(address, _first_of(address, k))


@compiled
def hedged_is_short(address, k):
    return is_short(address, _last_of(address, k))


@compiled
def hedged_held(address, k):
    state = State(address, 0)
    ins = Instrument(state.instruments, k)
    if ins.hedge == 0 or ins.hedge == CONTRACT:
        return held(address, k)
    return Instrument(state.instruments, ins.owner).candle - ins.opened_row if ins.entry else 0


@compiled
def twin_of(address, k, side):
    """The index of a twin of a contract in hedge mode, 1 the long one. Raises ValueError in one-way mode."""
    ins = Instrument(State(address, 0).instruments, k)
    if ins.hedge != CONTRACT:
        raise ValueError("broker.long and broker.short are of an instrument in position_mode='hedge'")
    return ins.twin if side == Side.BUY else ins.twin + 1


HEDGED = {
    **BROKER,
    "position": hedged_position,
    "balance": hedged_balance,
    "unrealised_pnl": hedged_unrealised_pnl,
    "realised_pnl": hedged_realised_pnl,
    "open_orders": hedged_open_orders,
    "is_flat": hedged_is_flat,
    "is_long": hedged_is_long,
    "is_short": hedged_is_short,
    "held": hedged_held,
}

ORDER_READS = {
    "id": order_id,
    "status": order_status,
    "reason": order_reason,
    "side": order_side,
    "is_open": order_is_open,
    "requested": order_requested,
    "amount": order_amount,
    "filled": order_filled,
    "price": order_price,
    "stop": order_stop,
    "average_price": order_average,
    "time": order_time,
}

FILL_READS = {
    "order_id": fill_order,
    "time": fill_time,
    "side": fill_side,
    "is_buy": fill_is_buy,
    "is_maker": fill_is_maker,
    "price": fill_price,
    "amount": fill_amount,
    "cost": fill_cost,
    "fee": fill_fee,
}
