"""Activations as modules: what comes between the linear layers."""

from __future__ import annotations

import warnings
from typing import Any

from autodiff import Tensor, empty
from autodiff.errors import located

from .. import functional as F
from ..init import constant_
from ..module import Module, refuse_input
from ..parameter import Parameter

# A primitive returns Any: of tensors a tensor.
# mypy: disable-error-code="no-any-return"


class _Elementwise(Module):
    """An activation that may overwrite its input (`inplace`)."""

    def __init__(self, inplace: bool = False) -> None:
        super().__init__()
        refuse_input(self, inplace)
        self.inplace = inplace

    def extra_repr(self) -> str:
        return "inplace=True" if self.inplace else ""


class ReLU(_Elementwise):
    """max(x, 0). Source: PyTorch, `torch.nn.ReLU`.

    >>> import autodiff, nn
    >>> nn.ReLU()(autodiff.tensor([-1.0, 2.0]))
    tensor([0., 2.])
    """

    def forward(self, input: Tensor) -> Tensor:
        return F.relu(input, self.inplace)


class ReLU6(_Elementwise):
    """x between 0 and 6. Source: PyTorch, `torch.nn.ReLU6`."""

    def forward(self, input: Tensor) -> Tensor:
        return F.relu6(input, self.inplace)


class SiLU(_Elementwise):
    """x sigmoid(x). Source: PyTorch, `torch.nn.SiLU`.

    >>> import autodiff, nn
    >>> nn.SiLU()(autodiff.tensor([-1.0, 0.0, 1.0]))
    tensor([-0.2689,  0.0000,  0.7311])
    """

    def forward(self, input: Tensor) -> Tensor:
        return F.silu(input, self.inplace)


class SELU(_Elementwise):
    """1.0507 x where x > 0, else 1.7581 (e^x - 1). Source: PyTorch, `torch.nn.SELU`."""

    def forward(self, input: Tensor) -> Tensor:
        return F.selu(input, self.inplace)


class Mish(_Elementwise):
    """x tanh(log(1 + e^x)). Source: PyTorch, `torch.nn.Mish`."""

    def forward(self, input: Tensor) -> Tensor:
        return F.mish(input, self.inplace)


class Hardsigmoid(Module):
    """0 up to -3, 1 from 3 on, x / 6 + 1/2 between. Source: PyTorch, `torch.nn.Hardsigmoid`."""

    def __init__(self, inplace: bool = False) -> None:
        super().__init__()
        self.inplace = inplace

    def forward(self, input: Tensor) -> Tensor:
        return F.hardsigmoid(input, self.inplace)


class Hardswish(Module):
    """0 up to -3, x from 3 on, x (x + 3) / 6 between. Source: PyTorch, `torch.nn.Hardswish`."""

    def __init__(self, inplace: bool = False) -> None:
        super().__init__()
        self.inplace = inplace

    def forward(self, input: Tensor) -> Tensor:
        return F.hardswish(input, self.inplace)


class LeakyReLU(Module):
    """x where x > 0, else negative_slope · x. Source: PyTorch, `torch.nn.LeakyReLU`.

    >>> import autodiff, nn
    >>> nn.LeakyReLU(0.1)(autodiff.tensor([-2.0, 3.0]))
    tensor([-0.2000,  3.0000])
    """

    def __init__(self, negative_slope: float = 0.01, inplace: bool = False) -> None:
        super().__init__()
        self.negative_slope, self.inplace = negative_slope, inplace

    def forward(self, input: Tensor) -> Tensor:
        return F.leaky_relu(input, self.negative_slope, self.inplace)

    def extra_repr(self) -> str:
        return f"negative_slope={self.negative_slope}" + (", inplace=True" if self.inplace else "")


class RReLU(Module):
    """x where x > 0, else a · x with a drawn between lower and upper while training, else their mean.

    Source: Xu et al. (2015); PyTorch, `torch.nn.RReLU`.
    """

    def __init__(self, lower: float = 1 / 8, upper: float = 1 / 3, inplace: bool = False) -> None:
        super().__init__()
        self.lower, self.upper, self.inplace = lower, upper, inplace

    def forward(self, input: Tensor) -> Tensor:
        return F.rrelu(input, self.lower, self.upper, self.training, self.inplace)

    def extra_repr(self) -> str:
        return f"lower={self.lower}, upper={self.upper}" + (", inplace=True" if self.inplace else "")


class ELU(Module):
    """x where x > 0, else alpha (e^x - 1). Source: PyTorch, `torch.nn.ELU`."""

    def __init__(self, alpha: float = 1.0, inplace: bool = False) -> None:
        super().__init__()
        self.alpha, self.inplace = alpha, inplace

    def forward(self, input: Tensor) -> Tensor:
        return F.elu(input, self.alpha, self.inplace)

    def extra_repr(self) -> str:
        return f"alpha={self.alpha}" + (", inplace=True" if self.inplace else "")


