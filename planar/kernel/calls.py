"""The kernel's calls under symbols: compiled strategies reach them by name and contain nothing of them.

So a strategy compiles in a moment, however much a call does. What a call raises goes on through the strategy.
"""

from inspect import Parameter, Signature

import llvmlite.binding
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from planar.kernel import check, contracts, ledger, members
from planar.kernel.machine import address_of, call_convention

I, F = types.int64, types.float64


def _linked(function, signature):
    """A call of a kernel function by symbol, for compiled code elsewhere."""
    symbol = f"planar_{function.__name__}"
    function.compile(signature)
    llvmlite.binding.add_symbol(symbol, address_of(function, signature))

    def call(typing, *arguments):
        def generate(context, builder, signature, arguments):
            kind = context.call_conv.get_function_type(signature.return_type, signature.args)
            target = cgutils.get_or_insert_function(builder.module, kind, symbol)
            return call_convention(context, builder, target, signature, arguments)

        return signature, generate

    names = ["typing", *(f"argument_{i}" for i in range(len(signature.args)))]
    setattr(call, "__signature__", Signature([Parameter(n, Parameter.POSITIONAL_ONLY) for n in names]))  # noqa: B010
    return intrinsic(call)


submit = _linked(check.submit, I(I, I, I, I, F, F, I, F, F, F, F, I, I, I, I, I, I, I))
submit_plain = _linked(check.submit_plain, I(I, I, I, F, F, I))
cancel = _linked(check.cancel, I(I, I, I))
cancel_all = _linked(check.cancel_all, I(I, I))
amend = _linked(check.amend, I(I, I, I, F, F, F))
close = _linked(check.close, I(I, I, F, I))
target = _linked(check.target, I(I, I, F, I))
set_leverage = _linked(contracts.set_leverage, I(I, I, F))
add_margin = _linked(contracts.add_margin, I(I, I, F))
quote = _linked(check.quote, I(I, I, I, I, I, F, F, I, I))
arrive = _linked(members.arrive, I(I, I, I))
note = _linked(ledger.note, I(I, I, I, I, I, F, F, F, F))
