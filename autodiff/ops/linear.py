"""The linear layer, x Wᵀ + b, as one primitive: what networks do most often; and the bilinear one."""

from __future__ import annotations

import math
from typing import Any

from ..errors import describe, located
from ..fast_arithmetic import SMALL, column_sums, product
from ..primitive import Primitive, ndarray
from ..record import Record, mode
from ..tensor import Tensor, history
from . import products, shapes
from .arguments import refuse_plain
from .einsum import einsum

# A primitive returns Any: of tensors a tensor.
# mypy: disable-error-code="no-any-return"

__all__ = ["bilinear", "linear"]


class Linear(Primitive):
    """y = x Wᵀ + b: input (..., in), weight (out, in) or (in,), bias (out,), result (..., out) or (...).

    Raises RuntimeError if the shapes or dtypes do not fit. Source: PyTorch, `torch.nn.functional.linear`.

    >>> import autodiff
    >>> x, weight = autodiff.tensor([[1.0, 2.0]]), autodiff.tensor([[3.0, 4.0], [5.0, 6.0]])
    >>> autodiff.linear(x, weight, bias=autodiff.tensor([0.5, 0.0]))
    tensor([[11.5000, 17.0000]])
    """

    fits = True

    def __call__(self, input: Any, weight: Any, bias: Any = None) -> Tensor:
        try:
            x, w, b = input.array, weight.array, bias.array
            dtype = w.dtype
            if x.ndim != 2 or w.ndim != 2 or b.ndim != 1 or x.dtype is not dtype or b.dtype is not dtype:
                return self.of_other_shapes(input, weight, bias)
            forward = self.forward
            z = forward(x, w, b)
        except (AttributeError, ValueError):  # no bias, or what does not fit
            return self.of_other_shapes(input, weight, bias)
        r = input.record if input._view is None else history(input)
        s = weight.record if weight._view is None else history(weight)
        t = bias.record if bias._view is None else history(bias)
        if (r is None and s is None and t is None) or not mode.enabled:
            return Tensor(z)
        return Tensor(z, Record(self, (r, s, t), (x, w, b), z))

    def of_other_shapes(self, input: Any, weight: Any, bias: Any) -> Any:
        """What is not simply a matrix, a matrix and a vector: checked, and then composed."""
        if hasattr(input, "__autodiff_apply__"):
            return self.elsewhere((input, weight, bias))
        refuse_plain(input, "linear")
        refuse_plain(weight, "linear", "weight", 2)
        if bias is not None:
            refuse_plain(bias, "linear", "bias", 3)
        refuse_sizes(input, weight, bias)
        if bias is None:
            return products.matmul(input, weight if weight.ndim == 1 else weight.mT)
        *batch, features = input.shape
        out = weight.shape[0]
        if bias.shape != (out,):
            return products.matmul(input, weight.mT) + bias
        rows = shapes.reshape(input, (math.prod(batch), features))
        return shapes.reshape(super().__call__(rows, weight, bias), (*batch, out))


def refuse_sizes(input: Tensor, weight: Tensor, bias: Tensor | None) -> None:
    """Raise RuntimeError unless the shapes and dtypes fit each other."""
    if input.ndim == 0 or weight.ndim == 0:
        raise located.RuntimeError(
            f"both arguments to linear need to be at least 1D, but they are {input.ndim}D and "
            f"{weight.ndim}D: a row of features has shape (in,), a batch (N, in)"
        )
    if weight.ndim > 2:
        raise located.RuntimeError(f"linear(): weight must be a matrix (out, in), got {describe(weight)}")
    if input.dtype != weight.dtype or (bias is not None and bias.dtype != weight.dtype):
        given = " and ".join(str(t.dtype) for t in (input, weight, bias) if t is not None)
        raise located.RuntimeError(
            f"mat1 and mat2 must have the same dtype, but got {given}, in linear(): "
            f"convert the input, x.to({weight.dtype}), or the layer, layer.to({input.dtype})"
        )
    *batch, features = input.shape
    expected = weight.shape[-1]
    if features != expected:
        hint = "; x.T has that many" if input.ndim == 2 and input.shape[0] == expected else ""
        raise located.RuntimeError(
            f"mat1 and mat2 shapes cannot be multiplied ({math.prod(batch)}x{features} and "
            f"{expected}x{weight.shape[0]}): the layer, with weight {tuple(weight.shape)}, expects "
            f"{expected} features in the last dimension of its input, and got {features}, input "
            f"{tuple(input.shape)}. Make the layer with in_features={features}, or give it {expected}{hint}"
        )
    if bias is None:
        return
    if weight.ndim == 1:
        raise located.RuntimeError(
            "linear(): mat2 must be a matrix, got 1-D tensor: a weight (in,) takes no bias"
        )
    out = weight.shape[0]
    if bias.shape not in ((out,), (1,), ()):
        raise located.RuntimeError(
            f"linear(): the bias must have one entry for each of the {out} outputs, shape ({out},), but it "
            f"has shape {bias.shape}"
        )


def weighted(x: Any, w: Any, b: Any) -> Any:
    """x Wᵀ + b; of arrays in one piece of memory."""
    if type(x) is not ndarray:
        return x @ w.mT + b
    z = x.dot(w.T) if x.size <= SMALL else x @ w.T
    z += b
    return z


# fmt: off
linear = Linear("linear", weighted,
                lambda g, z, x, w, b: product(g, w),
                lambda g, z, x, w, b: product(g.mT, x),
                lambda g, z, x, w, b: column_sums(g),
                doc="rows x of a batch through one layer")
# fmt: on
linear.__doc__ = Linear.__doc__


def bilinear(input1: Tensor, input2: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """z[o] = Σᵢⱼ x[i] weight[o, i, j] y[j] + bias[o]: x in input1 (..., in1), y in input2 (..., in2).

    Raises RuntimeError if the shapes do not fit. Source: PyTorch, `torch.nn.functional.bilinear`.
    """
    for k, (name, x) in enumerate((("input1", input1), ("input2", input2), ("weight", weight))):
        refuse_plain(x, "bilinear", name, k + 1)
    if input1.shape[:-1] != input2.shape[:-1]:
        raise located.RuntimeError(
            f"bilinear(): input batch dimensions do not match: got {describe(input1)} and {describe(input2)}"
        )
    z = einsum("...i,oij,...j->...o", input1, weight, input2)
    return z if bias is None else z + bias
