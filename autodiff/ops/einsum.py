"""Sums of products by subscripts: `einsum`, and `tensordot`, which is one.

Every einsum comes down to one primitive, the contraction of two tensors, whose rules are contractions again:
z[out] = Σ x[left] y[right] has x̄[left] = Σ z̄[out] ȳ[right]. Before it, repeated subscripts of a tensor
become its diagonal, and those that only one tensor has are summed; so the primitive is a matrix product.
"""

# mypy: disable-error-code="no-any-return"
# (a primitive may be called on arrays and Symbols too)

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from ..dtypes import Array
from ..errors import located
from ..primitive import Primitive
from ..tensor import Tensor
from .arguments import integers, refuse_plain
from .diagonals import diagonal
from .dims import many_dims
from .products import refuse_dtypes
from .reductions import sum
from .reordering import permute
from .shapes import regroup

__all__ = ["einsum", "tensordot"]

LETTERS = "".join(
    map(chr, (*range(ord("a"), ord("z") + 1), *range(ord("A"), ord("Z") + 1)))
)  # the subscripts


# what the table is made of ----------------------------------------------------------------------------------


class Plan(NamedTuple):
    """A contraction as a product of matrices: which dimensions become the batch, the rows and the columns."""

    left: tuple[int, ...]  # the order of the dimensions of x: batch, rows, summed
    right: tuple[int, ...]  # and of y: batch, summed, columns
    batch: int  # how many dimensions of each kind there are
    rows: int
    summed: int
    out: tuple[int, ...]  # the order of batch, rows and columns that the output asks for


@lru_cache(maxsize=256)
def plan(left: str, right: str, out: str) -> Plan:
    """How to contract these subscripts."""
    shared = [s for s in left if s in right]
    batch, summed = [s for s in shared if s in out], [s for s in shared if s not in out]
    rows, columns = [s for s in left if s not in right], [s for s in right if s not in left]
    found = batch + rows + columns
    return Plan(
        tuple(left.index(s) for s in batch + rows + summed),
        tuple(right.index(s) for s in batch + summed + columns),
        len(batch),
        len(rows),
        len(summed),
        tuple(found.index(s) for s in out),
    )


def contracted(x: Array, y: Array, left: str, right: str, out: str) -> Array:
    """Σ x y over the subscripts that are not in `out`, all of which x and y share."""
    how = plan(left, right, out)
    if not how.summed:
        return spread(x, left, out) * spread(y, right, out)
    x, y = x.transpose(how.left), y.transpose(how.right)
    i, j = how.batch + how.rows, how.batch + how.summed
    batch, rows, columns = x.shape[: how.batch], x.shape[how.batch : i], y.shape[j:]
    n = math.prod(x.shape[i:])
    z = x.reshape(*batch, math.prod(rows), n) @ y.reshape(*batch, n, math.prod(columns))
    return z.reshape(batch + rows + columns).transpose(how.out)


def spread(x: Array, subscripts: str, out: str) -> Array:
    """x with its dimensions in the order of `out`, and of length 1 where it has none."""
    x = x.transpose([subscripts.index(s) for s in out if s in subscripts])
    return x[tuple(slice(None) if s in subscripts else None for s in out)]


contraction: Primitive = Primitive(
    "einsum",
    contracted,
    lambda g, z, x, y, left, right, out: contraction(g, y, out, right, left),
    lambda g, z, x, y, left, right, out: contraction(g, x, out, left, right),
    doc="Σ x y over the subscripts that are not in the output",
)


# the functions ----------------------------------------------------------------------------------------------


def einsum(equation: str, *operands: Any) -> Tensor:
    """Σ of products by subscripts: "ij,jk->ik" is z[i, k] = Σⱼ x[i, j] y[j, k].

    Each letter names a dimension, `...` those that are left, which broadcast. What is not in the output is
    summed; without an arrow the output has the letters that occur once, in alphabetical order. More tensors
    are multiplied two at a time, in a cheap order. Raises RuntimeError for what does not fit.

    >>> import autodiff
    >>> x = autodiff.tensor([[1.0, 2.0], [3.0, 4.0]])
    >>> autodiff.einsum("ij,kj->ik", x, x)
    tensor([[ 5., 11.],
            [11., 25.]])
    >>> autodiff.einsum("ii", x)
    tensor(5.)
    """
    if len(operands) == 1 and isinstance(operands[0], (list, tuple)):
        operands = tuple(operands[0])
    if not isinstance(equation, str):
        raise located.TypeError(
            f"einsum(): the equation must be a str, not {type(equation).__name__}: lists of subscripts are "
            "not available here"
        )
    if not operands:
        raise located.ValueError("einsum(): must specify the equation string and at least one operand")
    for k, x in enumerate(operands):
        refuse_plain(x, "einsum", "operands", k + 2)
    inputs, out = parsed(equation, tuple(x.array.ndim for x in operands))
    size = sizes(inputs, operands)
    terms = [prepared(x, subscripts, size) for x, subscripts in zip(operands, inputs, strict=True)]
    while len(terms) > 1:
        i, j = cheapest(terms, out) if len(terms) > 2 else (0, 1)
        (x, left), (y, right) = terms[i], terms[j]
        rest = [terms[k] for k in range(len(terms)) if k not in (i, j)]
        needed = out + "".join(subscripts for _, subscripts in rest)
        terms = [*rest, multiplied(x, left, y, right, needed if rest else out, in_order=not rest)]
    x, subscripts = terms[0]
    x, subscripts = without(x, subscripts, out)
    order = tuple(subscripts.index(s) for s in out)
    return x if order == tuple(range(len(order))) and len(operands) > 1 else permute(x, order)


