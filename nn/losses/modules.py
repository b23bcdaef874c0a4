"""The losses as modules: `criterion = MSELoss()`, then `criterion(prediction, target)`."""

from __future__ import annotations

from typing import Any

from autodiff import Tensor
from autodiff.errors import located

from ..module import Module
from . import classification as c
from . import regression as r
from .checks import reduction_of


class _Loss(Module):
    """A loss with a reduction: "mean", "sum" or "none" (the two flags are its old spelling)."""

    def __init__(
        self, size_average: bool | None = None, reduce: bool | None = None, reduction: str = "mean"
    ) -> None:
        super().__init__()
        if any(isinstance(option, Tensor) for option in (size_average, reduce, reduction)):
            name = type(self).__name__
            raise located.RuntimeError(
                f"Boolean value of Tensor with more than one value is ambiguous: {name} was given tensors "
                f"when it was made. Make it first, loss_fn = nn.{name}(), then loss_fn(input, target)"
            )
        if size_average is not None or reduce is not None:
            reduction = reduction_of(size_average, reduce, reduction)
        self.reduction = reduction


class _Weighted(_Loss):
    """A loss with a `weight`, of each class or entry, which is a buffer."""

    weight: Tensor | None

    def __init__(
        self,
        weight: Tensor | None = None,
        size_average: bool | None = None,
        reduce: bool | None = None,
        reduction: str = "mean",
    ) -> None:
        super().__init__(size_average, reduce, reduction)
        self.register_buffer("weight", weight)


class MSELoss(_Loss):
    """Mean squared error. See `nn.functional.mse_loss`; source: PyTorch, `torch.nn.MSELoss`.

    >>> import autodiff, nn
    >>> nn.MSELoss()(autodiff.tensor([1.0, 2.0]), autodiff.tensor([1.0, 4.0]))
    tensor(2.)
    """

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return r.mse_loss(input, target, None, None, self.reduction)


class L1Loss(_Loss):
    """Mean absolute error. See `nn.functional.l1_loss`; source: PyTorch, `torch.nn.L1Loss`.

    >>> import autodiff, nn
    >>> nn.L1Loss()(autodiff.tensor([1.0, 2.0]), autodiff.tensor([1.0, 4.0]))
    tensor(1.)
    """

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return r.l1_loss(input, target, reduction=self.reduction)


class SmoothL1Loss(_Loss):
    """Squared up to `beta`, absolute beyond.

    See `nn.functional.smooth_l1_loss`; source: PyTorch, `torch.nn.SmoothL1Loss`.

    >>> import autodiff, nn
    >>> nn.SmoothL1Loss(reduction="none")(autodiff.tensor([1.0, 2.0]), autodiff.tensor([2.0, 5.0]))
    tensor([0.5000, 2.5000])
    """

    def __init__(
        self,
        size_average: bool | None = None,
        reduce: bool | None = None,
        reduction: str = "mean",
        beta: float = 1.0,
    ) -> None:
        super().__init__(size_average, reduce, reduction)
        self.beta = beta

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return r.smooth_l1_loss(input, target, reduction=self.reduction, beta=self.beta)


class HuberLoss(_Loss):
    """Squared up to `delta`, linear beyond.

    See `nn.functional.huber_loss`; source: PyTorch, `torch.nn.HuberLoss`.

    >>> import autodiff, nn
    >>> nn.HuberLoss("none", delta=2.0)(autodiff.tensor([1.0, 2.0]), autodiff.tensor([2.0, 5.0]))
    tensor([0.5000, 4.0000])
    """

    def __init__(self, reduction: str = "mean", delta: float = 1.0) -> None:
        super().__init__(reduction=reduction)
        self.delta = delta

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return r.huber_loss(input, target, self.reduction, self.delta)


