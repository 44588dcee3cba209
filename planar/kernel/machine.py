"""The numba machinery, all of it.

Kernel functions are compiled by ``@compiled``: cached on disk, without the GIL, division by zero giving IEEE results.
The engine's state is a handful of numpy records; kernel functions take their **addresses** (plain ``int64``, cheap to
pass from Python) and look at them through ``at``: ``Order = at(ORDER)`` makes ``Order(address, index)`` give the
record of that index as a typed reference, without reference counts. Whoever holds an address must keep its array
alive; that is `planar.kernel.state.Memory` and nobody else.

The disk cache of numba watches only the file of the function it caches, not the helpers that function calls. So the
cache folder is named after a hash of every kernel source and of the versions: an edit anywhere makes a new folder.
"""

import functools
import hashlib
import os
import platform
import shutil
from pathlib import Path
from types import FunctionType
from typing import Any

import llvmlite.binding
import numba
import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.core.registry import CPUDispatcher
from numba.extending import intrinsic

SOURCES = ("kernel", "model", "strategy")
KEPT_FOLDERS = 4


def cache_root() -> Path:
    """Where compiled code is kept: ``$XDG_CACHE_HOME/planar`` or ``~/.cache/planar``."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "planar"


def fingerprint(package: Path = Path(__file__).parent.parent) -> str:
    """A hash of every source that numba may inline, and of the versions and the processor it compiles for."""
    digest = hashlib.sha256()
    for folder in SOURCES:
        for source in sorted((package / folder).glob("*.py")):
            digest.update(source.name.encode())
            digest.update(source.read_bytes())
    versions = (numba.__version__, llvmlite.__version__, np.__version__, platform.python_version(), platform.machine())
    digest.update(repr(versions).encode())
    return digest.hexdigest()[:16]


def set_cache_folder(folder: Path) -> None:
    """Where numba keeps what it compiles from now on."""
    setattr(numba.config, "CACHE_DIR", str(folder))  # noqa: B010 - a name that the stubs lack


def use_cache() -> Path:
    """Points numba at this fingerprint's folder and removes those of all but the newest few others."""
    folder = cache_root() / fingerprint()
    folder.mkdir(parents=True, exist_ok=True)
    os.utime(folder)
    set_cache_folder(folder)
    kernels = folder.parent.glob("[0-9a-f]" * 16)  # others keep there what is theirs
    others = sorted(kernels, key=lambda f: f.stat().st_mtime, reverse=True)
    for stale in others[KEPT_FOLDERS:]:
        shutil.rmtree(stale, ignore_errors=True)
    return folder


CACHE = use_cache()


def is_cold() -> bool:
    """Whether the engine is still to be compiled, which takes over half a minute."""
    return not any(CACHE.glob("*/loop.run-*.nbi"))


def is_prepared(*, is_demo: bool) -> bool:
    """Whether all is compiled that a session needs, or one of the demo."""
    return _mark(is_demo).exists() or _mark(False).exists()


def note_prepared(*, is_demo: bool) -> None:
    """It is, from now on."""
    _mark(is_demo).touch()


def _mark(is_demo: bool) -> Path:
    return CACHE / f"{'demo' if is_demo else 'whole'}-{written()}.prepared"


def written(package: Path = Path(__file__).parent.parent) -> str:
    """A hash of where the sources are, and of when they were written: numba finds by these what it has compiled."""
    sources = (each for folder in SOURCES for each in sorted((package / folder).glob("*.py")))
    told = repr([(str(each.resolve()), each.stat().st_mtime_ns) for each in sources])
    return hashlib.sha256(told.encode()).hexdigest()[:16]


# The kernel is many small functions: inlining more than LLVM does by itself makes orders a twentieth faster.
llvmlite.binding.set_option("", "-inline-threshold=500")

HOOK = types.int64(types.int64, types.int64, types.int64, types.int64)
"""A compiled hook: (state address, instrument address, columns address or item, row) -> 0."""

OPTIONS = {"nopython": True, "nogil": True, "error_model": "numpy", "forceinline": False, "no_cfunc_wrapper": True}


class Compiled(CPUDispatcher):
    """A function that is compiled once for all integers and constants that callers give: numba would compile it anew
    for each constant, each member of an enumeration and each field of a record that is narrower.
    """

    def get_call_template(self, args, kws):
        """What a call with arguments of these types comes to."""
        return super().get_call_template([_plain(each) for each in args], kws)


class Inner(Compiled):
    """One that compiled code calls and nobody else: a way in from Python would cost as much time as its body."""

    def __call__(self, *_args: object, **_kwargs: object) -> None:
        """Raises TypeError."""
        raise TypeError(f"{self} is called by compiled code only, as the underscore says.")


def _plain(kind: types.Type) -> types.Type:
    kind = types.unliteral(kind)
    is_narrow = isinstance(kind, types.Integer) and kind.signed
    return types.int64 if is_narrow or isinstance(kind, types.IntEnumMember) else kind


def compiled(what: Any) -> Any:
    """Decorates a function of the kernel; given a signature first, compiles it at once, and for nothing else."""
    return _made(what) if isinstance(what, FunctionType) else functools.partial(_made, signature=what)


