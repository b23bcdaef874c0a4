"""Several tensors at once: `backward` of a list, and several results of one operation as one record."""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..accumulated import AfterAccumulation, call_accumulated
from ..dtypes import Array
from ..errors import located
from ..functional import accumulate, records_of, run
from ..inplace import take_flat
from ..ops.arguments import listed, refuse_plain
from ..primitive import cast
from ..record import enable_grad
from ..tensor import Tensor

Tensors = Tensor | Sequence[Tensor]


def backward(
    tensors: Tensors,
    grad_tensors: Tensor | Sequence[Tensor | None] | None = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    grad_variables: Tensor | Sequence[Tensor | None] | None = None,
    inputs: Tensors | None = None,
) -> None:
    """Add the gradients of the sum of `tensors` to `.grad` of every leaf behind them (or of `inputs` alone).

    `grad_tensors` (`grad_variables` is their older name) are the cotangents of those that are no scalars.
    Raises what `Tensor.backward` does. Source: PyTorch, `torch.autograd.backward`.

    >>> import autodiff
    >>> x = autodiff.tensor([1.0, 2.0], requires_grad=True)
    >>> backward([x.sum(), x * x], [None, autodiff.tensor([1.0, 10.0])])
    >>> x.grad
    tensor([ 3., 41.])
    """
    roots = as_list(tensors)
    if grad_variables is not None:
        if grad_tensors is not None:
            raise located.RuntimeError(
                "`grad_tensors` and `grad_variables` (deprecated) arguments both passed to `backward()`. "
                "Please only use `grad_tensors`."
            )
        warnings.warn(
            "`grad_variables` is deprecated. Use `grad_tensors` instead.", FutureWarning, stacklevel=2
        )
        grad_tensors = grad_variables
    for k, root in enumerate(roots):
        refuse_plain(root, "backward", "tensors", k + 1)
    gradients = [None] * len(roots) if grad_tensors is None else as_list(grad_tensors)
    if len(gradients) != len(roots):
        raise located.RuntimeError(f"got {len(roots)} tensors and {len(gradients)} gradients")
    targets = None
    if inputs is not None:
        given = as_list(inputs)
        if not given:
            raise located.RuntimeError("`inputs` argument to `backward()` cannot be empty.")
        targets = dict(zip(records_of(given), given, strict=True))
    wanted = None if targets is None else frozenset(targets)
    found = run(roots, gradients, wanted, retain_graph, create_graph)
    for record, g in found.items():
        x = targets[record] if targets is not None else record.tensor() if record.tensor else None
        if x is not None:
            accumulate(x, g)
    for x in targets.values() if targets is not None else ():
        x.retain_grad()  # from now on, if it is a result
    if AfterAccumulation.made:
        call_accumulated([record for record in found if targets is None or record in targets], create_graph)


def as_list(tensors: Any) -> list[Any]:
    """One tensor or a sequence of them, as a list."""
    return listed(tensors, "backward", "tensors")


class Pack:
    """Several arrays as one, end to end: a record has one value, and its rules one cotangent.

    An array alone is its own pack.
    """

    def __init__(self, arrays: Sequence[Array]) -> None:
        self.alone = len(arrays) == 1
        self.shapes = [array.shape for array in arrays]
        self.dtypes = [array.dtype for array in arrays]

    def pack(self, arrays: Sequence[Array]) -> Array:
        """One array of all of them."""
        return arrays[0] if self.alone else np.concatenate([array.reshape(-1) for array in arrays])

    def part(self, packed: Any, i: int) -> Any:
        """The i-th again, a copy; of a Tensor as a Tensor, with its history."""
        if self.alone:
            return packed
        start, shape = sum(math.prod(shape) for shape in self.shapes[:i]), self.shapes[i]
        positions = np.arange(start, start + math.prod(shape)).reshape(shape)
        part = take_flat(packed, positions)
        return part if part.dtype == self.dtypes[i] else cast(part, self.dtypes[i])

    def parts(self, packed: Any) -> list[Any]:
        """All of them again."""
        with enable_grad():
            return [self.part(packed, i) for i in range(len(self.shapes))]