class CELU(Module):
    """x where x > 0, else alpha (e^(x / alpha) - 1). Source: PyTorch, `torch.nn.CELU`."""

    def __init__(self, alpha: float = 1.0, inplace: bool = False) -> None:
        super().__init__()
        self.alpha, self.inplace = alpha, inplace

    def forward(self, input: Tensor) -> Tensor:
        return F.celu(input, self.alpha, self.inplace)

    def extra_repr(self) -> str:
        return f"alpha={self.alpha}" + (", inplace=True" if self.inplace else "")


class Threshold(Module):
    """x where x > threshold, else `value`. Source: PyTorch, `torch.nn.Threshold`."""

    def __init__(self, threshold: float, value: float, inplace: bool = False) -> None:
        super().__init__()
        self.threshold, self.value, self.inplace = threshold, value, inplace

    def forward(self, input: Tensor) -> Tensor:
        return F.threshold(input, self.threshold, self.value, self.inplace)

    def extra_repr(self) -> str:
        return f"threshold={self.threshold}, value={self.value}" + (", inplace=True" if self.inplace else "")


class Hardtanh(Module):
    """x between min_val and max_val. Source: PyTorch, `torch.nn.Hardtanh`."""

    def __init__(
        self,
        min_val: float = -1.0,
        max_val: float = 1.0,
        inplace: bool = False,
        min_value: float | None = None,
        max_value: float | None = None,
    ) -> None:
        super().__init__()
        if min_value is not None or max_value is not None:
            warnings.warn(
                "min_value and max_value are deprecated: min_val, max_val", FutureWarning, stacklevel=2
            )
            min_val = min_val if min_value is None else min_value
            max_val = max_val if max_value is None else max_value
        if not max_val > min_val:
            raise located.AssertionError(
                f"max_val must be larger than min_val, in Hardtanh({min_val}, {max_val})"
            )
        self.min_val, self.max_val, self.inplace = min_val, max_val, inplace

    def forward(self, input: Tensor) -> Tensor:
        return F.hardtanh(input, self.min_val, self.max_val, self.inplace)

    def extra_repr(self) -> str:
        return f"min_val={self.min_val}, max_val={self.max_val}" + (", inplace=True" if self.inplace else "")


class Sigmoid(Module):
    """1 / (1 + e^-x). Source: PyTorch, `torch.nn.Sigmoid`.

    >>> import autodiff, nn
    >>> nn.Sigmoid()(autodiff.tensor([-1.0, 0.0, 1.0]))
    tensor([0.2689, 0.5000, 0.7311])
    """

    def forward(self, input: Tensor) -> Tensor:
        return F.sigmoid(input)


class LogSigmoid(Module):
    """log sigmoid(x). Source: PyTorch, `torch.nn.LogSigmoid`."""

    def forward(self, input: Tensor) -> Tensor:
        return F.logsigmoid(input)


class Tanh(Module):
    """The hyperbolic tangent. Source: PyTorch, `torch.nn.Tanh`.

    >>> import autodiff, nn
    >>> nn.Tanh()(autodiff.tensor([-1.0, 0.0, 1.0]))
    tensor([-0.7616,  0.0000,  0.7616])
    """

    def forward(self, input: Tensor) -> Tensor:
        return F.tanh(input)


class Tanhshrink(Module):
    """x - tanh(x). Source: PyTorch, `torch.nn.Tanhshrink`."""

    def forward(self, input: Tensor) -> Tensor:
        return F.tanhshrink(input)


class _Shrink(Module):
    """An activation that is 0 where |x| <= lambd."""

    def __init__(self, lambd: float = 0.5) -> None:
        super().__init__()
        self.lambd = lambd

    def extra_repr(self) -> str:
        return f"{self.lambd}"


class Hardshrink(_Shrink):
    """x where |x| > lambd, else 0. Source: PyTorch, `torch.nn.Hardshrink`."""

    def forward(self, input: Tensor) -> Tensor:
        return F.hardshrink(input, self.lambd)


class Softshrink(_Shrink):
    """x moved towards 0 by lambd, 0 where |x| <= lambd. Source: PyTorch, `torch.nn.Softshrink`."""

    def forward(self, input: Tensor) -> Tensor:
        return F.softshrink(input, self.lambd)


class Softsign(Module):
    """x / (1 + |x|). Source: PyTorch, `torch.nn.Softsign`."""

    def forward(self, input: Tensor) -> Tensor:
        return F.softsign(input)


class Softplus(Module):
    """log(1 + e^(beta x)) / beta, and x where beta x > threshold. Source: PyTorch, `torch.nn.Softplus`.

    >>> import autodiff, nn
    >>> nn.Softplus()(autodiff.tensor([-1.0, 0.0, 30.0]))
    tensor([ 0.3133,  0.6931, 30.0000])
    """

    def __init__(self, beta: float = 1.0, threshold: float = 20.0) -> None:
        super().__init__()
        self.beta, self.threshold = beta, threshold

    def forward(self, input: Tensor) -> Tensor:
        return F.softplus(input, self.beta, self.threshold)

    def extra_repr(self) -> str:
        return f"beta={self.beta}, threshold={self.threshold}"