def _made(function: FunctionType, signature: Any = None) -> Compiled:
    is_inner = function.__name__.startswith("_")
    made = (Inner if is_inner else Compiled)(function, targetoptions={**OPTIONS, "no_cpython_wrapper": is_inner})
    made.enable_caching()
    if signature is not None:
        made.compile(signature)
        made.disable_compile()
    return made


inlined: Any = functools.partial(numba.jit, inline="always", cache=True, **OPTIONS)
"""For what has few callers that are in a hurry: numba copies it into them, which spares a call its 30 instructions."""


@intrinsic
def apart(typing):
    """Keeps the function it stands in from being copied into its callers: what is rare costs only where it happens.

    Numba clears a place on the stack for each call that a function could make, whenever it is entered.
    """

    def generate(context, builder, signature, arguments):
        builder.function.attributes.add("noinline")
        return context.get_dummy_value()

    return types.void(), generate


def at(dtype: np.dtype):
    """A compiled ``view(address, index)``: the record of that index in an array of ``dtype`` that starts at
    ``address``."""
    record = numba.from_dtype(dtype)

    @intrinsic
    def view(typing, address, index):
        def generate(context, builder, signature, arguments):
            offset = builder.mul(arguments[1], ir.Constant(ir.IntType(64), dtype.itemsize))
            return builder.inttoptr(builder.add(arguments[0], offset), context.get_value_type(record))

        return record(types.int64, types.int64), generate

    return view


def _place(builder, kind, address, index):
    """A pointer to a slot, in the form that LLVM sees through when it vectorises loops."""
    return builder.gep(builder.inttoptr(address, kind.as_pointer()), [index])


def _slot(number: types.Type, kind: ir.Type):
    @intrinsic
    def load(typing, address, index):
        def generate(context, builder, signature, arguments):
            return builder.load(_place(builder, kind, *arguments))

        return number(types.int64, types.int64), generate

    @intrinsic
    def store(typing, address, index, value):
        def generate(context, builder, signature, arguments):
            builder.store(arguments[2], _place(builder, kind, *arguments[:2]))
            return context.get_dummy_value()

        return types.void(types.int64, types.int64, number), generate

    return load, store


get_float, set_float = _slot(types.float64, ir.DoubleType())
get_int, set_int = _slot(types.int64, ir.IntType(64))


@intrinsic
def call(typing, function, state, ins, table, row):
    """Calls the hook at an address; what it raises goes on. Hooks are of ``HOOK`` and live as long as their owner."""

    def generate(context, builder, signature, arguments):
        kind = context.call_conv.get_function_type(HOOK.return_type, HOOK.args)
        target = builder.inttoptr(arguments[0], kind.as_pointer())
        return call_convention(context, builder, target, HOOK, arguments[1:])

    return types.int64(types.int64, *HOOK.args), generate


def call_convention(context, builder, target, signature, arguments):
    """Writes the call of a compiled function; what it raises goes on.

    The callee writes its exception where the caller's own goes, and its result over what is left on the stack. Numba
    clears a place for both, for each call that a function could make, whenever it is entered.
    """
    convention = context.call_conv
    packed = convention._get_arg_packer(signature.args).as_arguments(builder, arguments)
    raised = convention._get_excinfo_argument(builder.function)
    with builder.goto_entry_block():
        result = builder.alloca(target.function_type.args[0].pointee)
    code = builder.call(target, [result, raised, *packed])
    status = convention._get_return_status(builder, code, builder.load(raised))
    with cgutils.if_unlikely(builder, status.is_error):
        convention.return_status_propagate(builder, status)
    return context.get_returned_value(builder, signature.return_type, builder.load(result))


def address_of(function, signature=HOOK) -> int:
    """Where the compiled code of a function stands. Someone must keep the function."""
    made = function.overloads[signature.args]
    return made.library.get_pointer_to_function(made.fndesc.llvm_func_name)


@intrinsic
def prefetch(typing, address, index):
    """Asks for the cache line of a slot that will be read soon; never fails, whatever the address."""

    def generate(context, builder, signature, arguments):
        place = builder.add(arguments[0], builder.shl(arguments[1], ir.Constant(ir.IntType(64), 3)))
        number = ir.IntType(32)
        kind = ir.FunctionType(ir.VoidType(), [cgutils.voidptr_t, number, number, number])
        ask = cgutils.get_or_insert_function(builder.module, kind, "llvm.prefetch.p0")
        to_read, to_keep, data = (ir.Constant(number, n) for n in (0, 3, 1))
        builder.call(ask, [builder.inttoptr(place, cgutils.voidptr_t), to_read, to_keep, data])
        return context.get_dummy_value()

    return types.void(types.int64, types.int64), generate


@intrinsic
def copy_bytes(typing, target, source, count):
    """Copies ``count`` bytes from one address to another."""

    def generate(context, builder, signature, arguments):
        pointers = [builder.inttoptr(a, cgutils.voidptr_t) for a in arguments[:2]]
        cgutils.raw_memcpy(builder, pointers[0], pointers[1], arguments[2], 1)
        return context.get_dummy_value()

    return types.void(types.int64, types.int64, types.int64), generate
