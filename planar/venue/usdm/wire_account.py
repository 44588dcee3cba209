"""An account of contracts and its positions as Binance writes them."""

from typing import Any

from planar.kernel.margin import max_notional
from planar.venue.listing import Listing, text
from planar.venue.usdm.account import ContractAccount
from planar.venue.usdm.kernel_state import Position

Document = dict[str, Any]
ZERO = "0.00000000"


def balance(account: ContractAccount, asset: str) -> Document:
    """An entry of ``GET /fapi/v2/balance``."""
    told = _asset(account, asset)
    names = (
        "crossWalletBalance",
        "crossUnPnl",
        "availableBalance",
        "maxWithdrawAmount",
        "marginAvailable",
        "updateTime",
    )
    return {"accountAlias": "SgsR", "asset": asset, "balance": told["walletBalance"]} | {n: told[n] for n in names}


def positions(account: ContractAccount) -> list[Position]:
    """Those that are something, or have orders."""
    found = [account.position(listing) for listing in account.listings]
    return [one for one in found if one.units or one.orders]


def _asset(account: ContractAccount, asset: str) -> Document:
    """An entry of ``assets`` of ``GET /fapi/v2/account``."""
    listing = account.listings[0]
    if asset != listing.quote:
        free = account.balance(asset)[0]
        held = {"walletBalance": free, "marginBalance": free, "crossWalletBalance": free, "availableBalance": free,
                "maxWithdrawAmount": free}  # fmt: skip
        none = ("unrealizedProfit", "maintMargin", "initialMargin", "positionInitialMargin", "openOrderInitialMargin",
                "crossUnPnl")  # fmt: skip
        return {"asset": asset, **held, **dict.fromkeys(none, ZERO), "marginAvailable": False,
                "updateTime": account.updated}  # fmt: skip
    figures = _sums(account)
    return {
        "asset": asset,
        **{name: listing.money_text(units) for name, units in figures.items()},
        "marginAvailable": True,
        "updateTime": account.updated,
    }


def _sums(account: ContractAccount) -> dict[str, int]:
    """What an account has, in quote units."""
    wallet, free = account.kernel.wallet()
    found = positions(account)
    gain, asked, orders = (sum(getattr(one, name) for one in found) for name in ("gain", "asked", "orders"))
    kept, cross_gain = sum(one.kept for one in found), sum(one.gain for one in found if not one.is_isolated)
    return {
        "walletBalance": wallet,
        "unrealizedProfit": gain,
        "marginBalance": wallet + gain,
        "maintMargin": sum(one.needed for one in found),
        "initialMargin": asked + orders,
        "positionInitialMargin": asked,
        "openOrderInitialMargin": orders,
        "crossWalletBalance": wallet - kept,
        "crossUnPnl": cross_gain,
        "availableBalance": max(free, 0),
        "maxWithdrawAmount": max(min(free, free - cross_gain), 0),
    }


def account_v3(account: ContractAccount) -> Document:
    """Answer of ``GET /fapi/v3/account``."""
    return {
        **_totals(account),
        "assets": [_asset(account, asset) for asset in account.assets()],
        "positions": [_held(account, one) for one in positions(account)],
    }


def account_v2(account: ContractAccount) -> Document:
    """Answer of ``GET /fapi/v2/account``: all contracts, with how they are set."""
    return {
        **config(account),
        **_totals(account),
        "assets": [_asset(account, asset) for asset in account.assets()],
        "positions": [_held(account, account.position(i)) | _settings(account.position(i)) for i in account.listings],
    }


def _settings(position: Position) -> Document:
    return {"leverage": f"{position.leverage:g}", "isolated": position.is_isolated,
            "entryPrice": text(1, position.entry_price), "maxNotional": most(position),
            "bidNotional": "0", "askNotional": "0"}  # fmt: skip


def _totals(account: ContractAccount) -> Document:
    names = {
        "totalInitialMargin": "initialMargin",
        "totalMaintMargin": "maintMargin",
        "totalWalletBalance": "walletBalance",
        "totalUnrealizedProfit": "unrealizedProfit",
        "totalMarginBalance": "marginBalance",
        "totalPositionInitialMargin": "positionInitialMargin",
        "totalOpenOrderInitialMargin": "openOrderInitialMargin",
        "totalCrossWalletBalance": "crossWalletBalance",
        "totalCrossUnPnl": "crossUnPnl",
        "availableBalance": "availableBalance",
        "maxWithdrawAmount": "maxWithdrawAmount",
    }
    figures, listing = _sums(account), account.listings[0]
    return {total: listing.money_text(figures[name]) for total, name in names.items()}


