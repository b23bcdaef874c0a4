"""Pull a cotangent back, newest record first.

`pullback` is the whole of reverse-mode differentiation: a heap ordered by birth gives each record after everything that
used it, so its cotangent is complete when it comes up. It is pure: it returns cotangents. `backward` and `grad` are a few
lines on top. Source: Griewank and Walther, "Evaluating Derivatives", chapter 3.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from heapq import heappop, heappush
from typing import Any

import numpy as np

from . import memory
from .dtypes import Array
from .errors import describe
from .record import Record, mode, set_grad_enabled
from .tensor import Tensor, history

SMALL = 64  # a freed record keeps values of up to this many entries, so that pictures can still show them


def pullback(
    roots: Sequence[Record],
    cotangents: Sequence[Any],
    wanted: frozenset[Record] | None = None,
    retain_graph: bool = False,
    create_graph: bool = False,
) -> dict[Record, Any]:
    """The cotangent of every leaf (and of every tensor that retains its grad) behind `roots`; or of `wanted` alone.

    Cotangents are arrays; with `create_graph` they are Tensors, and the rules are read on Tensors, so they are recorded.
    """
    found: dict[Record, Any] = {}
    pending: dict[int, Record] = {}
    total: dict[int, Any] = {}
    heap: list[int] = []
    useful = None if wanted is None else leading_to(wanted, roots)

    for root, g in zip(roots, cotangents, strict=True):
        birth = root.birth
        if birth in total:
            total[birth] = total[birth] + g
        else:
            total[birth], pending[birth] = g, root
            heappush(heap, -birth)

    while heap:
        birth = -heappop(heap)
        z, g = pending.pop(birth), total.pop(birth)
        if z.hooks:
            g = call_hooks(z, g)
        op = z.op
        if wanted is None:
            if z.tensor is not None:
                found[z] = g
        elif z in wanted:
            found[z] = g
        if op is None:
            continue
        if z.spent and op.saves:
            raise RuntimeError(
                "Trying to backward through the graph a second time (or directly access saved tensors after they have already "
                f"been freed), at {z.name()}. Saved intermediate values of the graph are freed when you call .backward() or "
                "autodiff.grad(). Specify retain_graph=True the first time if you need to go through it again; or, if it is in a "
                "training loop, compute the loss anew in each step"
            )
        if memory.latest > birth:
            refuse_changed(z)
        value, args = on_tensors(z) if create_graph else (z.value, z.args)
        for x, rule in zip(z.inputs, op.vjps, strict=False):
            if x is None or rule is None or (useful is not None and x not in useful):
                continue
            d = rule(g, value, *args)
            if d.shape != x.value.shape:
                d = unbroadcast(d, x.value.shape)
            birth = x.birth
            if birth in total:
                total[birth] = total[birth] + d
            else:
                if d is g and x.op is None:
                    d = d.clone() if create_graph else d.copy()  # a leaf's gradient is its own memory
                total[birth], pending[birth] = d, x
                heappush(heap, -birth)
        if not retain_graph:
            free(z)
    return found


def unbroadcast(d: Any, shape: tuple[int, ...]) -> Any:
    """The cotangent of an input of this shape: summed where the forward repeated it, repeated where the forward summed it."""
    extra = len(d.shape) - len(shape)
    if extra > 0:
        d = d.sum(axis=tuple(range(extra)))
    axes = (
        tuple(i for i, (n, m) in enumerate(zip(shape, d.shape, strict=False)) if n == 1 != m)
        if extra >= 0
        else ()
    )
    if axes:
        d = d.sum(axis=axes, keepdims=True)
    if d.shape == shape:
        return d
    if isinstance(d, Tensor):
        return d.expand(shape)
    out = np.empty(shape, d.dtype)
    out[...] = d
    return out


def on_tensors(z: Record) -> tuple[Tensor, list[Any]]:
    """The value and the arguments of a record as Tensors with their history, for rules that are to be recorded."""
    args = list(z.args)
    for i, x in enumerate(z.inputs):
        if isinstance(args[i], np.ndarray):
            args[i] = Tensor(args[i], x)
    return Tensor(z.value, z), args


def leading_to(wanted: frozenset[Record], roots: Iterable[Record]) -> set[Record]:
    """The records behind `roots` through which a gradient reaches one of `wanted`."""
    oldest = min((record.birth for record in wanted), default=0)
    behind: set[Record] = set()
    stack = list(roots)
    while stack:
        z = stack.pop()
        if z not in behind and z.birth >= oldest:
            behind.add(z)
            stack.extend(x for x in z.inputs if x is not None)
    useful = set(wanted)
    for z in sorted(behind, key=lambda record: record.birth):
        if any(x in useful for x in z.inputs):
            useful.add(z)
    return useful


def free(z: Record) -> None:
    """Let go of the values that a record holds; shapes stay, and so do small values. A rule that needs them will refuse."""
    z.spent = True
    if z.value.size > SMALL or any(type(arg) is np.ndarray and arg.size > SMALL for arg in z.args):
        z.args = tuple(ghost(arg) if type(arg) is np.ndarray else arg for arg in z.args)
        z.value = ghost(z.value)


def ghost(array: Array) -> Array:
    """An array of the same shape and dtype without memory of its own."""
    return array if array.size <= SMALL else np.broadcast_to(np.empty((), array.dtype), array.shape)


def refuse_changed(z: Record) -> None:
    """Raise if a value that the rules of `z` need was changed in place after `z` was computed."""
    assert z.op is not None
    for x, reads in zip(z.inputs, z.op.reads, strict=False):
        for i in reads if x is not None else ():
            value = z.value if i < 0 else z.args[i] if i < len(z.args) else None
            if isinstance(value, np.ndarray) and memory.changed_since(value, z.birth):
                what = "its output" if i < 0 else f"argument {i + 1}"
                raise RuntimeError(
                    "one of the variables needed for gradient computation has been modified by an inplace operation: "
                    f"the rule of {z.name()} needs {what}, {describe(value)}, which was changed in place after it was computed. "
                    "Use an operation that returns a new tensor (x = x + 1 instead of x += 1), or change x.clone()"
                )


def call_hooks(z: Record, g: Any) -> Any:
    """Show the complete cotangent to the hooks of a tensor; each may replace it."""
    assert z.hooks is not None
    tensor = isinstance(g, Tensor)
    if not tensor:
        g = Tensor(np.asarray(g))
    with set_grad_enabled(tensor):
        for hook in list(z.hooks.values()):
            replacement = hook(g)
            if replacement is None:
                continue
            if not isinstance(replacement, Tensor) or replacement.shape != g.shape:
                raise RuntimeError(
                    f"hook returned {describe(replacement)} where a gradient {describe(g)} was expected"
                )
            g = replacement
    return g if tensor else g.array


def seed(root: Tensor, gradient: Tensor | None, create_graph: bool) -> tuple[Record, Any]:
    """The record to start from and its cotangent: 1 for a scalar, else the `gradient` given."""
    record = history(root)
    if record is None:
        raise RuntimeError(
            "element 0 of tensors does not require grad and does not have a grad_fn: nothing behind this tensor requires grad. "
            "Make a parameter with requires_grad=True before computing with it, and compute outside no_grad()"
        )
    if gradient is None:
        if root.array.size != 1:
            raise RuntimeError(
                f"grad can be implicitly created only for scalar outputs, and this one has shape {root.shape}: "
                "reduce it first (loss.mean().backward()), or say which direction (y.backward(gradient=...))"
            )
        gradient = Tensor(np.ones(root.shape, root.dtype))
    if not isinstance(gradient, Tensor):
        raise TypeError(f"gradients can be either Tensors or None, but got {type(gradient).__name__}")
    if gradient.shape != root.shape:
        raise RuntimeError(
            f"Mismatch in shape: grad_output[0] has a shape of {gradient.shape} and output[0] has a shape of {root.shape}: "
            "the gradient of a tensor has its shape"
        )
    if gradient.dtype != root.dtype:
        gradient = Tensor(gradient.array.astype(root.dtype))
    if record.op is None:
        gradient = gradient.clone()
    return record, gradient if create_graph else gradient.array


def run(
    roots: Sequence[Tensor],
    gradients: Sequence[Tensor | None],
    wanted: frozenset[Record] | None,
    retain_graph: bool | None,
    create_graph: bool,
) -> dict[Record, Any]:
    """`pullback` from tensors, with recording on only if the gradient itself is to be differentiated."""
    starts = [seed(root, gradient, create_graph) for root, gradient in zip(roots, gradients, strict=True)]
    retain = create_graph if retain_graph is None else retain_graph
    records, cotangents = [s[0] for s in starts], [s[1] for s in starts]
    with np.errstate(all="ignore"):  # inf and nan are results here, as they are in PyTorch
        if not create_graph:
            return pullback(records, cotangents, wanted, retain)
        before, mode.enabled = mode.enabled, True
        try:
            return pullback(records, cotangents, wanted, retain, create_graph=True)
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

    `gradient` is the cotangent of a non-scalar tensor, of its shape. The values that the graph holds are freed unless
    `retain_graph`; with `create_graph` the gradients themselves have a graph. Nothing is changed if an error is raised.

    >>> import autodiff
    >>> w = autodiff.tensor(3.0, requires_grad=True)
    >>> (w**2).backward()
    >>> w.grad
    tensor(6.)
    """
    wanted = None
    if inputs is not None:
        targets = [inputs] if isinstance(inputs, Tensor) else list(inputs)
        if not targets:
            raise RuntimeError("`inputs` argument to `backward()` cannot be empty.")
        wanted = frozenset(records_of(targets))
    cotangents = run([tensor], [gradient], wanted, retain_graph, create_graph)
    if inputs is not None:
        for target, record in zip(targets, records_of(targets), strict=True):
            if record in cotangents:
                accumulate(target, cotangents[record])
        return
    for record, g in cotangents.items():
        leaf = record.tensor() if record.tensor is not None else None
        if leaf is not None:
            accumulate(leaf, g)


