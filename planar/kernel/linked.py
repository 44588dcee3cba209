"""Functions that are compiled once, when they are first reached, and called through a slot.

Numba puts what a function calls into its module, and compiles all of that anew for each caller. A call of a
``@linked`` function is a jump to the address in its slot, so its callers contain nothing of it. The slot is empty until
the first call: then the function is compiled, or found in the cache on disk, while the caller waits. So what nothing
comes to is never compiled, and a caller compiles in a moment, however much its calls do.

The slot has a symbol, by which code from the cache finds it in any process. What a function raises goes on through its
callers. A call costs some instructions, and cannot be inlined: right for what is done per order or less often.
"""

import ctypes
import functools
import threading
from _thread import interrupt_main
from collections.abc import Callable
from inspect import Parameter, Signature
from typing import Any

import llvmlite.binding
import numba
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.core.dispatcher import Dispatcher
from numba.core.registry import cpu_target
from numba.extending import intrinsic, typeof_impl

from planar.kernel.machine import address_of, call_convention, compiled
from planar.kernel.state import INSTRUMENT, STATE
from planar.model.order import LIVE

I, F, B, V = types.int64, types.float64, types.boolean, types.void
PAIR, TRIPLE = types.UniTuple(I, 2), types.UniTuple(I, 3)
STA, INS, ORD = (numba.from_dtype(dtype) for dtype in (STATE, INSTRUMENT, LIVE))
"""What signatures are made of; the last three are the arguments ``state``, ``ins`` and ``order``."""


class Linked:
    """A function behind a slot. Python may call it, too; numbers and flags only."""

    def __init__(self, function: Callable, signature: Any) -> None:
        functools.update_wrapper(self, function)
        self.signature = signature
        self.is_own = not isinstance(function, Dispatcher)
        self.code: Any = compiled(function) if self.is_own else function
        self.symbol = f"{function.__module__}.{getattr(function, '__name__', '')}"
        self.slot = ctypes.c_int64(0)
        self.call = _call_of(self)
        place = ctypes.addressof(self.slot)
        llvmlite.binding.add_symbol(self.symbol, place)
        LINKED[place] = self

    def make(self) -> int:
        """Fills the slot, which it gives."""
        with _one_at_a_time:
            if not self.slot.value:
                if self.is_own:
                    self.code.compile(self.signature)
                    self.code.disable_compile()  # what Python gives becomes what the signature says
                else:
                    self.code.compile(self.signature.args)  # as a call from Python would
                self.slot.value = address_of(self.code, self.signature)
        return self.slot.value

    def __call__(self, *arguments: float) -> Any:
        """What the function gives for these."""
        if not self.slot.value:
            self.make()
        return self.code(*arguments)


SOON = 0.05
"""Seconds after which Python is told of an interrupt that came while something was compiled."""

LINKED: dict[int, Linked] = {}
"""All of them, by the addresses of their slots."""

_one_at_a_time = threading.RLock()


def linked(signature: Any) -> Callable[[Callable], Linked]:
    """Decorates a function of the kernel, which may be compiled already."""
    return lambda function: Linked(function, signature)


def make_all() -> None:
    """Compiles, or loads, all that is not there yet: for who cannot wait later."""
    for function in list(LINKED.values()):
        function.make()


@typeof_impl.register(Linked)
def _as_call(function, context):
    """To compiled code it is its call."""
    return cpu_target.typing_context.resolve_value_type(function.call)


def _call_of(function: Linked):
    def call(typing, *arguments):
        def generate(context, builder, signature, arguments):
            kind = context.call_conv.get_function_type(signature.return_type, signature.args)
            target = builder.inttoptr(_address_in(context, builder, function.symbol), kind.as_pointer())
            return call_convention(context, builder, target, signature, arguments)

        return function.signature, generate

    names = ["typing", *(f"argument_{i}" for i in range(len(function.signature.args)))]
    setattr(call, "__signature__", Signature([Parameter(n, Parameter.POSITIONAL_ONLY) for n in names]))  # noqa: B010
    return intrinsic(call)


def _address_in(context, builder, symbol):
    """Writes the look into a slot; where it is empty, Python fills it."""
    number = ir.IntType(64)
    slot = builder.module.globals.get(symbol) or ir.GlobalVariable(builder.module, number, symbol)
    address = builder.load(slot)
    before = builder.block
    with cgutils.if_unlikely(builder, builder.icmp_signed("==", address, number(0))):
        make = cgutils.get_or_insert_function(builder.module, ir.FunctionType(number, [number]), MAKE)
        made, there = builder.call(make, [builder.ptrtoint(slot, number)]), builder.block
    reached = builder.phi(number)
    reached.add_incoming(address, before)
    reached.add_incoming(made, there)
    return reached


@ctypes.CFUNCTYPE(ctypes.c_int64, ctypes.c_int64)
def _make(place):
    """Fills the slot at a place; where it cannot, gives a function that raises why, whatever its arguments.

    An interrupt waits: compiled code cannot be left here.
    """
    is_interrupted = False
    while True:
        try:
            address = LINKED[place].make()
            break
        except KeyboardInterrupt:
            is_interrupted = True
        except BaseException as error:
            return address_of(_raising(f"the engine could not be compiled: {error}"), V())
    if is_interrupted:
        threading.Timer(SOON, interrupt_main).start()
    return address


def _raising(why: str) -> Dispatcher:
    """A compiled function that raises RuntimeError."""

    @numba.njit(V())
    def fail():
        raise RuntimeError(why)

    _failures.append(fail)
    return fail


_failures: list[Dispatcher] = []
"""They must live as long as they are called: for good."""

MAKE = "planar_make"
llvmlite.binding.add_symbol(MAKE, ctypes.cast(_make, ctypes.c_void_p).value)
