"""Numba, asked to compile the text of a kernel (see `loops`): addresses in, machine code out."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache, lru_cache
from importlib import import_module
from typing import Any, NamedTuple

import numpy as np

from .float32 import make
from .scalars import CALLED

MISSING = (
    'compile(backend="numba") needs numba, which is not installed: pip install "autodiff-nn[jit]", or leave '
    'out backend="numba"'
)

KINDS = "float64 float32 int64 int32 int16 int8 uint64 uint32 uint16 uint8".split()


def require_numba() -> None:
    """Raises ImportError, with what to do, where numba is not installed."""
    try:
        import numba  # noqa: F401
    except ImportError as error:
        raise ImportError(MISSING) from error


class Kernel(NamedTuple):
    """Machine code: `run(address of the table, steps)` gives how many steps were done; `code` owns it."""

    run: Callable[[int, int], int]
    code: Any


@lru_cache(maxsize=64)
def compiled(text: str) -> Kernel:
    """The machine code of the text of a kernel.

    The same text is compiled once. Calling the entry point itself leaves out numba's choice among signatures,
    which takes longer than a step of a small network.
    """
    import numba

    njit: Any = numba.njit
    types = numba.types

    scope = dict(words())
    exec(compile(text, "<kernel>", "exec"), scope)
    signature = types.int64(types.int64, types.int64)
    # error_model: 1 / 0 is inf, as in NumPy; no fastmath: only sums may be taken in another order
    dispatcher = njit(signature, error_model="numpy")(scope["kernel"])
    (found,) = dispatcher.overloads.values()
    return Kernel(found.entry_point, dispatcher)


@cache
def words() -> dict[str, Any]:
    """What the text of a kernel may call."""
    import numba
    from numba.extending import intrinsic

    library: Any = numba
    types = library.types
    ir: Any = import_module("llvmlite.ir")

    def pointer_at(kind: Any) -> Any:
        """A pointer to numbers of this kind, at an address."""

        @intrinsic
        def at(context: Any, address: Any) -> Any:
            def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
                return builder.inttoptr(args[0], context.get_value_type(signature.return_type))

            return types.CPointer(kind)(types.int64), code

        return at

    def pointer_of(kind: Any) -> Any:
        """The same memory as numbers of another kind."""

        @intrinsic
        def of(context: Any, pointer: Any) -> Any:
            def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
                return builder.bitcast(args[0], context.get_value_type(signature.return_type))

            return types.CPointer(kind)(pointer), code

        return of

    def on_stack(kind: Any) -> Any:
        """Memory for so many numbers of this kind, until the kernel returns."""

        @intrinsic(prefer_literal=True)
        def stack(context: Any, n: Any) -> Any:
            size = n.literal_value

            def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
                with builder.goto_entry_block():
                    memory = builder.alloca(context.get_value_type(kind), size)
                memory.align = 64
                return memory

            return types.CPointer(kind)(n), code

        return stack

    ANY_ORDER = ("reassoc", "contract")  # as NumPy and BLAS add up in an order of their own

    @intrinsic
    def add_up(context: Any, total: Any, x: Any) -> Any:
        def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            return builder.fadd(*args, flags=ANY_ORDER)

        return total(total, total), code

    @intrinsic
    def multiply_add(context: Any, total: Any, x: Any, y: Any) -> Any:
        def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            return builder.fadd(args[0], builder.fmul(args[1], args[2], flags=ANY_ORDER), flags=ANY_ORDER)

        return total(total, total, total), code

    @intrinsic
    def bits_of(context: Any, x: Any) -> Any:
        def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            return builder.bitcast(args[0], context.get_value_type(types.int32))

        return types.int32(types.float32), code

    @intrinsic
    def number_of(context: Any, bits: Any) -> Any:
        def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            return builder.bitcast(args[0], context.get_value_type(types.float32))

        return types.float32(types.int32), code

    @intrinsic
    def hidden(context: Any, n: Any) -> Any:
        """The same number, which the optimizer does not see: it takes minutes to unroll some short loops."""

        def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            kind = args[0].type
            return builder.asm(ir.FunctionType(kind, [kind]), "", "=r,0", args, False)

        return types.int64(types.int64), code

    found: dict[str, Any] = {
        "hidden": hidden,
        "add_up": add_up,
        "multiply_add": multiply_add,
        "carray": library.carray,
        "dot": np.dot,
    }
    for name in KINDS:
        kind = getattr(types, name)
        found |= {
            f"{name}_at": pointer_at(kind),
            f"{name}_of": pointer_of(kind),
            f"{name}_stack": on_stack(kind),
        }
    return found | plain_words() | make(library.njit(error_model="numpy"), bits_of, number_of)


def plain_words() -> dict[str, Any]:
    """Those words that are NumPy's and Python's own."""
    return {
        **{name: getattr(np, name) for name in KINDS},
        **{function.__name__: function for function in CALLED},
        "inf": math.inf,
        "nan": math.nan,
    }