def multiplied(
    x: Tensor, left: str, y: Tensor, right: str, needed: str, in_order: bool
) -> tuple[Tensor, str]:
    """The contraction of two terms, with the subscripts that are `needed`, and these."""
    x, left = without(x, left, needed + right)
    y, right = without(y, right, needed + left)
    both = left + "".join(s for s in right if s not in left)
    out = "".join(s for s in (needed if in_order else both) if s in both and s in needed)
    if x.array.dtype != y.array.dtype or x.array.dtype.kind == "b":
        refuse_dtypes(x, y, "einsum")
    return contraction(x, y, left, right, out), out


def without(x: Tensor, subscripts: str, needed: str) -> tuple[Tensor, str]:
    """x summed over the subscripts that are not `needed`."""
    kept = "".join(s for s in subscripts if s in needed)
    dims = tuple(i for i, s in enumerate(subscripts) if s not in needed)
    return (sum(x, dims) if dims else x), kept


def prepared(x: Tensor, subscripts: str, size: dict[str, int]) -> tuple[Tensor, str]:
    """x without repeated subscripts, which are its diagonal, and without lengths of 1 that are broadcast."""
    for s in dict.fromkeys(subscripts):
        while subscripts.count(s) > 1:
            i = subscripts.index(s)
            j = subscripts.index(s, i + 1)
            x = diagonal(x, 0, i, j)
            subscripts = subscripts[:i] + subscripts[i + 1 : j] + subscripts[j + 1 :] + s
    broadcast = [s for s, n in zip(subscripts, x.array.shape, strict=True) if n == 1 != size[s]]
    if broadcast:
        kept = [s for s in subscripts if s not in broadcast]
        x, subscripts = regroup(x, tuple(size[s] for s in kept)), "".join(kept)
    return x, subscripts


def cheapest(terms: list[tuple[Tensor, str]], out: str) -> tuple[int, int]:
    """Which two terms to multiply first: those that NumPy's search finds."""
    equation = ",".join(subscripts for _, subscripts in terms) + "->" + out
    path = np.einsum_path(equation, *(x.array for x, _ in terms), optimize="greedy")[0]
    pair = path[1] if len(path[1]) == 2 else (0, 1)
    return pair[0], pair[1]


# the equation -----------------------------------------------------------------------------------------------


@lru_cache(maxsize=256)
def parsed(equation: str, ndims: tuple[int, ...]) -> tuple[list[str], str]:
    """The subscripts of each operand and of the output, one letter a dimension, for `...` too."""
    equation = equation.replace(" ", "")
    given, arrow, wanted = equation.partition("->")
    for i, character in enumerate(equation):
        if character not in LETTERS + ",." and not (arrow and i in (len(given), len(given) + 1)):
            raise located.RuntimeError(
                f"einsum(): invalid subscript given at index {i} in the equation string, subscripts must be "
                "in [a-zA-Z]"
            )
    parts = given.split(",")
    if len(parts) != len(ndims):
        few = "fewer" if len(ndims) < len(parts) else "more"
        raise located.RuntimeError(
            f"einsum(): {few} operands were provided than specified in the equation: {len(ndims)} for "
            f"{equation!r}"
        )
    widths = []
    for k, (part, ndim) in enumerate(zip(parts, ndims, strict=True)):
        refuse_dots(part, f"operand {k}")
        count = len(part.replace("...", ""))
        if count > ndim or ("..." not in part and count != ndim):
            raise located.RuntimeError(
                f"einsum(): the number of subscripts in the equation ({count}) does not match the number of "
                f"dimensions ({ndim}) for operand {k} and no ellipsis was given"
                if "..." not in part
                else f"einsum(): the number of subscripts in the equation ({count}) is more than the number "
                f"of dimensions ({ndim}) for operand {k}"
            )
        widths.append(ndim - count if "..." in part else 0)
    free = "".join(s for s in LETTERS if s not in equation)
    if max(widths) > len(free):
        raise located.RuntimeError("einsum(): more dimensions than there are letters")
    dots = free[: max(widths)]
    inputs = [
        part.replace("...", dots[len(dots) - width :]) for part, width in zip(parts, widths, strict=True)
    ]
    if not arrow:
        letters = given.replace(".", "").replace(",", "")
        return inputs, dots + "".join(s for s in sorted(set(letters)) if letters.count(s) == 1)
    refuse_dots(wanted, "the output")
    for s in wanted.replace("...", ""):
        if s not in given:
            raise located.RuntimeError(
                f"einsum(): output subscript {s} does not appear in the equation for any input operand"
            )
        if wanted.count(s) > 1:
            raise located.RuntimeError(f"einsum(): output subscript {s} appears more than once in the output")
    return inputs, wanted.replace("...", dots)


