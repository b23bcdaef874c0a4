"""The losses with a margin as modules."""

from __future__ import annotations

from collections.abc import Callable

from autodiff import Tensor
from autodiff.errors import located

from . import margins as f
from .modules import _Loss, _Weighted


class SoftMarginLoss(_Loss):
    """log(1 + e^(-y x)) for targets of -1 and 1. See `nn.functional.soft_margin_loss`.

    Source: PyTorch, `torch.nn.SoftMarginLoss`.
    """

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return f.soft_margin_loss(input, target, reduction=self.reduction)


class MultiLabelMarginLoss(_Loss):
    """Every right class above every wrong one by 1. See `nn.functional.multilabel_margin_loss`.

    Source: PyTorch, `torch.nn.MultiLabelMarginLoss`.
    """

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return f.multilabel_margin_loss(input, target, reduction=self.reduction)


class MultiLabelSoftMarginLoss(_Weighted):
    """Binary cross-entropy of logits, averaged over the classes. `weight` is a buffer.

    See `nn.functional.multilabel_soft_margin_loss`; source: PyTorch, `torch.nn.MultiLabelSoftMarginLoss`.
    """

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return f.multilabel_soft_margin_loss(input, target, self.weight, reduction=self.reduction)


class MultiMarginLoss(_Weighted):
    """The right class above all others by `margin`. `weight` is a buffer.

    See `nn.functional.multi_margin_loss`; source: PyTorch, `torch.nn.MultiMarginLoss`.
    """

    def __init__(
        self,
        p: int = 1,
        margin: float = 1.0,
        weight: Tensor | None = None,
        size_average: bool | None = None,
        reduce: bool | None = None,
        reduction: str = "mean",
    ) -> None:
        super().__init__(weight, size_average, reduce, reduction)
        if p not in (1, 2):
            raise located.ValueError(f"only p == 1 and p == 2 supported, in MultiMarginLoss: p is {p}")
        if weight is not None and weight.ndim != 1:
            raise located.ValueError(
                f"MultiMarginLoss: expected weight to be None or 1D tensor, got {weight.ndim}D instead"
            )
        self.p, self.margin = p, margin

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return f.multi_margin_loss(input, target, self.p, self.margin, self.weight, reduction=self.reduction)


class _Margin(_Loss):
    """A loss with a `margin`."""

    def __init__(
        self,
        margin: float = 0.0,
        size_average: bool | None = None,
        reduce: bool | None = None,
        reduction: str = "mean",
    ) -> None:
        super().__init__(size_average, reduce, reduction)
        self.margin = margin


class HingeEmbeddingLoss(_Margin):
    """A distance where the target is 1, what is missing to `margin` where it is -1.

    See `nn.functional.hinge_embedding_loss`; source: PyTorch, `torch.nn.HingeEmbeddingLoss`.
    """

    def __init__(
        self,
        margin: float = 1.0,
        size_average: bool | None = None,
        reduce: bool | None = None,
        reduction: str = "mean",
    ) -> None:
        super().__init__(margin, size_average, reduce, reduction)

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return f.hinge_embedding_loss(input, target, self.margin, reduction=self.reduction)


class MarginRankingLoss(_Margin):
    """The first input above the second where the target is 1, below where it is -1, by `margin`.

    See `nn.functional.margin_ranking_loss`; source: PyTorch, `torch.nn.MarginRankingLoss`.

    >>> import autodiff, nn
    >>> higher, lower, target = autodiff.tensor([2.0]), autodiff.tensor([1.5]), autodiff.tensor([1.0])
    >>> nn.MarginRankingLoss(margin=1.0)(higher, lower, target)
    tensor(0.5000)
    """

    def forward(self, input1: Tensor, input2: Tensor, target: Tensor) -> Tensor:
        return f.margin_ranking_loss(input1, input2, target, self.margin, reduction=self.reduction)


class CosineEmbeddingLoss(_Margin):
    """Vectors in one direction where the target is 1, in different ones where it is -1.

    See `nn.functional.cosine_embedding_loss`; source: PyTorch, `torch.nn.CosineEmbeddingLoss`.
    """

    def forward(self, input1: Tensor, input2: Tensor, target: Tensor) -> Tensor:
        return f.cosine_embedding_loss(input1, input2, target, self.margin, reduction=self.reduction)


class TripletMarginLoss(_Loss):
    """The positive nearer to the anchor than the negative, by `margin`.

    See `nn.functional.triplet_margin_loss`; source: PyTorch, `torch.nn.TripletMarginLoss`.

    >>> import autodiff, nn
    >>> anchor, near, far = autodiff.zeros(1, 2), autodiff.ones(1, 2), 2 * autodiff.ones(1, 2)
    >>> nn.TripletMarginLoss(margin=2.0)(anchor, near, far)
    tensor(0.5858)
    """

    def __init__(
        self,
        margin: float = 1.0,
        p: float = 2.0,
        eps: float = 1e-6,
        swap: bool = False,
        size_average: bool | None = None,
        reduce: bool | None = None,
        reduction: str = "mean",
    ) -> None:
        super().__init__(size_average, reduce, reduction)
        if margin <= 0:
            raise located.ValueError(
                f"TripletMarginLoss: expected margin to be greater than 0, got {margin} instead"
            )
        self.margin, self.p, self.eps, self.swap = margin, p, eps, swap

    def forward(self, anchor: Tensor, positive: Tensor, negative: Tensor) -> Tensor:
        return f.triplet_margin_loss(
            anchor, positive, negative, self.margin, self.p, self.eps, self.swap, reduction=self.reduction
        )


class TripletMarginWithDistanceLoss(_Loss):
    """`TripletMarginLoss` with a distance of one's own.

    See `nn.functional.triplet_margin_with_distance_loss`; source: PyTorch,
    `torch.nn.TripletMarginWithDistanceLoss`.
    """

    def __init__(
        self,
        *,
        distance_function: Callable[[Tensor, Tensor], Tensor] | None = None,
        margin: float = 1.0,
        swap: bool = False,
        reduction: str = "mean",
    ) -> None:
        super().__init__(None, None, reduction)
        if margin <= 0:
            raise located.ValueError(
                f"TripletMarginWithDistanceLoss: expected margin to be greater than 0, got {margin} instead"
            )
        from ..layers.distance import PairwiseDistance  # here: layers import functions, and these the losses

        self.distance_function = PairwiseDistance() if distance_function is None else distance_function
        self.margin, self.swap = margin, swap

    def forward(self, anchor: Tensor, positive: Tensor, negative: Tensor) -> Tensor:
        return f.triplet_margin_with_distance_loss(
            anchor,
            positive,
            negative,
            distance_function=self.distance_function,
            margin=self.margin,
            swap=self.swap,
            reduction=self.reduction,
        )
