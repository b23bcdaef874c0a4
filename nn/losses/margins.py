"""Losses with a margin: what is right by more than the margin costs nothing."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

import autodiff
from autodiff import Tensor, pairwise_distance
from autodiff.errors import located
from autodiff.ops import losses as primitive
from autodiff.ops.arguments import refuse_no_number, refuse_plain

from .checks import pair, reduced, reduction_of, refuse_integers, refuse_others, refuse_shapes

# A primitive returns Any: of tensors a tensor.
# mypy: disable-error-code="no-any-return"


def hinge_embedding_loss(
    input: Tensor,
    target: Tensor,
    margin: float = 1.0,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """A distance x where y is 1, and max(0, margin - x) where y is -1: the like near, the unlike apart.

    input and target of one shape. Raises ValueError for different shapes. Source: PyTorch,
    `torch.nn.functional.hinge_embedding_loss`.

    >>> import autodiff
    >>> hinge_embedding_loss(autodiff.tensor([0.5, 0.5]), autodiff.tensor([1, -1]), 2.0, reduction="none")
    tensor([0.5000, 1.5000])
    """
    reduction = reduction_of(size_average, reduce, reduction)
    input, target = pair("hinge_embedding_loss", input, target)
    near = autodiff.where(target != -1, input, 0.0)
    far = autodiff.where(target != 1, (margin - input).clamp_min(0), 0.0)
    return reduced(near + far, reduction)


def margin_ranking_loss(
    input1: Tensor,
    input2: Tensor,
    target: Tensor,
    margin: float = 0,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """max(0, margin - y (x1 - x2)): x1 is to be the larger where y is 1, x2 where y is -1.

    All of one shape. Raises RuntimeError for different numbers of dimensions, ValueError for different
    shapes. Source: PyTorch, `torch.nn.functional.margin_ranking_loss`.

    >>> import autodiff
    >>> x = autodiff.tensor([2.0, 2.0])
    >>> margin_ranking_loss(x, autodiff.zeros(2), autodiff.tensor([1, -1]), margin=0.5, reduction="none")
    tensor([0.0000, 2.5000])
    """
    reduction = reduction_of(size_average, reduce, reduction)
    for x, name, position in ((input1, "input1", 1), (input2, "input2", 2), (target, "target", 3)):
        refuse_plain(x, "margin_ranking_loss", name, position)
    if not input1.ndim == input2.ndim == target.ndim:
        raise located.RuntimeError(
            "margin_ranking_loss : All input tensors should have same dimension but got sizes: input1: "
            f"{input1.shape}, input2: {input2.shape}, target: {target.shape}"
        )
    refuse_shapes("margin_ranking_loss", input1, target)
    input1, input2 = pair("margin_ranking_loss", input1, input2)
    return reduced((-target * (input1 - input2) + margin).clamp_min(0), reduction)


def triplet_margin_loss(
    anchor: Tensor,
    positive: Tensor,
    negative: Tensor,
    margin: float = 1.0,
    p: float = 2,
    eps: float = 1e-6,
    swap: bool = False,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """max(0, d(anchor, positive) - d(anchor, negative) + margin), where d is the p-norm of the difference.

    All (N, D) or (D,). With `swap` the negative counts as far as the nearer of anchor and positive sees it.
    Raises ValueError for a margin that is not positive and for different shapes, RuntimeError for different
    numbers of dimensions. Source: Balntas et al., "Learning shallow convolutional feature descriptors with
    triplet losses" (2016); PyTorch, `torch.nn.functional.triplet_margin_loss`.

    >>> import autodiff
    >>> a, b, c = (autodiff.tensor([[x]]) for x in (0.0, 1.0, 3.0))
    >>> triplet_margin_loss(a, b, c, margin=5.0)
    tensor(3.)
    """
    reduction = reduction_of(size_average, reduce, reduction)
    refuse_triplet("triplet_margin_loss", anchor, positive, negative, margin)

    def distance(x: Tensor, y: Tensor) -> Tensor:
        return pairwise_distance(x, y, p, eps)

    return reduced(triplets(anchor, positive, negative, distance, margin, swap), reduction)


def triplet_margin_with_distance_loss(
    anchor: Tensor,
    positive: Tensor,
    negative: Tensor,
    *,
    distance_function: Callable[[Tensor, Tensor], Tensor] | None = None,
    margin: float = 1.0,
    swap: bool = False,
    reduction: str = "mean",
) -> Tensor:
    """`triplet_margin_loss` with a distance of one's own, a function of two tensors."""
    reduction = reduction_of(None, None, reduction)
    refuse_triplet("triplet_margin_with_distance_loss", anchor, positive, negative, margin)
    distance = pairwise_distance if distance_function is None else distance_function
    return reduced(triplets(anchor, positive, negative, distance, margin, swap), reduction)


