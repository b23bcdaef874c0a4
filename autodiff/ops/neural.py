"""Rules for the steps of a network that users write as one: softmax, an embedding.

The primitives are followed by the functions with PyTorch's signatures, which check the arguments and bring
every case to the one that a primitive knows.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..dtypes import Array, as_dtype
from ..errors import describe, located
from ..fast_arithmetic import sums
from ..primitive import Primitive, cast
from ..random import default_generator
from ..tensor import Tensor
from .arguments import refuse_no_number, refuse_plain
from .dims import one_dim
from .indexing import scatter

# A primitive returns Any: of tensors a tensor.
# mypy: disable-error-code="no-any-return"

__all__ = ["embedding", "log_softmax", "softmax"]


def softmax_forward(x: Array, axis: Any) -> Array:
    if is_tame(x):  # then nothing has to be taken out
        z = np.exp(x)
    else:
        z = np.asarray(x - largest(x, axis))
        z = np.exp(z, out=z)
    z /= total(z, axis)
    return z


def is_tame(x: Array) -> bool:
    """Whether this is a large array of which no exponential is nearly 0 or infinite: quickly found out."""
    return x.size > LARGE and bool(x.max() < FAR and x.min() > -FAR)


LARGE = 1 << 12  # entries: below, looking costs as much as taking out the largest
FAR = 40  # e to this, summed over millions of entries, is far from the largest float32


def largest(x: Array, axis: Any) -> Any:
    """The maximum along `axis`, which is kept; -inf of nothing."""
    return np.maximum.reduce(x, axis, keepdims=True, initial=-np.inf)


def log_softmax_forward(x: Array, axis: Any) -> Array:
    z = np.asarray(x - largest(x, axis))
    z -= np.log(total(np.exp(z), axis))
    return z


def total(x: Any, axis: Any) -> Any:
    """Σ x along `axis`, which is kept."""
    return sums(x, (axis,)) if type(x) is np.ndarray and axis != () else x.sum(axis=axis, keepdims=True)


# fmt: off
softmax_along = Primitive("softmax", softmax_forward,
                          lambda g, z, x, axis: z * (g - total(g * z, axis)),
                          doc="Logits to probabilities along an axis: exp(x) / Σ exp(x).")

log_softmax_along = Primitive("log_softmax", log_softmax_forward,
                              lambda g, z, x, axis: g - np.exp(z) * total(g, axis),
                              doc="log softmax, exact where the probability underflows: x - log Σ exp(x).")

lookup = Primitive("embedding", lambda w, index, kept: w[index],
                   lambda g, z, w, index, kept: scatter(g * kept, w.shape, (index,)),
                   doc="The rows of w at these indices; `kept` is 0 where nothing flows back, else 1.")
# fmt: on


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
        raise located.NotImplementedError(
            f'"{name}" not implemented for {input.dtype}: convert first, x.float()'
        )
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
    refuse_no_number(tau, "gumbel_softmax", "tau")
    if hard and not logits.array.size:
        raise located.RuntimeError(f"gumbel_softmax(): nothing to choose from, the shape is {logits.shape}")
    noise = -np.log(default_generator.exponential(logits.shape, dtype=logits.dtype))
    soft = softmax_along((logits + Tensor(noise)) / tau, axis)
    if not hard:
        return soft
    chosen = np.zeros_like(soft.array)
    np.put_along_axis(chosen, soft.array.argmax(axis, keepdims=True), 1, axis)
    return Tensor(chosen) - soft.detach() + soft


def embedding(
    input: Tensor,
    weight: Tensor,
    padding_idx: int | None = None,
    max_norm: float | None = None,
    norm_type: float = 2.0,
    scale_grad_by_freq: bool = False,
    sparse: bool = False,
) -> Tensor:
    """The row of `weight` for each index: input (...) int64, weight (n, d), result (..., d).

    The gradients of a repeated index are added up; the row `padding_idx` gets none. Raises IndexError for an
    index out of range, RuntimeError if `input` is not int64 or `weight` not a matrix, NotImplementedError for
    PyTorch's other options. Source: PyTorch, `torch.nn.functional.embedding`.

    >>> import autodiff
    >>> autodiff.embedding(autodiff.tensor([2, 0]), autodiff.tensor([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]))
    tensor([[5., 6.],
            [1., 2.]])
    """
    if max_norm is not None or scale_grad_by_freq or sparse:
        raise located.NotImplementedError(
            "embedding: max_norm, scale_grad_by_freq and sparse are not available: leave them out"
        )
    refuse_plain(input, "embedding")
    refuse_plain(weight, "embedding", "weight", 2)
    if weight.ndim != 2:
        raise located.RuntimeError(
            f"'weight' must be 2-D, in embedding(): one row for each index, but it is {describe(weight)}"
        )
    index = input.array
    if index.dtype.kind != "i":
        raise located.RuntimeError(
            "Expected tensor for argument 'input' of embedding() to have scalar type int64; but got "
            f"{index.dtype}: indices are whole numbers, input.long()"
        )
    n = weight.shape[0]
    if index.size and not 0 <= index.min() <= index.max() < n:
        wrong = index[(index < 0) | (index >= n)].flat[0]
        raise located.IndexError(
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
