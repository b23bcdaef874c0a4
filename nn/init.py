"""How parameters begin: each function fills a tensor in place, and returns it.

For the same seed the digits are PyTorch's.

A weight has shape (out, in, *kernel); fan_in = in · kernel size is how many numbers feed one output, fan_out
= out · kernel size how many outputs one number feeds. Source: PyTorch, `torch.nn.init`.
"""

from __future__ import annotations

import math
import warnings

import numpy as np

import autodiff
from autodiff import Tensor
from autodiff.dtypes import Array
from autodiff.errors import located
from autodiff.ops.arguments import refuse_no_number, refuse_plain
from autodiff.random.generator import Generator

GAINS = {"linear": 1.0, "sigmoid": 1.0, "tanh": 5 / 3, "relu": math.sqrt(2), "selu": 3 / 4}
GAINS |= {f"conv{transpose}{d}d": 1.0 for transpose in ("", "_transpose") for d in (1, 2, 3)}


def calculate_gain(nonlinearity: str, param: float | None = None) -> float:
    """The factor that keeps the variance of what passes through this nonlinearity.

    `param` is leaky_relu's slope. Raises ValueError for a nonlinearity that is not known.

    >>> calculate_gain("relu")
    1.4142135623730951
    """
    if nonlinearity == "leaky_relu":
        slope = 0.01 if param is None else param
        if isinstance(slope, bool) or not isinstance(slope, int | float):
            raise located.ValueError(f"negative_slope {slope} not a valid number")
        return math.sqrt(2 / (1 + slope**2))
    if nonlinearity not in GAINS:
        raise located.ValueError(
            f"Unsupported nonlinearity {nonlinearity}: one of leaky_relu, {', '.join(GAINS)}"
        )
    return GAINS[nonlinearity]


def fans(tensor: Tensor) -> tuple[int, int]:
    """fan_in and fan_out of a weight. Raises ValueError below two dimensions."""
    refuse_plain(tensor, "init", "tensor")
    if tensor.ndim < 2:
        raise located.ValueError(
            "Fan in and fan out can not be computed for tensor with fewer than 2 dimensions: a weight has "
            f"shape (out, in, ...), this tensor {tensor.shape}. For a bias use uniform_ or zeros_"
        )
    out, inputs, *kernel = tensor.shape
    return inputs * math.prod(kernel), out * math.prod(kernel)


# Plain values ------------------------------------------------------------------------------------------


@autodiff.no_grad()
def constant_(tensor: Tensor, val: float) -> Tensor:
    """All entries `val`."""
    refuse_plain(tensor, "init.constant_", "tensor")
    return tensor.fill_(val)


def ones_(tensor: Tensor) -> Tensor:
    """All entries 1."""
    return constant_(tensor, 1.0)


def zeros_(tensor: Tensor) -> Tensor:
    """All entries 0.

    >>> import nn
    >>> zeros_(nn.Linear(2, 1).bias).tolist()
    [0.0]
    """
    return constant_(tensor, 0.0)


@autodiff.no_grad()
def eye_(tensor: Tensor) -> Tensor:
    """The identity: a linear layer passes on as many inputs as it can. ValueError unless 2-D."""
    refuse_plain(tensor, "init.eye_", "tensor")
    if tensor.ndim != 2:
        raise located.ValueError(
            f"Only tensors with 2 dimensions are supported, not {tensor.ndim}: eye_ makes an identity matrix"
        )
    return tensor.copy_(autodiff.eye(*tensor.shape))


