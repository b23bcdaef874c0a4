"""The losses of distributions as modules."""

from __future__ import annotations

from autodiff import Tensor

from . import likelihood as f
from .modules import _Loss


class KLDivLoss(_Loss):
    """Kullback-Leibler divergence of log-probabilities; "batchmean" is the divergence itself.

    See `nn.functional.kl_div`; source: PyTorch, `torch.nn.KLDivLoss`.

    >>> import autodiff, nn
    >>> log_probabilities = nn.LogSoftmax(dim=1)(autodiff.zeros(1, 2))
    >>> nn.KLDivLoss(reduction="batchmean")(log_probabilities, autodiff.tensor([[1.0, 0.0]]))
    tensor(0.6931)
    """

    def __init__(
        self,
        size_average: bool | None = None,
        reduce: bool | None = None,
        reduction: str = "mean",
        log_target: bool = False,
    ) -> None:
        super().__init__(size_average, reduce, reduction)
        self.log_target = log_target

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return f.kl_div(input, target, reduction=self.reduction, log_target=self.log_target)


class PoissonNLLLoss(_Loss):
    """Surprise at counts, given their rates. See `nn.functional.poisson_nll_loss`.

    Source: PyTorch, `torch.nn.PoissonNLLLoss`.
    """

    def __init__(
        self,
        log_input: bool = True,
        full: bool = False,
        size_average: bool | None = None,
        eps: float = 1e-8,
        reduce: bool | None = None,
        reduction: str = "mean",
    ) -> None:
        super().__init__(size_average, reduce, reduction)
        self.log_input, self.full, self.eps = log_input, full, eps

    def forward(self, log_input: Tensor, target: Tensor) -> Tensor:
        return f.poisson_nll_loss(
            log_input, target, self.log_input, self.full, eps=self.eps, reduction=self.reduction
        )


class GaussianNLLLoss(_Loss):
    """Surprise at numbers, given their means and variances. See `nn.functional.gaussian_nll_loss`.

    Source: PyTorch, `torch.nn.GaussianNLLLoss`.
    """

    def __init__(self, *, full: bool = False, eps: float = 1e-6, reduction: str = "mean") -> None:
        super().__init__(None, None, reduction)
        self.full, self.eps = full, eps

    def forward(self, input: Tensor, target: Tensor, var: Tensor | float) -> Tensor:
        return f.gaussian_nll_loss(input, target, var, self.full, self.eps, self.reduction)