def triplets(
    anchor: Tensor,
    positive: Tensor,
    negative: Tensor,
    distance: Callable[[Tensor, Tensor], Tensor],
    margin: float,
    swap: bool,
) -> Tensor:
    """The loss of each triplet."""
    near, far = distance(anchor, positive), distance(anchor, negative)
    if swap:
        far = autodiff.minimum(far, distance(positive, negative))
    return (margin + near - far).clamp_min(0)


def refuse_triplet(name: str, anchor: Tensor, positive: Tensor, negative: Tensor, margin: float) -> None:
    """Raise TypeError, ValueError or RuntimeError for what is no triplet of tensors of one shape."""
    for i, (argument, x) in enumerate(
        (("anchor", anchor), ("positive", positive), ("negative", negative)), 1
    ):
        refuse_plain(x, name, argument, i)
    refuse_no_number(margin, name, "margin")
    if margin <= 0:
        raise located.ValueError(f"margin must be greater than 0, got {margin}, in {name}")
    if not anchor.ndim == positive.ndim == negative.ndim:
        raise located.RuntimeError(
            "The anchor, positive, and negative tensors are expected to have the same number of dimensions, "
            f"but got: anchor {anchor.ndim}D, positive {positive.ndim}D, and negative {negative.ndim}D inputs"
        )
    refuse_shapes(name, anchor, positive)
    refuse_shapes(name, anchor, negative)


