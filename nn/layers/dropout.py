"""Dropout: noise while training, nothing afterwards."""

from __future__ import annotations

from autodiff import Tensor
from autodiff.errors import located

from .. import functional as F
from ..module import Module, refuse_input
from ..suspicions.modes import doubt_mode


class Dropout(Module):
    """While training, each entry is 0 with probability `p`, and the others are divided by 1 - p.

    In eval mode nothing happens. Raises ValueError unless 0 <= p <= 1. Source: Srivastava et al., "Dropout"
    (2014); PyTorch, `torch.nn.Dropout`.

    >>> import autodiff, nn
    >>> nn.Dropout(0.5).eval()(autodiff.ones(3))
    tensor([1., 1., 1.])
    """

    def __init__(self, p: float = 0.5, inplace: bool = False) -> None:
        super().__init__()
        refuse_input(self, p)
        if not 0 <= p <= 1:
            raise located.ValueError(f"dropout probability has to be between 0 and 1, but got {p}")
        self.p, self.inplace = p, inplace

    def forward(self, input: Tensor) -> Tensor:
        doubt_mode(self, input)
        return F.dropout(input, self.p, self.training, self.inplace)

    def extra_repr(self) -> str:
        return f"p={self.p}, inplace={self.inplace}"


class Dropout1d(Dropout):
    """`Dropout` of whole channels, of a signal (N, C, L) or (C, L). Source: PyTorch, `torch.nn.Dropout1d`."""

    def forward(self, input: Tensor) -> Tensor:
        doubt_mode(self, input)
        return F.dropout1d(input, self.p, self.training, self.inplace)


class Dropout2d(Dropout):
    """`Dropout` of whole channels, of an image (N, C, H, W). Source: PyTorch, `torch.nn.Dropout2d`."""

    def forward(self, input: Tensor) -> Tensor:
        doubt_mode(self, input)
        return F.dropout2d(input, self.p, self.training, self.inplace)


class AlphaDropout(Dropout):
    """Dropout that keeps mean and variance after `SELU`. Source: PyTorch, `torch.nn.AlphaDropout`."""

    def forward(self, input: Tensor) -> Tensor:
        doubt_mode(self, input)
        return F.alpha_dropout(input, self.p, self.training)


class FeatureAlphaDropout(Dropout):
    """`AlphaDropout` of whole channels (N, C, ...). Source: PyTorch, `torch.nn.FeatureAlphaDropout`."""

    def forward(self, input: Tensor) -> Tensor:
        doubt_mode(self, input)
        return F.feature_alpha_dropout(input, self.p, self.training)
