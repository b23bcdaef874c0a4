"""Activations as modules: what comes between the linear layers."""

from __future__ import annotations

from autodiff import Tensor

from .. import functional as F
from ..module import Module

# A primitive returns Any: of tensors a tensor.
# mypy: disable-error-code="no-any-return"


class _Elementwise(Module):
    """An activation that may overwrite its input (`inplace`)."""

    def __init__(self, inplace: bool = False) -> None:
        super().__init__()
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
    """x sigmoid(x). Source: PyTorch, `torch.nn.SiLU`."""

    def forward(self, input: Tensor) -> Tensor:
        return F.silu(input, self.inplace)


class LeakyReLU(Module):
    """x where x > 0, else negative_slope · x. Source: PyTorch, `torch.nn.LeakyReLU`."""

    def __init__(self, negative_slope: float = 0.01, inplace: bool = False) -> None:
        super().__init__()
        self.negative_slope, self.inplace = negative_slope, inplace

    def forward(self, input: Tensor) -> Tensor:
        return F.leaky_relu(input, self.negative_slope, self.inplace)

    def extra_repr(self) -> str:
        return f"negative_slope={self.negative_slope}" + (", inplace=True" if self.inplace else "")


class ELU(Module):
    """x where x > 0, else alpha (e^x - 1). Source: PyTorch, `torch.nn.ELU`."""

    def __init__(self, alpha: float = 1.0, inplace: bool = False) -> None:
        super().__init__()
        self.alpha, self.inplace = alpha, inplace

    def forward(self, input: Tensor) -> Tensor:
        return F.elu(input, self.alpha, self.inplace)

    def extra_repr(self) -> str:
        return f"alpha={self.alpha}" + (", inplace=True" if self.inplace else "")


class Hardtanh(Module):
    """x between min_val and max_val. Source: PyTorch, `torch.nn.Hardtanh`."""

    def __init__(self, min_val: float = -1.0, max_val: float = 1.0, inplace: bool = False) -> None:
        super().__init__()
        self.min_val, self.max_val, self.inplace = min_val, max_val, inplace

    def forward(self, input: Tensor) -> Tensor:
        return F.hardtanh(input, self.min_val, self.max_val, self.inplace)

    def extra_repr(self) -> str:
        return f"min_val={self.min_val}, max_val={self.max_val}" + (", inplace=True" if self.inplace else "")


class Sigmoid(Module):
    """1 / (1 + e^-x). Source: PyTorch, `torch.nn.Sigmoid`."""

    def forward(self, input: Tensor) -> Tensor:
        return F.sigmoid(input)


class LogSigmoid(Module):
    """log sigmoid(x). Source: PyTorch, `torch.nn.LogSigmoid`."""

    def forward(self, input: Tensor) -> Tensor:
        return F.logsigmoid(input)


class Tanh(Module):
    """The hyperbolic tangent. Source: PyTorch, `torch.nn.Tanh`."""

    def forward(self, input: Tensor) -> Tensor:
        return F.tanh(input)


class Tanhshrink(Module):
    """x - tanh(x). Source: PyTorch, `torch.nn.Tanhshrink`."""

    def forward(self, input: Tensor) -> Tensor:
        return F.tanhshrink(input)


class Softsign(Module):
    """x / (1 + |x|). Source: PyTorch, `torch.nn.Softsign`."""

    def forward(self, input: Tensor) -> Tensor:
        return F.softsign(input)


class Softplus(Module):
    """log(1 + e^(beta x)) / beta, and x where beta x > threshold. Source: PyTorch, `torch.nn.Softplus`."""

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
    """The logarithm of softmax along `dim`. Source: PyTorch, `torch.nn.LogSoftmax`."""

    def forward(self, input: Tensor) -> Tensor:
        return F.log_softmax(input, self.dim)


ACTIVATIONS: dict[str, type[Module]] = {
    cls.__name__.lower(): cls
    for cls in (
        ELU, GELU, Hardtanh, LeakyReLU, LogSigmoid, ReLU, ReLU6, SiLU, Sigmoid, Softplus, Softsign, Tanh,
        Tanhshrink,
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
            raise ValueError(f"unknown activation {activation!r}: one of {', '.join(sorted(ACTIVATIONS))}")
        return found()
    if isinstance(activation, type) and issubclass(activation, Module):
        return activation()
    if isinstance(activation, Module):
        return activation
    raise TypeError(f"activation must be a name, a Module class or a Module, not {activation!r}")
