"""Rules for the steps of a network that users write as one: a linear layer, softmax, an embedding.

The primitives are followed by the functions with PyTorch's signatures, which check the arguments and bring
every case to the one that a primitive knows.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..dtypes import Array, as_dtype
from ..errors import describe
from ..primitive import Primitive, cast
from ..random import default_generator
from ..record import Record, mode
from ..tensor import Tensor, history
from . import products, shapes
from .dims import one_dim, refuse_plain
from .indexing import scatter
from .special import product

# A primitive returns Any: of tensors a tensor.
# mypy: disable-error-code="no-any-return"

__all__ = ["embedding", "linear", "log_softmax", "softmax"]


class Affine(Primitive):
    """A primitive of three tensors; the unrolled twin of `Primitive.__call__`."""

    def __call__(self, x: Any, w: Any, b: Any) -> Any:
        if not (isinstance(x, Tensor) and isinstance(w, Tensor) and isinstance(b, Tensor)):
            return super().__call__(x, w, b)
        args = x.array, w.array, b.array
        z = self.forward(*args)
        r = x.record if x._view is None else history(x)
        s = w.record if w._view is None else history(w)
        t = b.record if b._view is None else history(b)
        if (r is None and s is None and t is None) or not mode.enabled:
            return Tensor(z)
        return Tensor(z, Record(self, (r, s, t), args, z))


def softmax_forward(x: Array, axis: Any) -> Array:
    e = np.exp(x - x.max(axis=axis, keepdims=True, initial=-np.inf))
    return e / e.sum(axis=axis, keepdims=True)


def log_softmax_forward(x: Array, axis: Any) -> Array:
    shifted = x - x.max(axis=axis, keepdims=True, initial=-np.inf)
    return shifted - np.log(np.exp(shifted).sum(axis=axis, keepdims=True))


# fmt: off
affine = Affine("linear", lambda x, w, b: product(x, w.mT) + b,
                lambda g, z, x, w, b: product(g, w),
                lambda g, z, x, w, b: product(g.mT, x),
                lambda g, z, x, w, b: g,
                doc="Rows x of a batch through one layer: x Wᵀ + b.")

softmax_along = Primitive("softmax", softmax_forward,
                          lambda g, z, x, axis: z * (g - (g * z).sum(axis=axis, keepdims=True)),
                          doc="Logits to probabilities along an axis: exp(x) / Σ exp(x).")

log_softmax_along = Primitive("log_softmax", log_softmax_forward,
                              lambda g, z, x, axis: g - np.exp(z) * g.sum(axis=axis, keepdims=True),
                              doc="log softmax, exact where the probability underflows: x - log Σ exp(x).")

lookup = Primitive("embedding", lambda w, index, kept: w[index],
                   lambda g, z, w, index, kept: scatter(g * kept, w.shape, (index,)),
                   doc="The rows of w at these indices; `kept` is 0 where nothing flows back, else 1.")
# fmt: on


def linear(input: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """y = x Wᵀ + b: input (..., in), weight (out, in) or (in,), bias (out,), result (..., out) or (...).

    Raises RuntimeError if the shapes or dtypes do not fit. Source: PyTorch, `torch.nn.functional.linear`.

    >>> import autodiff
    >>> x, weight = autodiff.tensor([[1.0, 2.0]]), autodiff.tensor([[3.0, 4.0], [5.0, 6.0]])
    >>> autodiff.linear(x, weight, bias=autodiff.tensor([0.5, 0.0]))
    tensor([[11.5000, 17.0000]])
    """
    try:
        x, w, b = input.array, weight.array, bias.array  # type: ignore[union-attr]  # caught
        ranks = x.ndim, w.ndim, b.ndim
        if ranks == (2, 2, 1) and x.dtype is w.dtype is b.dtype and len(b) == len(w) and x.size * w.size:
            return affine(input, weight, bias)
    except (AttributeError, ValueError):
        pass  # no bias, or shapes that do not fit, which the long way words better
    return _linear(input, weight, bias)


def _linear(input: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """`linear` of what is not simply a matrix, a matrix and a vector: checked, and then composed."""
    refuse_plain(input, "linear")
    refuse_plain(weight, "linear", "weight", 2)
    if bias is not None:
        refuse_plain(bias, "linear", "bias", 3)
    if input.ndim == 0 or weight.ndim == 0:
        raise RuntimeError(
            f"both arguments to linear need to be at least 1D, but they are {input.ndim}D and "
            f"{weight.ndim}D: a row of features has shape (in,), a batch (N, in)"
        )
    if weight.ndim > 2:
        raise RuntimeError(f"linear(): weight must be a matrix (out, in), got {describe(weight)}")
    if input.dtype != weight.dtype or (bias is not None and bias.dtype != weight.dtype):
        given = " and ".join(str(t.dtype) for t in (input, weight, bias) if t is not None)
        raise RuntimeError(
            f"mat1 and mat2 must have the same dtype, but got {given}, in linear(): "
            f"convert the input, x.to({weight.dtype}), or the layer, layer.to({input.dtype})"
        )
    *batch, features = input.shape
    expected = weight.shape[-1]
    if features != expected:
        rows = int(np.prod(batch))
        hint = "; x.T has that many" if input.ndim == 2 and input.shape[0] == expected else ""
        raise RuntimeError(
            f"mat1 and mat2 shapes cannot be multiplied ({rows}x{features} and "
            f"{expected}x{weight.shape[0]}): the layer, with weight {tuple(weight.shape)}, expects "
            f"{expected} features in the last dimension of its input, and got {features}, input "
            f"{tuple(input.shape)}. Make the layer with in_features={features}, or give it {expected}{hint}"
        )
    if weight.ndim == 1:
        if bias is not None:
            raise RuntimeError(
                "linear(): mat2 must be a matrix, got 1-D tensor: a weight (in,) takes no bias"
            )
        return products.matmul(input, weight)
    out = weight.shape[0]
    if bias is None:
        return products.matmul(input, weight.mT)
    if bias.shape not in ((out,), (1,), ()):
        raise RuntimeError(
            f"linear(): the bias must have one entry for each of the {out} outputs, shape ({out},), but it "
            f"has shape {bias.shape}"
        )
    if bias.shape != (out,):
        return products.matmul(input, weight.mT) + bias
    rows2d = shapes.reshape(input, (-1 if features else int(np.prod(batch)), features))
    return shapes.reshape(affine(rows2d, weight, bias), (*batch, out))


def softmax(input: Tensor, dim: int, dtype: Any = None) -> Tensor:
    """Probabilities along `dim`: exp(xᵢ) / Σⱼ exp(xⱼ), computed from x - max x, so that nothing overflows.

    float32 or float64 of any shape (`dtype` converts first). Raises IndexError for a `dim` out of range,
    NotImplementedError for integers. Source: PyTorch, `torch.softmax`.

    >>> import autodiff
    >>> autodiff.softmax(autodiff.tensor([0.0, 0.0, 1000.0]), dim=0)
    tensor([0., 0., 1.])
    """
    input, axis = _logits("softmax", input, dim, dtype)
    return softmax_along(input, axis)


def log_softmax(input: Tensor, dim: int, dtype: Any = None) -> Tensor:
    """log softmax along `dim`: xᵢ - log Σⱼ exp(xⱼ), finite where softmax underflows to 0.

    For shapes, dtypes and errors see `softmax`. Source: PyTorch, `torch.log_softmax`.

    >>> import autodiff
    >>> autodiff.log_softmax(autodiff.tensor([0.0, 1000.0]), dim=0)
    tensor([-1000.,     0.])
    """
    input, axis = _logits("log_softmax", input, dim, dtype)
    return log_softmax_along(input, axis)


def _logits(name: str, input: Tensor, dim: Any, dtype: Any) -> tuple[Tensor, Any]:
    """The checked input of softmax and its axis; a number by itself is a row of one."""
    refuse_plain(input, name)
    if dtype is not None and as_dtype(dtype) != input.dtype:
        input = cast(input, as_dtype(dtype))
    if input.dtype.kind != "f":
        raise NotImplementedError(f'"{name}" not implemented for {input.dtype}: convert first, x.float()')
    axis = one_dim(dim, input.ndim, name)
    return input, axis if input.ndim else ()


def gumbel_softmax(
    logits: Tensor, tau: float = 1, hard: bool = False, eps: float = 1e-10, dim: int = -1
) -> Tensor:
    """A random class for each row of logits, in a form that can be differentiated: softmax((x + G) / tau).

    G is Gumbel noise, -log of exponential numbers, the digits PyTorch draws; with tau towards 0 a row nears
    one-hot. With `hard` it is one-hot, and the gradient that of the soft one; `eps` is of no effect. For
    shapes and errors see `softmax`. Source: Jang et al., "Categorical Reparameterization with
    Gumbel-Softmax" (2017); PyTorch, `torch.nn.functional.gumbel_softmax`.

    >>> import autodiff
    >>> _ = autodiff.manual_seed(0)
    >>> gumbel_softmax(autodiff.zeros(2, 3), hard=True)
    tensor([[0., 0., 1.],
            [0., 1., 0.]])
    """
    logits, axis = _logits("gumbel_softmax", logits, dim, None)
    noise = -np.log(default_generator.exponential(logits.shape, dtype=logits.dtype))
    soft = softmax_along((logits + Tensor(noise)) / tau, axis)
    if not hard:
        return soft
    chosen = np.zeros_like(soft.array)
    np.put_along_axis(chosen, soft.array.argmax(axis, keepdims=True), 1, axis)
    return Tensor(chosen) - soft.detach() + soft


def embedding(input: Tensor, weight: Tensor, padding_idx: int | None = None) -> Tensor:
    """The row of `weight` for each index: input (...) int64, weight (n, d), result (..., d).

    The gradients of a repeated index are added up; the row `padding_idx` gets none. Raises IndexError for an
    index out of range, RuntimeError if `input` is not int64 or `weight` not a matrix. Source: PyTorch,
    `torch.nn.functional.embedding`.

    >>> import autodiff
    >>> autodiff.embedding(autodiff.tensor([2, 0]), autodiff.tensor([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]))
    tensor([[5., 6.],
            [1., 2.]])
    """
    refuse_plain(input, "embedding")
    refuse_plain(weight, "embedding", "weight", 2)
    if weight.ndim != 2:
        raise RuntimeError(
            f"'weight' must be 2-D, in embedding(): one row for each index, but it is {describe(weight)}"
        )
    index = input.array
    if index.dtype.kind != "i":
        raise RuntimeError(
            "Expected tensor for argument 'input' of embedding() to have scalar type int64; but got "
            f"{index.dtype}: indices are whole numbers, input.long()"
        )
    n = weight.shape[0]
    if index.size and not 0 <= index.min() <= index.max() < n:
        wrong = index[(index < 0) | (index >= n)].flat[0]
        raise IndexError(
            f"index out of range in self: embedding() was given the index {wrong}, and weight has rows 0 to "
            f"{n - 1}"
        )
    kept: Any = 1
    if padding_idx is not None:
        if not -n <= padding_idx < n:
            raise AssertionError(
                f"Padding_idx must be within num_embeddings: {padding_idx} is not, weight has {n} rows"
            )
        kept = (index != padding_idx % n)[..., None]
    return lookup(weight, index, kept)
