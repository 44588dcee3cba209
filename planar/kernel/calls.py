"""The kernel's calls under C symbols: compiled strategies reach them by name and contain nothing of them.

So a strategy compiles in a moment, however much a call does. A C function cannot raise: what would is answered with
``FAILED``, and `checked_call` raises it on the strategy's side.
"""

import llvmlite.binding
import numba
from numba import types

from planar.kernel import check, ledger
from planar.kernel.machine import compiled

I, F = types.int64, types.float64
FAILED = -(2**40)

SIGNATURES = {
    "submit": I(I, I, I, I, F, F, F, F, I, I, I, I),
    "cancel": I(I, I, I),
    "cancel_all": I(I, I),
    "amend": I(I, I, I, F, F, F),
    "close": I(I, I, F, I),
    "target": I(I, I, F, I),
    "quote": I(I, I, I, I, I, F, F, I, I),
    "note": I(I, I, I, I, I, F, F, F, F),
}


@numba.cfunc(SIGNATURES["submit"], cache=True)
def _submit(address, k, side, sizing, size, price, stop, risk_stop, tif, expire, post_only, tag):
    try:
        return check.submit(address, k, side, sizing, size, price, stop, risk_stop, tif, expire, post_only, tag)
    except Exception:
        return FAILED


@numba.cfunc(SIGNATURES["cancel"], cache=True)
def _cancel(address, k, id):
    return check.cancel(address, k, id)


@numba.cfunc(SIGNATURES["cancel_all"], cache=True)
def _cancel_all(address, k):
    return check.cancel_all(address, k)


@numba.cfunc(SIGNATURES["amend"], cache=True)
def _amend(address, k, id, price, stop, amount):
    try:
        return check.amend(address, k, id, price, stop, amount)
    except Exception:
        return FAILED


@numba.cfunc(SIGNATURES["close"], cache=True)
def _close(address, k, fraction, tag):
    try:
        return check.close(address, k, fraction, tag)
    except Exception:
        return FAILED


@numba.cfunc(SIGNATURES["target"], cache=True)
def _target(address, k, weight, tag):
    try:
        return check.target(address, k, weight, tag)
    except Exception:
        return FAILED


@numba.cfunc(SIGNATURES["quote"], cache=True)
def _quote(address, k, slot, side, sizing, size, price, post_only, tag):
    try:
        return check.quote(address, k, slot, side, sizing, size, price, post_only, tag)
    except Exception:
        return FAILED


@numba.cfunc(SIGNATURES["note"], cache=True)
def _note(address, k, kind, text, count, a, b, c, d):
    try:
        ledger.note(address, k, kind, text, count, a, b, c, d)
    except Exception:
        return FAILED
    return 0


for _function in (_submit, _cancel, _cancel_all, _amend, _close, _target, _quote, _note):
    llvmlite.binding.add_symbol(f"planar{_function.__name__}", _function.address)

submit, cancel, cancel_all, amend, close, target, quote, note = (
    types.ExternalFunction(f"planar_{name}", signature) for name, signature in SIGNATURES.items()
)


@compiled
def checked_call(answer):
    """The answer of a call; raises what the call could not."""
    if answer == FAILED:
        raise OverflowError(
            "the order could not be booked: a number too large, or more orders in one decision than the log holds"
        )
    return answer