def accumulate(leaf: Tensor, g: Any) -> None:
    """Add a cotangent to `.grad`: in the memory that is there, unless a graph is being made of it."""
    grad = leaf._grad
    if isinstance(g, Tensor):
        leaf._grad = g.clone() if grad is None else grad + g
    elif grad is None:
        leaf._grad = Tensor(g if type(g) is np.ndarray and g.base is None and leaf.is_leaf else np.array(g))
    elif grad.record is not None:
        leaf._grad = Tensor(grad.array + g)
    else:
        grad.array += g
        memory.touch(grad.array)


def records_of(inputs: Sequence[Tensor]) -> list[Record]:
    """The records of the tensors to differentiate with respect to."""
    records = []
    for i, x in enumerate(inputs):
        if not isinstance(x, Tensor):
            raise TypeError(f"inputs can be Tensors only, but input {i} is {type(x).__name__}")
        record = history(x)
        if record is None:
            raise RuntimeError(
                f"One of the differentiated Tensors does not require grad: input {i}, {describe(x)}; "
                "call x.requires_grad_() before computing with it"
            )
        records.append(record)
    return records


def grad(
    outputs: Tensor | Sequence[Tensor],
    inputs: Tensor | Sequence[Tensor],
    grad_outputs: Tensor | Sequence[Tensor | None] | None = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    allow_unused: bool | None = None,
    materialize_grads: bool = False,
) -> tuple[Tensor | None, ...]:
    """The gradients of the sum of `outputs` with respect to `inputs`, as a tuple; no `.grad` is touched.

    `grad_outputs` are the cotangents of non-scalar outputs. An input that the outputs do not depend on is an error, or
    None with `allow_unused`, or zeros with `materialize_grads`. Source: PyTorch, `torch.autograd.grad`.

    >>> import autodiff
    >>> x = autodiff.tensor(2.0, requires_grad=True)
    >>> (first,) = autodiff.grad(x**3, x, create_graph=True)
    >>> (second,) = autodiff.grad(first, x)
    >>> first.item(), second.item()
    (12.0, 12.0)
    """
    roots = [outputs] if isinstance(outputs, Tensor) else list(outputs)
    targets = [inputs] if isinstance(inputs, Tensor) else list(inputs)
    if grad_outputs is None:
        gradients: list[Tensor | None] = [None] * len(roots)
    else:
        gradients = [grad_outputs] if isinstance(grad_outputs, Tensor) else list(grad_outputs)
    if len(gradients) != len(roots):
        raise RuntimeError(f"got {len(roots)} tensors and {len(gradients)} gradients")
    if materialize_grads and allow_unused is False:
        raise ValueError(
            "Expected allow_unused to be True or not passed when materialize_grads=True, but got: allow_unused=False."
        )
    records = records_of(targets)
    cotangents = run(roots, gradients, frozenset(records), retain_graph, create_graph)
    results: list[Tensor | None] = []
    taken: set[int] = set()
    for i, (x, record) in enumerate(zip(targets, records, strict=True)):
        if record in cotangents:
            results.append(own(cotangents[record], taken))
        elif materialize_grads:
            results.append(Tensor(np.zeros(x.shape, x.dtype)))
        elif allow_unused:
            results.append(None)
        else:
            raise RuntimeError(
                "One of the differentiated Tensors appears to not have been used in the graph. Set allow_unused=True if this is "
                f"the desired behavior (its gradient is then None): input {i}, {describe(x)}"
            )
    return tuple(results)


def own(g: Any, taken: set[int]) -> Tensor:
    """A cotangent as a Tensor that shares memory with no other."""
    if isinstance(g, Tensor):
        return g
    if type(g) is not np.ndarray or g.base is not None or id(g) in taken:
        g = np.array(g)
    taken.add(id(g))
    return Tensor(g)
