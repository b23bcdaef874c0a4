"""What users ask of the pullback: `Tensor.backward` adds to `.grad`, `grad` returns gradients."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from . import memory
from .accumulation_hooks import AfterAccumulation, call_accumulated
from .backward import pullback
from .dtypes import float32, float64
from .errors import describe, located
from .ops.arguments import listed
from .primitive import cast
from .record import Record, mode
from .suspicions import doubt_sum, losses
from .tensor import Tensor, history, nobody

__all__ = ["grad"]

ndarray = np.ndarray
UNIT = {dtype: dtype.type(1) for dtype in (float32, float64)}  # dL/dL


def seed(root: Tensor, gradient: Tensor | None, create_graph: bool) -> tuple[Record, Any]:
    """The record to start from and its cotangent: 1 for a scalar, else the `gradient` given."""
    record = root.record if root._view is None else history(root)
    if record is None or record.tensor is nobody:
        from .errors.no_gradient import nothing_requires_grad

        raise nothing_requires_grad(root, mode.enabled)
    if gradient is None:
        if root.array.ndim == 0 and record.op is not None and not create_graph:
            return record, UNIT[root.array.dtype]
        if root.array.size != 1:
            raise located.RuntimeError(
                "grad can be implicitly created only for scalar outputs, and this one has shape "
                f"{root.shape}: reduce it first (loss.mean().backward()), or say which direction "
                "(y.backward(gradient=...))"
            )
        gradient = Tensor(np.ones(root.array.shape, root.array.dtype))
    if not isinstance(gradient, Tensor):
        raise located.TypeError(f"gradients can be either Tensors or None, but got {type(gradient).__name__}")
    if gradient.shape != root.shape:
        raise located.RuntimeError(
            f"Mismatch in shape: grad_output[0] has a shape of {gradient.shape} and output[0] has a shape of "
            f"{root.shape}: the gradient of a tensor has its shape"
        )
    if gradient.dtype != root.dtype:
        gradient = cast(gradient, root.dtype)
    if record.op is None:
        gradient = gradient.clone()
    return record, gradient if create_graph else gradient.array


def one_for_each(roots: Sequence[Tensor], given: Any, op: str, name: str) -> list[Tensor | None]:
    """The cotangents `given` for these roots, None for those without; RuntimeError for another number."""
    gradients = [None] * len(roots) if given is None else listed(given, op, name)
    if len(gradients) != len(roots):
        raise located.RuntimeError(f"got {len(roots)} tensors and {len(gradients)} gradients")
    return gradients


def run(
    roots: Sequence[Tensor],
    gradients: Sequence[Tensor | None],
    wanted: frozenset[Record] | None,
    retain_graph: bool | None,
    create_graph: bool,
) -> dict[Record, Any]:
    """`pullback` from tensors, with recording on only if the gradient itself is to be differentiated."""
    seeds = [seed(root, gradient, create_graph) for root, gradient in zip(roots, gradients, strict=True)]
    retain = create_graph if retain_graph is None else retain_graph
    if not create_graph:
        return pullback(seeds, wanted, retain)
    before, mode.enabled = mode.enabled, True
    try:
        return pullback(seeds, wanted, retain, create_graph=True)
    finally:
        mode.enabled = before


def backward(
    tensor: Tensor,
    gradient: Tensor | None = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    inputs: Tensor | Sequence[Tensor] | None = None,
) -> None:
    """Add dL/dx to `.grad` of every leaf x behind `tensor` (or of `inputs` alone).

    `gradient` is the cotangent of a non-scalar tensor, of its shape. The values that the graph holds are
    freed unless `retain_graph`; with `create_graph` the gradients themselves have a graph. Nothing is
    changed if an error is raised.

    >>> import autodiff
    >>> w = autodiff.tensor(3.0, requires_grad=True)
    >>> (w**2).backward()
    >>> w.grad
    tensor(6.)
    """
    if inputs is not None:
        given = [inputs] if isinstance(inputs, Tensor) else list(inputs)
        backward_to(given, [tensor], [gradient], retain_graph, create_graph)
        return
    if create_graph:
        found = run([tensor], [gradient], None, retain_graph, create_graph)
    else:
        found = pullback((seed(tensor, gradient, create_graph),), None, bool(retain_graph))
        if tensor.record.birth > losses.due:  # type: ignore[union-attr]  # a seed has one
            losses.count(tensor.record)  # type: ignore[arg-type]
    for record, g in found.items():
        tensor_of: Any = record.tensor
        x = tensor_of()
        if x is None:
            refuse_nobody(found)
            continue
        if x._grad is None and record.op is None and type(g) is ndarray:
            x._grad = g  # nobody else holds the cotangent of a leaf
        else:
            accumulate(x, g)
    if AfterAccumulation.made:
        call_accumulated(found, create_graph)


def backward_of(
    roots: Sequence[Tensor],
    gradients: Sequence[Tensor | None],
    retain_graph: bool | None,
    create_graph: bool,
) -> None:
    """`backward` of the sum of several tensors."""
    found = run(roots, gradients, None, retain_graph, create_graph)
    for record, g in found.items():
        x = record.tensor() if record.tensor is not None else None
        if x is None:
            refuse_nobody(found)
        else:
            accumulate(x, g)
    if AfterAccumulation.made:
        call_accumulated(found, create_graph)


def backward_to(
    inputs: Sequence[Tensor],
    roots: Sequence[Tensor],
    gradients: Sequence[Tensor | None],
    retain_graph: bool | None,
    create_graph: bool,
) -> None:
    """`backward` that adds to the `.grad` of these `inputs` alone."""
    if not inputs:
        raise located.RuntimeError("`inputs` argument to `backward()` cannot be empty.")
    targets = dict(zip(records_of(inputs), inputs, strict=True))
    found = run(roots, gradients, frozenset(targets), retain_graph, create_graph)
    retain(found, besides=targets)
    for record, x in targets.items():
        x.retain_grad()  # from now on, if it is a result: PyTorch's does
        if record in found:
            accumulate(x, found[record])
        else:
            refuse_changed(x, record)
    if AfterAccumulation.made:
        call_accumulated([record for record in targets if record in found], create_graph)


def refuse_nobody(found: Iterable[Record]) -> None:
    """Raise if all these gradients are of leaves that do not ask for them."""
    if all(record.tensor is nobody for record in found):
        from .errors.no_gradient import nobody_asks

        raise nobody_asks()


def retain(found: dict[Record, Any], besides: Iterable[Record] = ()) -> None:
    """Keep the `.grad` of the tensors on the way that retain theirs."""
    for record, g in found.items():
        x = record.tensor() if record.op is not None and record.tensor is not None else None
        if x is not None and record not in besides:
            accumulate(x, g)


def accumulate(x: Tensor, g: Any) -> None:
    """Add a cotangent to `.grad`: of a leaf in the memory that is there, unless it has or gets a graph."""
    grad = None if x._grad is None else x.grad
    if isinstance(g, Tensor):
        x._grad = g.clone() if grad is None else grad + g
    elif grad is None:
        x._grad = np.array(g)
    elif grad.record is not None or (x.record is not None and x.record.op is not None):
        x._grad = np.asarray(grad.array + g)  # that of a result is made anew, as in PyTorch
    else:
        doubt_sum(x, grad)
        grad.array += g
        memory.touch(grad.array)


def records_of(inputs: Sequence[Tensor]) -> list[Record]:
    """The records of the tensors to differentiate with respect to."""
    records = []
    for i, x in enumerate(inputs):
        if not isinstance(x, Tensor):
            raise located.TypeError(f"inputs can be Tensors only, but input {i} is {type(x).__name__}")
        record = history(x)
        if record is None:
            raise located.RuntimeError(
                f"One of the differentiated Tensors does not require grad: input {i}, {describe(x)}; "
                "call x.requires_grad_() before computing with it"
            )
        if record.tensor is nobody:  # nothing has used it that could be differentiated
            record = Record(None, (), (), x.array)
        records.append(record)
    return records


def refuse_changed(x: Tensor, record: Record) -> None:
    """Raise if `x`, which got no gradient, is a view that was changed in place: what it was may get one."""
    if record.op is not None and record.op.name == "take":
        raise located.RuntimeError(
            f"no gradient comes to a view, {describe(x)}, whose memory was changed in place: whether the "
            "outputs depend on what it was is not known. Ask before the change, or for that of its base"
        )


def grad(
    outputs: Tensor | Sequence[Tensor],
    inputs: Tensor | Sequence[Tensor],
    grad_outputs: Tensor | Sequence[Tensor | None] | None = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    only_inputs: bool = True,
    allow_unused: bool | None = None,
    is_grads_batched: bool = False,
    materialize_grads: bool = False,
) -> tuple[Tensor | None, ...]:
    """The gradients of the sum of `outputs` with respect to `inputs`, as a tuple; no `.grad` is touched.

    `grad_outputs` are the cotangents of non-scalar outputs. An input that the outputs do not depend on is
    an error, or None with `allow_unused`, or zeros with `materialize_grads`. `only_inputs` is of no effect,
    and `is_grads_batched` refused (NotImplementedError). Source: PyTorch, `torch.autograd.grad`.

    >>> import autodiff
    >>> x = autodiff.tensor(2.0, requires_grad=True)
    >>> (first,) = autodiff.grad(x**3, x, create_graph=True)
    >>> (second,) = autodiff.grad(first, x)
    >>> first.item(), second.item()
    (12.0, 12.0)
    """
    if is_grads_batched:
        raise located.NotImplementedError(
            "grad(): is_grads_batched is not available: call grad for each row of grad_outputs, with "
            "retain_graph=True, or map it, autodiff.func.vmap"
        )
    roots, targets = listed(outputs, "grad", "outputs"), listed(inputs, "grad", "inputs")
    if not targets:
        raise located.RuntimeError("`inputs` argument to `grad()` cannot be empty")
    gradients = one_for_each(roots, grad_outputs, "grad", "grad_outputs")
    if materialize_grads and allow_unused is False:
        raise located.ValueError(
            "Expected allow_unused to be True or not passed when materialize_grads=True, but got: "
            "allow_unused=False."
        )
    records = records_of(targets)
    cotangents = run(roots, gradients, frozenset(records), retain_graph, create_graph)
    retain(cotangents)
    results: list[Tensor | None] = []
    taken: set[int] = set()
    for i, (x, record) in enumerate(zip(targets, records, strict=True)):
        if record in cotangents:
            results.append(own(cotangents[record], taken))
        elif materialize_grads:
            results.append(Tensor(np.zeros(x.shape, x.dtype)))
        elif allow_unused:
            refuse_changed(x, record)
            results.append(None)
        else:
            raise located.RuntimeError(
                "One of the differentiated Tensors appears to not have been used in the graph. Set "
                "allow_unused=True if this is the desired behavior (its gradient is then None): "
                f"input {i}, {describe(x)}"
            )
    return tuple(results)


def grad_if_any(
    outputs: Sequence[Tensor], inputs: Sequence[Tensor], cotangents: Sequence[Tensor], create_graph: bool
) -> Sequence[Tensor | None]:
    """`grad` of those outputs that depend on anything, which may be none; the graph stays."""
    live = [(z, g) for z, g in zip(outputs, cotangents, strict=True) if z.requires_grad]
    if not live:
        return [None] * len(inputs)
    zs, gs = zip(*live, strict=True)
    return grad(zs, inputs, gs, retain_graph=True, create_graph=create_graph, allow_unused=True)


def own(g: Any, taken: set[int]) -> Tensor:
    """A cotangent as a Tensor that shares memory with no other."""
    if isinstance(g, Tensor):
        return g
    if type(g) is not np.ndarray or g.base is not None or id(g) in taken:
        g = np.array(g)
    taken.add(id(g))
    return Tensor(g)