def cosine_embedding_loss(
    input1: Tensor,
    input2: Tensor,
    target: Tensor,
    margin: float = 0,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """1 - cos(x1, x2) where y is 1, and max(0, cos(x1, x2) - margin) where y is -1.

    input1 and input2 (N, D) with target (N,), or (D,) with (). Raises RuntimeError for other dimensions,
    ValueError for different shapes. Source: PyTorch, `torch.nn.functional.cosine_embedding_loss`.

    >>> import autodiff
    >>> x, y = autodiff.tensor([[1.0, 0.0]]), autodiff.tensor([[0.0, 2.0]])
    >>> cosine_embedding_loss(x, y, autodiff.tensor([1]))
    tensor(1.)
    """
    name = "cosine_embedding_loss"
    reduction = reduction_of(size_average, reduce, reduction)
    for x, argument, position in ((input1, "input1", 1), (input2, "input2", 2), (target, "target", 3)):
        refuse_plain(x, name, argument, position)
    if target.ndim > 1:
        raise located.RuntimeError(
            f"0D or 1D target tensor expected, multi-target not supported, in {name}: it is {target.shape}"
        )
    if not input1.ndim == input2.ndim == target.ndim + 1:
        raise located.RuntimeError(
            f"{target.ndim}D target tensor expects {target.ndim + 1}D input tensors, but found inputs with "
            f"sizes {list(input1.shape)} and {list(input2.shape)}., in {name}"
        )
    input1, input2 = pair(name, input1, input2)
    if target.shape != input1.shape[:-1]:
        raise located.ValueError(
            f"{name}: Target size {target.shape} must be one number for each row of the inputs {input1.shape}"
        )
    tiny = 1e-12  # added to the squared lengths, as in PyTorch
    squares = ((input1 * input1).sum(-1) + tiny) * ((input2 * input2).sum(-1) + tiny)
    cosine = (input1 * input2).sum(-1) / squares.sqrt()
    like = autodiff.where(target == 1, 1 - cosine, 0.0)
    unlike = autodiff.where(target == -1, (cosine - margin).clamp_min(0), 0.0)
    return reduced(like + unlike, reduction)


def soft_margin_loss(
    input: Tensor,
    target: Tensor,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """log(1 + e^(-y x)) for scores x and targets y of -1 or 1, for scores of any size.

    input and target of one shape. Raises ValueError for different shapes. Source: PyTorch,
    `torch.nn.functional.soft_margin_loss`, which overflows from -y x = 89 on.

    >>> import autodiff
    >>> soft_margin_loss(autodiff.tensor([0.0, -100.0]), autodiff.tensor([1, 1]), reduction="none")
    tensor([  0.6931, 100.0000])
    """
    reduction = reduction_of(size_average, reduce, reduction)
    input, target = pair("soft_margin_loss", input, target)
    return reduced(primitive.softplus_of_negative(target * input), reduction)


def multi_margin_loss(
    input: Tensor,
    target: Tensor,
    p: int = 1,
    margin: float = 1.0,
    weight: Tensor | None = None,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """The mean over all C classes of max(0, margin - x[y] + x[i])ᵖ, where i = y counts 0 and p is 1 or 2.

    input (N, C) with target (N,) of class indices, or (C,) with one. `weight` (C,) counts the classes
    differently. Raises ValueError for another p, RuntimeError for shapes, dtypes and indices that do not fit.
    Source: PyTorch, `torch.nn.functional.multi_margin_loss`.

    >>> import autodiff
    >>> multi_margin_loss(autodiff.tensor([[0.0, 2.0, 0.5, 1.5]]), autodiff.tensor([1]))
    tensor(0.1250)
    """
    name = "multi_margin_loss"
    reduction = reduction_of(size_average, reduce, reduction)
    refuse_others(name, input, target)
    if p not in (1, 2):
        raise located.ValueError(f"only p == 1 and p == 2 supported, in {name}: p is {p}")
    refuse_integers(name, input.dtype)
    rows = score_rows(name, input)
    n, classes = rows.shape
    index = target.array.reshape(-1)
    if target.ndim > 1 or len(index) != n:
        raise located.RuntimeError(
            f"{name}: target tensor should be 1-D with size equal to the number of input samples (batch "
            f"size). Expected target size [{n}], but got {list(target.shape)}. Input has shape "
            f"{list(input.shape)}."
        )
    refuse_labels(name, target, ((index < 0) | (index >= classes)).any(), "target out of range")
    missing = (margin - rows.gather(1, Tensor(index[:, None])) + rows).relu()
    others = np.arange(classes) != index[:, None]
    each = autodiff.where(Tensor(others), missing if p == 1 else missing * missing, 0.0)
    if weight is not None:
        refuse_class_weight(name, weight, classes, rows)
        each = each * weight[index].unsqueeze(1)
    return reduced((each.sum(1) / classes).reshape(target.shape), reduction)


def refuse_class_weight(name: str, weight: Tensor, classes: int, rows: Tensor) -> None:
    """Raise ValueError or RuntimeError unless each class has a weight, in the dtype of the scores."""
    refuse_plain(weight, name, "weight", 5)
    if weight.ndim != 1:
        raise located.ValueError(f"weight must be one-dimensional, in {name}: it has shape {weight.shape}")
    if len(weight) != classes:
        raise located.RuntimeError(
            f"inconsistent weight size, expected {classes} but got {list(weight.shape)}, in {name}"
        )
    if weight.dtype != rows.dtype:
        raise located.RuntimeError(f"expected scalar type {rows.dtype} but found {weight.dtype}, in {name}")


def multilabel_margin_loss(
    input: Tensor,
    target: Tensor,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """Σ max(0, 1 - x[j] + x[i]) / C over the right classes j and the wrong ones i.

    input (N, C) or (C,); target int64 of its shape, in each row the right classes and then -1. Raises
    RuntimeError for shapes, dtypes and indices that do not fit. Source: PyTorch,
    `torch.nn.functional.multilabel_margin_loss`.

    >>> import autodiff
    >>> scores, right = autodiff.tensor([[0.0, 1.0, 0.5, 3.0]]), autodiff.tensor([[3, 1, -1, -1]])
    >>> multilabel_margin_loss(scores, right)
    tensor(0.1250)
    """
    name = "multilabel_margin_loss"
    reduction = reduction_of(size_average, reduce, reduction)
    refuse_others(name, input, target)
    refuse_integers(name, input.dtype)
    rows = score_rows(name, input)
    if target.shape != input.shape:
        raise located.RuntimeError(
            f"inconsistent target size: {list(target.shape)} for input of size: {list(input.shape)}, in "
            f"{name}"
        )
    labels, classes = target.array.reshape(rows.shape), rows.shape[1]
    refuse_labels(
        name, target, ((labels < -1) | (labels >= classes)).any(), "argument #2 'target' is out of range"
    )
    given = np.logical_and.accumulate(labels >= 0, axis=1)
    labels = np.where(given, labels, 0)
    wrong = np.ones(rows.shape, bool)
    wrong[np.nonzero(given)[0], labels[given]] = False
    missing = (1 - rows.gather(1, Tensor(labels)).unsqueeze(2) + rows.unsqueeze(1)).relu()
    counts = Tensor(given[:, :, None] & wrong[:, None, :])
    each = autodiff.where(counts, missing, 0.0).sum((1, 2)) / classes
    return reduced(each.reshape(input.shape[:-1]), reduction)


def score_rows(name: str, input: Tensor) -> Tensor:
    """Scores as (N, C). Raises RuntimeError unless they are (N, C) or (C,), with a class at least."""
    if input.ndim > 2 or 0 in input.shape[-1:]:
        raise located.RuntimeError(
            "Expected non-empty vector or matrix with optional 0-dim batch size, but got: "
            f"{list(input.shape)}, in {name}"
        )
    return input if input.ndim == 2 else input.reshape(1, -1)


def refuse_labels(name: str, target: Tensor, outside: np.bool_, words: str) -> None:
    """Raise RuntimeError unless the target are class indices, and none is out of range."""
    if target.dtype != np.int64:
        raise located.RuntimeError(
            f"expected scalar type Long but found {target.dtype}, in {name}: targets are class indices, "
            "target.long()"
        )
    if outside:
        raise located.RuntimeError(f"{words}, in {name}")


def multilabel_soft_margin_loss(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """The mean over the classes of -y log σ(x) - (1 - y) log σ(-x): one loss for each row of (N, C).

    input and target of one shape; `weight` (C,) counts the classes differently. Raises ValueError for
    different shapes, IndexError for a 0-dim input. Source: PyTorch,
    `torch.nn.functional.multilabel_soft_margin_loss`.

    >>> import autodiff
    >>> multilabel_soft_margin_loss(autodiff.zeros(1, 2), autodiff.tensor([[1.0, 0.0]]))
    tensor(0.6931)
    """
    reduction = reduction_of(size_average, reduce, reduction)
    input, target = pair("multilabel_soft_margin_loss", input, target)
    if not input.ndim:
        raise located.IndexError(
            "Dimension specified as -1 but tensor has no dimensions, in multilabel_soft_margin_loss"
        )
    surprise = primitive.softplus_of_negative
    each = target * surprise(input) + (1 - target) * surprise(-input)
    if weight is not None:
        refuse_plain(weight, "multilabel_soft_margin_loss", "weight", 3)
        each = each * weight
    return reduced(each.sum(-1) / input.shape[-1], reduction)