def _held(account: ContractAccount, one: Position) -> Document:
    """An entry of ``positions``."""
    listing = one.listing
    return {
        "symbol": listing.id,
        "positionSide": "BOTH",
        "positionAmt": listing.amount_text(one.units),
        "unrealizedProfit": listing.money_text(one.gain),
        "isolatedMargin": listing.money_text(one.margin),
        "notional": listing.money_text(one.worth),
        "isolatedWallet": listing.money_text(one.kept),
        "initialMargin": listing.money_text(one.asked + one.orders),
        "positionInitialMargin": listing.money_text(one.asked),
        "openOrderInitialMargin": listing.money_text(one.orders),
        "maintMargin": listing.money_text(one.needed),
        "updateTime": account.moved[listing.index],
    }


def position_risk(account: ContractAccount, one: Position, *, is_v3: bool) -> Document:
    """An entry of ``GET /fapi/v3/positionRisk``, or of v2."""
    listing, held = one.listing, _held(account, one)
    told = {
        "symbol": listing.id,
        "positionSide": "BOTH",
        "positionAmt": held["positionAmt"],
        "entryPrice": text(1, one.entry_price),
        "breakEvenPrice": text(1, one.entry_price),
        "markPrice": f"{one.mark:.8f}",
        "unRealizedProfit": held["unrealizedProfit"],
        "liquidationPrice": f"{one.liquidation:.8f}",
        "isolatedMargin": held["isolatedMargin"],
        "notional": held["notional"],
        "isolatedWallet": held["isolatedWallet"],
        "updateTime": held["updateTime"],
    }
    if is_v3:
        names = ("initialMargin", "maintMargin", "positionInitialMargin", "openOrderInitialMargin")
        return told | {"marginAsset": listing.quote, "adl": 1, "bidNotional": "0", "askNotional": "0"} | {
            name: held[name] for name in names
        }  # fmt: skip
    mode = "isolated" if one.is_isolated else "cross"
    return told | {"leverage": f"{one.leverage:g}", "maxNotionalValue": most(one), "marginType": mode,
                   "isAutoAddMargin": "false"}  # fmt: skip


def most(one: Position) -> str:
    """The largest notional that a position's leverage allows."""
    notional = max_notional(one.listing.instrument.tiers, one.leverage)
    return f"{min(notional, 1e12):.0f}"


def config(account: ContractAccount) -> Document:
    """Answer of ``GET /fapi/v1/accountConfig``."""
    return {
        "feeTier": 0,
        **dict.fromkeys(("canTrade", "canDeposit"), True),
        "canWithdraw": False,
        "dualSidePosition": False,
        "updateTime": account.updated,
        "multiAssetsMargin": False,
        "tradeGroupId": -1,
    }


def symbol_config(one: Position) -> Document:
    """An entry of ``GET /fapi/v1/symbolConfig``."""
    return {
        "symbol": one.listing.id,
        "marginType": "ISOLATED" if one.is_isolated else "CROSSED",
        "isAutoAddMargin": False,
        "leverage": int(one.leverage),
        "maxNotionalValue": most(one),
    }


# Events


def account_event(account: ContractAccount, reason: str, listings: list[Listing], change: str, now: int) -> Document:
    """The event ``ACCOUNT_UPDATE``. change: of the wallet, by what is neither traded nor paid as fee."""
    figures, listing = _sums(account), account.listings[0]
    wallet = {"a": listing.quote, "wb": listing.money_text(figures["walletBalance"]),
              "cw": listing.money_text(figures["crossWalletBalance"]), "bc": change}  # fmt: skip
    held = [_position_change(account.position(one)) for one in listings]
    return {"e": "ACCOUNT_UPDATE", "E": now, "T": account.updated, "a": {"m": reason, "B": [wallet], "P": held}}


def margin_call(account: ContractAccount, called: list[Position], now: int) -> Document:
    """The event ``MARGIN_CALL``."""
    listing = account.listings[0]
    is_cross = any(not one.is_isolated for one in called)
    wallet = {"cw": listing.money_text(_sums(account)["crossWalletBalance"])} if is_cross else {}
    return {"e": "MARGIN_CALL", "E": now, **wallet, "p": [_called(one) for one in called]}


def _called(one: Position) -> Document:
    listing = one.listing
    return {
        "s": listing.id,
        "ps": "BOTH",
        "pa": listing.amount_text(one.units),
        "mt": "ISOLATED" if one.is_isolated else "CROSSED",
        "iw": listing.money_text(one.kept),
        "mp": f"{one.mark:.8f}",
        "up": listing.money_text(one.gain),
        "mm": listing.money_text(one.needed),
    }


def _position_change(one: Position) -> Document:
    listing = one.listing
    return {
        "s": listing.id,
        "pa": listing.amount_text(one.units),
        "ep": text(1, one.entry_price),
        "bep": text(1, one.entry_price),
        "cr": ZERO,
        "up": listing.money_text(one.gain),
        "mt": "isolated" if one.is_isolated else "cross",
        "iw": listing.money_text(one.kept),
        "ps": "BOTH",
    }