@autodiff.no_grad()
def dirac_(tensor: Tensor, groups: int = 1) -> Tensor:
    """The identity of a convolution: in each group channel i passes on channel i. ValueError for 1-D, 2-D."""
    refuse_plain(tensor, "init.dirac_", "tensor")
    if tensor.ndim not in (3, 4, 5):
        raise located.ValueError(
            f"Only tensors with 3, 4, or 5 dimensions are supported, not {tensor.ndim}: dirac_ is for "
            "convolutions"
        )
    out, inputs, *kernel = tensor.shape
    if out % groups:
        raise located.ValueError(f"dim 0 must be divisible by groups, and {out} is not divisible by {groups}")
    values = np.zeros(tensor.shape, tensor.dtype)
    centre = tuple(k // 2 for k in kernel)
    for group in range(groups):
        for i in range(min(out // groups, inputs)):
            values[(group * (out // groups) + i, i, *centre)] = 1
    return tensor.copy_(Tensor(values))


# Random values -----------------------------------------------------------------------------------------


@autodiff.no_grad()
def uniform_(tensor: Tensor, a: float = 0.0, b: float = 1.0, generator: Generator | None = None) -> Tensor:
    """Uniform in [a, b).

    >>> import autodiff
    >>> _ = autodiff.manual_seed(0)
    >>> uniform_(autodiff.empty(3), -1, 1)
    tensor([-0.0075,  0.5364, -0.8230])
    """
    refuse_plain(tensor, "init.uniform_", "tensor")
    return tensor.uniform_(a, b, generator=generator)


@autodiff.no_grad()
def normal_(
    tensor: Tensor, mean: float = 0.0, std: float = 1.0, generator: Generator | None = None
) -> Tensor:
    """Normal with this mean and standard deviation.

    >>> import autodiff
    >>> _ = autodiff.manual_seed(0)
    >>> normal_(autodiff.empty(3), std=0.01)
    tensor([ 0.0154, -0.0029, -0.0218])
    """
    refuse_plain(tensor, "init.normal_", "tensor")
    return tensor.normal_(mean, std, generator=generator)


@autodiff.no_grad()
def trunc_normal_(
    tensor: Tensor,
    mean: float = 0.0,
    std: float = 1.0,
    a: float = -2.0,
    b: float = 2.0,
    generator: Generator | None = None,
) -> Tensor:
    """Normal, but only what lies in [a, b]: entries outside are drawn again.

    Where [a, b] holds little of the bell, the draws are uniform in it, and kept with a probability as high as
    the bell there.
    """
    refuse_plain(tensor, "init.trunc_normal_", "tensor")
    for name, x in (("mean", mean), ("std", std), ("a", a), ("b", b)):
        refuse_no_number(x, "init.trunc_normal_", name)
    if mean < a - 2 * std or mean > b + 2 * std:
        warnings.warn(
            "mean is more than 2 std from [a, b] in nn.init.trunc_normal_. The distribution of values may "
            "be incorrect.",
            stacklevel=3,
        )

    def below(x: float) -> float:
        return (1 + math.erf((x - mean) / std / math.sqrt(2))) / 2

    def normal() -> Array:
        return autodiff.empty_like(tensor).normal_(mean, std, generator=generator).numpy()

    def uniform(low: float, high: float) -> Array:
        return autodiff.empty_like(tensor).uniform_(low, high, generator=generator).numpy()

    if below(b) - below(a) > 0.3:
        low, high = tensor.dtype.type(a), tensor.dtype.type(b)
        values = normal()
        while (outside := (values < low) | (values > high)).any():
            values = np.where(outside, normal(), values)
    else:
        top = -0.5 * ((max(a, min(mean, b)) - mean) / std) ** 2  # log of the bell at its highest in [a, b]
        values, pending = np.zeros(tensor.shape, tensor.dtype), np.ones(tensor.shape, bool)
        while pending.any():
            candidates = uniform(a, b)
            values = np.where(pending, candidates, values)
            with np.errstate(divide="ignore"):
                pending = pending & (np.log(uniform(0, 1)) > ((candidates - mean) / std) ** 2 * -0.5 - top)
    return tensor.copy_(Tensor(values))


def xavier_uniform_(tensor: Tensor, gain: float = 1.0, generator: Generator | None = None) -> Tensor:
    """Uniform within ±gain·√(6 / (fan_in + fan_out)). Source: Glorot and Bengio (2010).

    >>> import autodiff
    >>> _ = autodiff.manual_seed(0)
    >>> xavier_uniform_(autodiff.empty(1, 3))
    tensor([[-0.0092,  0.6570, -1.0080]])
    """
    refuse_no_number(gain, "init.xavier_uniform_", "gain")
    std = gain * math.sqrt(2 / sum(fans(tensor)))
    return uniform_(tensor, -math.sqrt(3) * std, math.sqrt(3) * std, generator)


def xavier_normal_(tensor: Tensor, gain: float = 1.0, generator: Generator | None = None) -> Tensor:
    """Normal with standard deviation gain·√(2 / (fan_in + fan_out)). Source: Glorot and Bengio (2010)."""
    refuse_no_number(gain, "init.xavier_normal_", "gain")
    return normal_(tensor, 0.0, gain * math.sqrt(2 / sum(fans(tensor))), generator)


def kaiming_uniform_(
    tensor: Tensor,
    a: float = 0,
    mode: str = "fan_in",
    nonlinearity: str = "leaky_relu",
    generator: Generator | None = None,
) -> Tensor:
    """Uniform within ±gain·√(3 / fan); `a` is leaky_relu's slope. Source: He et al. (2015)."""
    std = kaiming_std(tensor, a, mode, nonlinearity)
    return tensor if std is None else uniform_(tensor, -math.sqrt(3) * std, math.sqrt(3) * std, generator)


def kaiming_normal_(
    tensor: Tensor,
    a: float = 0,
    mode: str = "fan_in",
    nonlinearity: str = "leaky_relu",
    generator: Generator | None = None,
) -> Tensor:
    """Normal with standard deviation gain / √fan; `a` is leaky_relu's slope. Source: He et al. (2015).

    >>> import autodiff
    >>> _ = autodiff.manual_seed(0)
    >>> kaiming_normal_(autodiff.empty(1, 3), nonlinearity="relu")
    tensor([[ 1.2582, -0.2396, -1.7790]])
    """
    std = kaiming_std(tensor, a, mode, nonlinearity)
    return tensor if std is None else normal_(tensor, 0.0, std, generator)


def kaiming_std(tensor: Tensor, a: float, mode: str, nonlinearity: str) -> float | None:
    """gain / √fan; None, with a warning, for a tensor without entries."""
    refuse_plain(tensor, "init", "tensor")
    if 0 in tensor.shape:
        warnings.warn("Initializing zero-element tensors is a no-op", stacklevel=3)
        return None
    if mode not in ("fan_in", "fan_out"):
        raise located.ValueError(f"Mode {mode} not supported, please use one of ['fan_in', 'fan_out']")
    fan_in, fan_out = fans(tensor)
    return calculate_gain(nonlinearity, a) / math.sqrt(fan_in if mode == "fan_in" else fan_out)


@autodiff.no_grad()
def orthogonal_(tensor: Tensor, gain: float = 1, generator: Generator | None = None) -> Tensor:
    """Rows (or columns, if there are fewer) orthogonal and of length `gain`.

    Further dimensions count as columns. The Q of a normal matrix, with the signs that make it uniform.
    Source: Saxe et al. (2013); Mezzadri (2007).

    >>> import autodiff
    >>> w = orthogonal_(autodiff.empty(2, 3))
    >>> autodiff.allclose(w @ w.T, autodiff.eye(2), atol=1e-6)
    True
    """
    refuse_plain(tensor, "init.orthogonal_", "tensor")
    if tensor.ndim < 2:
        raise located.ValueError(f"Only tensors with 2 or more dimensions are supported, not {tensor.ndim}")
    if not tensor.numel():
        return tensor
    rows = tensor.shape[0]
    drawn = (
        autodiff.empty(rows, tensor.numel() // rows, dtype=tensor.dtype)
        .normal_(0, 1, generator=generator)
        .numpy()
    )
    wide = drawn.shape[0] < drawn.shape[1]
    q, r = np.linalg.qr(drawn.T if wide else drawn)
    q = q * np.sign(np.diag(r))
    return tensor.copy_(Tensor(gain * (q.T if wide else q).reshape(tensor.shape)))


@autodiff.no_grad()
def sparse_(tensor: Tensor, sparsity: float, std: float = 0.01, generator: Generator | None = None) -> Tensor:
    """Normal, but of each column the fraction `sparsity`, rounded up, is 0. Source: Martens (2010)."""
    refuse_plain(tensor, "init.sparse_", "tensor")
    if tensor.ndim != 2:
        raise located.ValueError(f"Only tensors with 2 dimensions are supported, not {tensor.ndim}")
    rows, columns = tensor.shape
    zeros = math.ceil(sparsity * rows)
    tensor.normal_(0, std, generator=generator)
    for column in range(columns):
        tensor[autodiff.randperm(rows)[:zeros], column] = 0  # not of `generator`: as in PyTorch
    return tensor