def refuse_dots(part: str, where: str) -> None:
    """Raise RuntimeError for dots that are no ellipsis, or a second one."""
    if "." in part.replace("...", "", 1):
        raise located.RuntimeError(
            f"einsum(): found '.' for {where} for which an ellipsis was already found"
            if "..." in part
            else f"einsum(): found '.' for {where} that is not part of any ellipsis"
        )


def sizes(inputs: list[str], operands: Sequence[Tensor]) -> dict[str, int]:
    """The length of the dimension that each letter names; a length of 1 broadcasts to another."""
    size: dict[str, int] = {}
    for k, (subscripts, x) in enumerate(zip(inputs, operands, strict=True)):
        own: dict[str, int] = {}
        for s, n in zip(subscripts, x.array.shape, strict=True):
            if own.setdefault(s, n) != n:
                raise located.RuntimeError(
                    f"einsum(): subscript {s} is repeated for operand {k} but the sizes don't match, {n} != "
                    f"{own[s]}"
                )
        for s, n in own.items():
            if n != size.get(s, n) and 1 not in (n, size[s]):
                raise located.RuntimeError(
                    f"einsum(): subscript {s} has size {n} for operand {k} which does not broadcast with "
                    f"previously seen size {size[s]}"
                )
            size[s] = n if size.get(s, 1) == 1 else size[s]
    return size


def tensordot(a: Tensor, b: Tensor, dims: Any = 2) -> Tensor:
    """Σ a b over the last `dims` dimensions of a and the first of b; or over two lists of dimensions.

    What is left of a comes first, then what is left of b. Raises RuntimeError for lengths that differ.

    >>> import autodiff
    >>> x = autodiff.ones(2, 3, 4)
    >>> autodiff.tensordot(x, x, dims=([0, 2], [0, 2])).shape
    (3, 3)
    """
    refuse_plain(a, "tensordot", "a")
    refuse_plain(b, "tensordot", "b", 2)
    n, m = a.array.ndim, b.array.ndim
    if isinstance(dims, int):
        if dims < 0:
            raise located.RuntimeError(f"tensordot expects dims >= 0, but got dims={dims}")
        if dims > min(n, m):
            raise located.RuntimeError(f"tensordot expects dims < ndim_a or ndim_b, but got dims={dims}")
        first, second = tuple(range(n - dims, n)), tuple(range(dims))
    else:
        pair = dims.tolist() if isinstance(dims, Tensor) else dims
        if not (isinstance(pair, (list, tuple)) and len(pair) == 2):
            raise located.RuntimeError(
                f"tensordot expects dims to be int or tuple[list[int], list[int]], but got dims={dims}"
            )
        dims = [integers(part, "tensordot") for part in pair]
        first, second = many_dims(tuple(dims[0]), n, "tensordot"), many_dims(tuple(dims[1]), m, "tensordot")
    if len(first) != len(second):
        raise located.RuntimeError("both dimension lists should have same length, in tensordot()")
    for i, j in zip(first, second, strict=True):
        if a.array.shape[i] != b.array.shape[j] and 1 not in (a.array.shape[i], b.array.shape[j]):
            raise located.RuntimeError(
                f"contracted dimensions need to match, but first has size {a.array.shape[i]} in dim {i} and "
                f"second has size {b.array.shape[j]} in dim {j}, in tensordot()"
            )
    left, rest = LETTERS[:n], iter(LETTERS[n:])
    shared = {j: left[i] for i, j in zip(first, second, strict=True)}
    right = "".join(shared[j] if j in shared else next(rest) for j in range(m))
    out = "".join(s for s in left + right if (s in left) != (s in right))
    return einsum(f"{left},{right}->{out}", a, b)