class GELU(Module):
    """x Φ(x), Φ the normal distribution function; see `autodiff.gelu`. Source: PyTorch, `torch.nn.GELU`."""

    def __init__(self, approximate: str = "none") -> None:
        super().__init__()
        self.approximate = approximate

    def forward(self, input: Tensor) -> Tensor:
        return F.gelu(input, self.approximate)

    def extra_repr(self) -> str:
        return f"approximate={self.approximate!r}"


class GLU(Module):
    """a sigmoid(b), the halves of the input along `dim`. Source: PyTorch, `torch.nn.GLU`."""

    def __init__(self, dim: int = -1) -> None:
        super().__init__()
        refuse_input(self, dim)
        self.dim = dim

    def forward(self, input: Tensor) -> Tensor:
        return F.glu(input, self.dim)

    def extra_repr(self) -> str:
        return f"dim={self.dim}"


class PReLU(Module):
    """x where x > 0, else weight · x: `weight` (num_parameters,) is learned, and `init` at first.

    One for all, or one for each channel (the second dimension). Source: He et al. (2015); PyTorch,
    `torch.nn.PReLU`.

    >>> import autodiff, nn
    >>> nn.PReLU()(autodiff.tensor([-2.0, 2.0])).detach()
    tensor([-0.5000,  2.0000])
    """

    def __init__(
        self, num_parameters: int = 1, init: float = 0.25, device: Any = None, dtype: Any = None
    ) -> None:
        super().__init__()
        self.num_parameters, self.init = num_parameters, init
        self.weight = Parameter(empty(num_parameters, dtype=dtype, device=device))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Set every slope to `init`."""
        constant_(self.weight, self.init)

    def forward(self, input: Tensor) -> Tensor:
        return F.prelu(input, self.weight)

    def extra_repr(self) -> str:
        return f"num_parameters={self.num_parameters}"


class _Along(Module):
    """An activation along a dimension."""

    def __init__(self, dim: int | None = None) -> None:
        super().__init__()
        self.dim = dim

    def extra_repr(self) -> str:
        return f"dim={self.dim}"


class Softmax(_Along):
    """Probabilities: exp(x) / Σ exp(x) along `dim`. Source: PyTorch, `torch.nn.Softmax`.

    >>> import autodiff, nn
    >>> nn.Softmax(dim=0)(autodiff.zeros(2))
    tensor([0.5000, 0.5000])
    """

    def forward(self, input: Tensor) -> Tensor:
        return F.softmax(input, self.dim)


class Softmin(_Along):
    """softmax(-x). Source: PyTorch, `torch.nn.Softmin`."""

    def forward(self, input: Tensor) -> Tensor:
        return F.softmin(input, self.dim)


class LogSoftmax(_Along):
    """The logarithm of softmax along `dim`. Source: PyTorch, `torch.nn.LogSoftmax`.

    >>> import autodiff, nn
    >>> nn.LogSoftmax(dim=1)(autodiff.zeros(1, 2))
    tensor([[-0.6931, -0.6931]])
    """

    def forward(self, input: Tensor) -> Tensor:
        return F.log_softmax(input, self.dim)


class Softmax2d(Module):
    """Softmax over the channels of (N, C, H, W) or (C, H, W). Source: PyTorch, `torch.nn.Softmax2d`."""

    def forward(self, input: Tensor) -> Tensor:
        if input.ndim not in (3, 4):
            raise located.ValueError(
                f"Softmax2d: expected input to be 3D or 4D, got {input.ndim}D instead: (C, H, W) with or "
                "without a batch"
            )
        return F.softmax(input, -3)


ACTIVATIONS: dict[str, type[Module]] = {
    cls.__name__.lower(): cls
    for cls in (
        CELU, ELU, GELU, Hardshrink, Hardsigmoid, Hardswish, Hardtanh, LeakyReLU, LogSigmoid, Mish, PReLU,
        ReLU, ReLU6, SELU, SiLU, Sigmoid, Softplus, Softshrink, Softsign, Tanh, Tanhshrink,
    )
}  # fmt: skip
"""The activations of a single unit, by name."""


def activation_module(activation: str | type[Module] | Module) -> Module:
    """A module for an activation's name ("relu", "leaky_relu" ...) or class; a module itself.

    Raises ValueError for an unknown name, TypeError for anything else.
    """
    if isinstance(activation, str):
        found = ACTIVATIONS.get(activation.lower().replace("_", ""))
        if found is None:
            raise located.ValueError(
                f"unknown activation {activation!r}: one of {', '.join(sorted(ACTIVATIONS))}"
            )
        return found()
    if isinstance(activation, type) and issubclass(activation, Module):
        return activation()
    if isinstance(activation, Module):
        return activation
    raise located.TypeError(f"activation must be a name, a Module class or a Module, not {activation!r}")