class BCELoss(_Weighted):
    """Binary cross-entropy of probabilities (after a sigmoid). `weight` is a buffer.

    See `nn.functional.binary_cross_entropy`; source: PyTorch, `torch.nn.BCELoss`.

    >>> import autodiff, nn
    >>> nn.BCELoss()(autodiff.tensor([0.5, 0.75]), autodiff.tensor([1.0, 1.0]))
    tensor(0.4904)
    """

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return c.binary_cross_entropy(input, target, self.weight, reduction=self.reduction)


class BCEWithLogitsLoss(_Weighted):
    """Binary cross-entropy of logits (no sigmoid before it). `weight` and `pos_weight` are buffers.

    See `nn.functional.binary_cross_entropy_with_logits`; source: PyTorch, `torch.nn.BCEWithLogitsLoss`.

    >>> import autodiff, nn
    >>> nn.BCEWithLogitsLoss()(autodiff.tensor([0.0, 3.0]), autodiff.tensor([1.0, 1.0]))
    tensor(0.3709)
    """

    pos_weight: Tensor | None

    def __init__(
        self,
        weight: Tensor | None = None,
        size_average: bool | None = None,
        reduce: bool | None = None,
        reduction: str = "mean",
        pos_weight: Tensor | None = None,
    ) -> None:
        super().__init__(weight, size_average, reduce, reduction)
        self.register_buffer("pos_weight", pos_weight)

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return c.binary_cross_entropy_with_logits(
            input, target, self.weight, reduction=self.reduction, pos_weight=self.pos_weight
        )


class NLLLoss(_Weighted):
    """Minus the log-probability of the right class (after `LogSoftmax`). `weight` is a buffer.

    See `nn.functional.nll_loss`; source: PyTorch, `torch.nn.NLLLoss`.

    >>> import autodiff, nn
    >>> log_probabilities = nn.LogSoftmax(dim=1)(autodiff.zeros(2, 4))
    >>> nn.NLLLoss()(log_probabilities, autodiff.tensor([0, 3]))
    tensor(1.3863)
    """

    def __init__(
        self,
        weight: Tensor | None = None,
        size_average: bool | None = None,
        ignore_index: int = -100,
        reduce: bool | None = None,
        reduction: str = "mean",
    ) -> None:
        super().__init__(weight, size_average, reduce, reduction)
        self.ignore_index = ignore_index

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return c.nll_loss(
            input, target, self.weight, ignore_index=self.ignore_index, reduction=self.reduction
        )


class CrossEntropyLoss(_Weighted):
    """Cross-entropy of logits (no softmax before it) with class indices or probabilities.

    `weight` is a buffer. See `nn.functional.cross_entropy`; source: PyTorch, `torch.nn.CrossEntropyLoss`.

    >>> import autodiff, nn
    >>> nn.CrossEntropyLoss()(autodiff.zeros(2, 4), autodiff.tensor([0, 3]))
    tensor(1.3863)
    """

    def __init__(
        self,
        weight: Tensor | None = None,
        size_average: bool | None = None,
        ignore_index: int = -100,
        reduce: bool | None = None,
        reduction: str = "mean",
        label_smoothing: float = 0.0,
    ) -> None:
        super().__init__(weight, size_average, reduce, reduction)
        self.ignore_index = ignore_index
        self.label_smoothing = label_smoothing

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        options: dict[str, Any] = {"ignore_index": self.ignore_index, "label_smoothing": self.label_smoothing}
        return c.cross_entropy(input, target, self.weight, reduction=self.reduction, **options)


class HingeLoss(_Loss):
    """max(0, 1 - y x) with targets of -1 and 1. See `nn.functional.hinge_loss`; source: micrograd's demo.

    >>> import autodiff, nn
    >>> nn.HingeLoss()(autodiff.tensor([0.5, 2.0]), autodiff.tensor([1.0, 1.0]))
    tensor(0.2500)
    """

    def __init__(self, reduction: str = "mean") -> None:
        super().__init__(reduction=reduction)

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return c.hinge_loss(input, target, self.reduction)
