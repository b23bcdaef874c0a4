"""Losses of classes: how improbable the model finds the class that is right."""

from __future__ import annotations

import math

import numpy as np

import autodiff
from autodiff import Tensor
from autodiff.errors import located
from autodiff.ops import losses as primitive
from autodiff.ops.arguments import refuse_no_number, refuse_plain
from autodiff.ops.indexing import getitem

from ..suspicions.logits import doubt_logits
from .checks import alike, pair, reduced, reduction_of, refuse_integers, refuse_others, refuse_shapes

# A primitive returns Any: of tensors a tensor.
# mypy: disable-error-code="no-any-return"

LOGITS = "logits, and applies the softmax itself"
LOG_PROBABILITIES = "log-probabilities, the result of log_softmax"


def binary_cross_entropy(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """-(y log x + (1 - y) log(1 - x)) for probabilities x and targets y in [0, 1].

    A logarithm below -100 counts as -100. input and target are of one shape and dtype; `weight` multiplies
    each entry and broadcasts. Raises ValueError for different shapes, RuntimeError for different dtypes and
    for values outside [0, 1] (logits are for `binary_cross_entropy_with_logits`). Source: PyTorch,
    `torch.nn.functional.binary_cross_entropy`.

    >>> import autodiff
    >>> binary_cross_entropy(autodiff.tensor([0.5, 0.0]), autodiff.tensor([1.0, 1.0]), reduction="none")
    tensor([  0.6931, 100.0000])
    """
    reduction = reduction_of(size_average, reduce, reduction)
    if not alike(input, target):
        refuse_others("binary_cross_entropy", input, target)
        refuse_shapes("binary_cross_entropy", input, target)
        refuse_integers("binary_cross_entropy", input.dtype)
        if input.dtype != target.dtype:
            raise located.RuntimeError(
                f"Found dtype {target.dtype} but expected {input.dtype}, in binary_cross_entropy: the target "
                f"must have the dtype of the input, target.to({input.dtype})"
            )
    refuse_no_probability(
        "input", input, ", or give logits to binary_cross_entropy_with_logits (BCEWithLogitsLoss)"
    )
    refuse_no_probability("target", target, "")
    if reduction == "mean" and weight is None:
        return primitive.bce(input, target, input.array.size or math.nan)
    each = primitive.bce_each(input, target)
    return reduced(
        each if weight is None else broadcast_times("binary_cross_entropy", each, weight), reduction
    )


def binary_cross_entropy_with_logits(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    pos_weight: Tensor | None = None,
) -> Tensor:
    """Binary cross-entropy of sigmoid(x), without its overflow: (1 - y) x + (1 + (p - 1) y) log(1 + e^-x).

    input and target of one shape; `weight` multiplies each entry, `pos_weight` p the positive ones: both
    broadcast. Raises ValueError for different shapes, RuntimeError for a target of integers. Source: PyTorch,
    `torch.nn.functional.binary_cross_entropy_with_logits`.

    >>> import autodiff
    >>> x, y = autodiff.tensor([0.0, -1000.0]), autodiff.tensor([1.0, 0.0])
    >>> binary_cross_entropy_with_logits(x, y, reduction="none")
    tensor([0.6931, 0.0000])
    """
    if reduction == "mean" and weight is pos_weight is None and size_average is reduce is None:
        loss = primitive.bce_logits.of(input, target)
        if loss is not None:
            doubt_logits(input, "binary_cross_entropy_with_logits", "logits, and applies the sigmoid itself")
            return loss
    reduction = reduction_of(size_average, reduce, reduction)
    if not alike(input, target):
        refuse_others("binary_cross_entropy_with_logits", input, target)
        if target.dtype.kind != "f":
            raise located.RuntimeError(
                f"result type float32 can't be cast to the desired output type {target.dtype}, in "
                "binary_cross_entropy_with_logits: targets are probabilities, target.float()"
            )
        input, target = pair("binary_cross_entropy_with_logits", input, target)
    doubt_logits(input, "binary_cross_entropy_with_logits", "logits, and applies the sigmoid itself")
    if reduction == "mean" and weight is None and pos_weight is None:
        return primitive.bce_logits(input, target, input.array.size or math.nan)
    surprise = primitive.softplus_of_negative(input)
    if pos_weight is not None:
        refuse_plain(pos_weight, "binary_cross_entropy_with_logits", "pos_weight", 7)
        surprise = broadcast_times(
            "binary_cross_entropy_with_logits", surprise, 1 + (pos_weight - 1) * target
        )
    each = (1 - target) * input + surprise
    return reduced(
        each if weight is None else broadcast_times("binary_cross_entropy_with_logits", each, weight),
        reduction,
    )


def refuse_no_probability(argument: str, tensor: Tensor, hint: str) -> None:
    """Raise RuntimeError for entries outside [0, 1], nan included."""
    p = tensor.array
    if p.size and not (p.min() >= 0 and p.max() <= 1):
        raise located.RuntimeError(
            f"all elements of {argument} should be between 0 and 1, in binary_cross_entropy: they are "
            f"between {p.min():.4g} and {p.max():.4g}. It takes probabilities: apply sigmoid first{hint}"
        )


def broadcast_times(name: str, each: Tensor, weight: Tensor) -> Tensor:
    """`each` multiplied by weights that broadcast to its shape. RuntimeError if they do not."""
    refuse_plain(weight, name, "weight", 3)
    product = each * weight
    if product.shape != each.shape:
        raise located.RuntimeError(
            f"output with shape {list(each.shape)} doesn't match the broadcast shape {list(product.shape)}, "
            f"in {name}: weights of shape {weight.shape} do not fit losses of shape {each.shape}"
        )
    return product


def cross_entropy(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    size_average: bool | None = None,
    ignore_index: int = -100,
    reduce: bool | None = None,
    reduction: str = "mean",
    label_smoothing: float = 0.0,
) -> Tensor:
    """-log softmax(input)[class], the surprise at the class that is right.

    input (C,), (N, C) or (N, C, d1, ...); target int64 without the C, or floats with it. Targets are class
    indices, or else the probabilities of all classes. `weight` (C,) counts the classes differently, and the
    mean of index targets divides by the weights of the rows that are not `ignore_index`. `label_smoothing` s
    makes of each target (1 - s) target + s / C. Raises IndexError for an index out of range, ValueError for
    different numbers of rows, RuntimeError for other shapes and dtypes. Source: PyTorch,
    `torch.nn.functional.cross_entropy`.

    >>> import autodiff
    >>> logits = autodiff.tensor([[2.0, 0.0, 0.0], [0.0, 0.0, 1.0]])
    >>> cross_entropy(logits, autodiff.tensor([0, 2]))
    tensor(0.3955)
    """
    if (
        reduction == "mean"
        and weight is None
        and size_average is reduce is None
        and not label_smoothing
        and rows_of_classes(input, target, ignore_index)
    ):
        doubt_logits(input, "cross_entropy", LOGITS)
        return primitive.cross_entropy(input, target.array, len(target.array))
    reduction = reduction_of(size_average, reduce, reduction)
    refuse_no_number(label_smoothing, "cross_entropy", "label_smoothing")
    if not 0 <= label_smoothing <= 1:
        raise located.RuntimeError(f"label_smoothing must be between 0.0 and 1.0. Got: {label_smoothing}")
    refuse_others("cross_entropy", input, target)
    refuse_integers("cross_entropy", input.dtype)
    refuse_weight("cross_entropy", weight, input)
    doubt_logits(input, "cross_entropy", LOGITS)
    if target.dtype.kind == "f" and target.shape == input.shape and input.ndim:
        if ignore_index >= 0:
            raise located.RuntimeError(
                "ignore_index is not supported for floating point target, in "
                f"cross_entropy(ignore_index={ignore_index}): the targets are probabilities of all classes"
            )
        return of_probabilities(input, target, weight, reduction, label_smoothing)
    index = ClassIndices("cross_entropy", input, target, ignore_index)
    return of_indices(autodiff.log_softmax(input, index.dim), index, weight, reduction, label_smoothing)


def nll_loss(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    size_average: bool | None = None,
    ignore_index: int = -100,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """-input[class] for log-probabilities (from `log_softmax`): the second half of `cross_entropy`.

    For shapes, `weight` and errors see there (targets are class indices only). Source: PyTorch,
    `torch.nn.functional.nll_loss`.

    >>> import autodiff
    >>> nll_loss(autodiff.tensor([[-0.5, -1.0], [-2.0, -0.25]]), autodiff.tensor([0, 0]))
    tensor(1.2500)
    """
    if (
        reduction == "mean"
        and weight is None
        and size_average is reduce is None
        and rows_of_classes(input, target, ignore_index)
    ):
        doubt_logits(input, "nll_loss", LOG_PROBABILITIES)
        return -getitem(input, (np.arange(len(target.array)), target.array)).mean()
    reduction = reduction_of(size_average, reduce, reduction)
    refuse_others("nll_loss", input, target)
    refuse_integers("nll_loss", input.dtype)
    refuse_weight("nll_loss", weight, input)
    doubt_logits(input, "nll_loss", LOG_PROBABILITIES)
    return of_indices(input, ClassIndices("nll_loss", input, target, ignore_index), weight, reduction)


def hinge_loss(input: Tensor, target: Tensor, reduction: str = "mean") -> Tensor:
    """max(0, 1 - y x) for scores x and targets y of -1 or 1: right by 1 or more costs nothing.

    input and target of one shape. Raises ValueError for different shapes and for targets other than -1 and 1
    (with 0 and 1, every 0 would cost 1 whatever the score). Source: the support vector machine; micrograd's
    demo.

    >>> import autodiff
    >>> hinge_loss(autodiff.tensor([2.0, 0.5, 0.5]), autodiff.tensor([1.0, 1.0, -1.0]), reduction="none")
    tensor([0.0000, 0.5000, 1.5000])
    """
    reduction = reduction_of(None, None, reduction)
    input, target = pair("hinge_loss", input, target)
    if not (np.abs(target.array) == 1).all():
        wrong = target.array[np.abs(target.array) != 1].flat[0]
        raise located.ValueError(
            f"hinge_loss: targets are -1 or 1, and one is {wrong:g}: classes 0 and 1 become 2 * target - 1"
        )
    return reduced((1 - target * input).relu(), reduction)


def rows_of_classes(input: Tensor, target: Tensor, ignore_index: int) -> bool:
    """The common case: logits (N, C), and N class indices none of which is ignored or out of range."""
    try:
        x, index = input.array, target.array
    except AttributeError:
        return False
    return (
        x.ndim == 2
        and x.dtype.kind == "f"
        and index.dtype == np.int64
        and index.shape == x.shape[:1]
        and index.size > 0
        and not 0 <= ignore_index < x.shape[1]
        and index.view(np.uint64).max() < x.shape[1]  # a negative index is a huge unsigned one
    )


def of_probabilities(
    input: Tensor, target: Tensor, weight: Tensor | None, reduction: str, label_smoothing: float
) -> Tensor:
    """Cross-entropy with the probabilities of all classes as targets; the mean is over the rows."""
    dim = class_dim(input)
    classes = input.shape[dim]
    if label_smoothing:
        target = target * (1 - label_smoothing) + label_smoothing / classes
    surprise = -autodiff.log_softmax(input, dim) * target
    if weight is not None:
        surprise = surprise * weight.reshape(classes, *[1] * (input.ndim - 1 - dim))
    return reduced(surprise.sum(dim), reduction)


def of_indices(
    log_p: Tensor, index: ClassIndices, weight: Tensor | None, reduction: str, label_smoothing: float = 0.0
) -> Tensor:
    """-log p[class], each counted with the weight of its class, and ignored rows not at all."""
    classes = log_p.shape[index.dim]
    log_p = log_p.movedim(index.dim, -1).reshape(-1, classes)
    each = -log_p[np.arange(len(index.classes)), index.classes]
    count = Tensor(index.kept.astype(log_p.dtype))
    if weight is not None:
        count = count * weight[index.classes]
        each = each * weight[index.classes]
    if label_smoothing:
        every = -(log_p if weight is None else log_p * weight).sum(1)
        each = (1 - label_smoothing) * each + (label_smoothing / classes) * every
    each = autodiff.where(Tensor(index.kept), each, 0.0)
    return each.sum() / count.sum() if reduction == "mean" else reduced(each.reshape(index.shape), reduction)


class ClassIndices:
    """Checked targets: the dimension of the classes, and for each row the class and whether it counts."""

    def __init__(self, name: str, input: Tensor, target: Tensor, ignore_index: int) -> None:
        refuse_class_shapes(name, input, target)
        self.dim = class_dim(input)
        self.shape = target.shape
        index = target.array.reshape(-1)
        n = input.shape[self.dim]
        self.kept = index != ignore_index
        wrong = index[self.kept & ((index < 0) | (index >= n))]
        if wrong.size:
            raise located.IndexError(
                f"Target {wrong[0]} is out of bounds., in {name}: the input {input.shape} has {n} classes, "
                "so targets are "
                f"0 to {n - 1}" + ("" if 0 <= ignore_index < n else f", or {ignore_index} to ignore a row")
            )
        self.classes = np.where(self.kept, index, 0)


def class_dim(input: Tensor) -> int:
    """The dimension of the classes: the second one, or the only one."""
    return 1 if input.ndim > 1 else 0


def refuse_class_shapes(name: str, input: Tensor, target: Tensor) -> None:
    """Raise ValueError or RuntimeError unless target is one class index for each row of input."""
    x, y = input.shape, target.shape
    if not x:
        raise located.ValueError(
            f"Expected 1 or more dimensions (got 0), in {name}: the input has one number for each class"
        )
    if target.dtype != np.int64:
        same_shape = (
            " With the shape of the input, floats are probabilities of all classes."
            if name == "cross_entropy"
            else ""
        )
        raise located.RuntimeError(
            f"expected target dtype to be int64, but got {target.dtype}, in {name}: targets of shape {y} are "
            f"class indices, target.long().{same_shape}"
        )
    if x == y and len(x) > 1:
        raise located.RuntimeError(
            f"0D or 1D target tensor expected, multi-target not supported, in {name}: Expected floating "
            f"point type for target with class probabilities, got {target.dtype}. If the rows are one-hot, "
            "target.argmax(1) is what is wanted"
        )
    expected = (*x[:1], *x[2:]) if len(x) > 1 else ()
    if y == expected or (len(x) == 1 and y == (1,)):
        return
    if len(x) > 1 and y and y[0] != x[0]:
        raise located.ValueError(
            f"Expected input batch_size ({x[0]}) to match target batch_size ({y[0]})., in {name}: input {x}, "
            f"target {y}"
        )
    if len(x) <= 2:
        hint = ": target.squeeze(1) drops the second dimension" if y == (*expected, 1) else ""
        raise located.RuntimeError(
            f"0D or 1D target tensor expected, multi-target not supported, in {name}: the input {x} takes "
            f"one class index for each row, shape {expected}, and the target has shape {y}{hint}"
        )
    raise located.RuntimeError(
        f"Expected target size {list(expected)}, got {list(y)}, in {name}: the input {x} has its classes "
        "second"
    )


def refuse_weight(name: str, weight: Tensor | None, input: Tensor) -> None:
    """Raise RuntimeError unless there is one weight for each class, in the dtype of the input."""
    if weight is None or not input.ndim:
        return
    refuse_plain(weight, name, "weight", 3)
    classes = input.shape[class_dim(input)]
    if weight.shape != (classes,):
        raise located.RuntimeError(
            f"{name}: weight tensor should be defined either for all {classes} classes or no classes but got "
            f"weight tensor of shape: {list(weight.shape)}"
        )
    if weight.dtype != input.dtype:
        raise located.RuntimeError(
            f"expected scalar type {input.dtype} but found {weight.dtype}, in {name}: "
            f"weight.to({input.dtype})"
        )
