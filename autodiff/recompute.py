"""Less memory for more time: a part of the computation that is computed again when its gradient is needed.

Source: Chen et al., "Training Deep Nets with Sublinear Memory Cost" (2016); PyTorch,
`torch.utils.checkpoint`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, cast

import numpy as np

from .autograd.opaque import Opaque
from .autograd.pack import Pack
from .backward import pullback
from .dtypes import Array
from .errors import describe, located
from .memory import changed_since
from .ops.arguments import listed, whole
from .primitive import Primitive, registry
from .random import get_rng_state, set_rng_state
from .record import Record, clock, enable_grad, mode, set_grad_enabled
from .tensor import Tensor, history
from .tree import flatten

__all__ = ["checkpoint", "checkpoint_sequential"]


def checkpoint(
    function: Callable[..., Any],
    *args: Any,
    use_reentrant: bool | None = None,
    preserve_rng_state: bool = True,
    **kwargs: Any,
) -> Any:
    """`function(*args, **kwargs)`, of which nothing but the result is kept: `backward` computes it again.

    Gradients flow to the arguments and to all that the function uses. It must compute the same again; what it
    draws at random is the same unless `preserve_rng_state` is False. `use_reentrant` chooses among PyTorch's
    implementations; there is one here. Raises RuntimeError in `backward` if what it was computed from was
    changed in place since, or if it comes out in another form.

    >>> import autodiff
    >>> x = autodiff.tensor([1.0, 2.0], requires_grad=True)
    >>> y = autodiff.checkpoint(lambda x: (x.exp() * x).sum(), x)
    >>> autodiff.grad(y, x)
    (tensor([ 5.4366, 22.1672]),)
    """
    if not callable(function):
        raise located.TypeError(f"checkpoint(): 'function' must be callable, not {type(function).__name__}")
    if not mode.enabled:
        return function(*args, **kwargs)
    start = clock()
    state = get_rng_state() if preserve_rng_state else None
    result = function(*args, **kwargs)
    leaves, tree = flatten(result)
    moving = [j for j, z in enumerate(leaves) if isinstance(z, Tensor) and z.requires_grad]
    inputs = tuple(outside([record_of(leaves[j]) for j in moving], start))
    if not inputs:
        return result
    arrays = [leaves[j].array for j in moving]
    pack = Pack(arrays)
    part = Part(lambda: function(*args, **kwargs), state, given(args, kwargs), inputs, moving, pack)
    value = np.array(pack.pack(arrays)) if pack.alone else pack.pack(arrays)
    record = Record(cast(Primitive, part), inputs, tuple(x.value for x in inputs), value)
    for j, z in zip(moving, pack.parts(Tensor(value, record)), strict=True):
        leaves[j] = z
    return tree.build(leaves)


def checkpoint_sequential(
    functions: Any,
    segments: int,
    input: Any,
    use_reentrant: bool | None = None,
    preserve_rng_state: bool = True,
) -> Any:
    """The functions (or modules of a Sequential) one after the other, in so many parts; see `checkpoint`.

    All parts but the last are computed again by `backward`.

    >>> import autodiff
    >>> x = autodiff.tensor([1.0, 2.0], requires_grad=True)
    >>> y = autodiff.checkpoint_sequential([autodiff.exp, autodiff.sin, autodiff.sum], 2, x)
    >>> autodiff.grad(y, x)
    (tensor([-2.4784,  3.3129]),)
    """
    op = "checkpoint_sequential"
    parts = listed(functions.children() if hasattr(functions, "children") else functions, op, "functions")
    if not 0 < whole(segments, op, "segments") <= max(len(parts), 1):
        raise located.ValueError(
            f"checkpoint_sequential(): {len(parts)} functions make no {segments} segments"
        )

    def run(start: int, end: int) -> Callable[..., Any]:
        def part(x: Any) -> Any:
            for function in parts[start:end]:
                x = function(x)
            return x

        return part

    size = len(parts) // segments
    for i in range(segments - 1):
        part = run(i * size, (i + 1) * size)
        input = checkpoint(part, input, use_reentrant=use_reentrant, preserve_rng_state=preserve_rng_state)
    return run((segments - 1) * size, len(parts))(input)


def given(args: tuple[Any, ...], kwargs: dict[str, Any]) -> list[tuple[Tensor, Array, int]]:
    """The tensors among the arguments, their arrays, and the time at which these are as they are."""
    now = clock()
    return [(x, x.array, now) for x in flatten((args, kwargs))[0] if isinstance(x, Tensor)]


def outside(roots: Iterable[Record], start: int) -> list[Record]:
    """The records from before the time `start` that those behind `roots` were computed from, oldest first."""
    found: set[Record] = set()
    seen: set[Record] = set()
    stack = list(roots)
    while stack:
        record = stack.pop()
        if record in seen:
            continue
        seen.add(record)
        if record.birth < start:
            found.add(record)
        else:
            stack.extend(x for x in record.inputs if x is not None)
    return sorted(found, key=lambda record: record.birth)


def record_of(x: Tensor) -> Record:
    """The record of a tensor that requires grad."""
    record = history(x)
    assert record is not None
    return record


class Part(Opaque):
    """A part of the computation, which is computed again for its gradients."""

    name = "checkpoint"
    saves = True  # once the values that it starts from are freed, it cannot be computed again

    def __init__(
        self,
        function: Callable[[], Any],
        state: Tensor | None,
        tensors: list[tuple[Tensor, Array, int]],
        inputs: tuple[Record, ...],
        moving: list[int],
        pack: Pack,
    ) -> None:
        self.function, self.state, self.tensors = function, state, tensors
        self.inputs, self.moving, self.pack = inputs, moving, pack
        self.arity = len(inputs)
        self.reads = (frozenset(range(self.arity)),) * self.arity

    def gradients(self, g: Any, z: Any, args: tuple[Any, ...]) -> list[Any]:
        """The cotangents of the inputs for that of the (packed) result."""
        if not isinstance(g, Tensor | np.ndarray | np.generic):
            raise located.TypeError("checkpoint has no formula: it is a program")
        for x, array, time in self.tensors:
            if x.array is not array:
                raise located.RuntimeError(
                    f"checkpoint computes again from {describe(x)}, whose data was replaced since the "
                    "forward pass: backward() comes before that"
                )
            if changed_since(array, time):
                raise located.RuntimeError(
                    "one of the variables needed for gradient computation has been modified by an inplace "
                    f"operation: checkpoint computes again from {describe(x)}, which was changed in place"
                )
        start = clock()
        births = [clock() for _ in self.inputs]  # older than all that is computed now
        with enable_grad():
            leaves, _ = flatten(self.again())
        results = [leaves[j] for j in self.moving if j < len(leaves)]
        forms = [(x.shape, x.dtype) for x in results if isinstance(x, Tensor) and x.requires_grad]
        if forms != list(zip(self.pack.shapes, self.pack.dtypes, strict=True)):
            raise located.RuntimeError(
                "checkpoint: Recomputed values have different metadata than during the forward pass: "
                f"{forms}, and then they were {list(zip(self.pack.shapes, self.pack.dtypes, strict=True))}"
            )
        roots = [record_of(z) for z in results]
        found = outside(roots, start)
        if not set(found) <= set(self.inputs):
            raise located.RuntimeError(
                "checkpoint: the function used other tensors than during the forward pass, which were "
                "replaced or computed since"
            )
        ends = self.cut(roots, births)
        on_tensors = isinstance(g, Tensor)
        with set_grad_enabled(on_tensors):
            parts = [self.pack.part(g if on_tensors else np.asarray(g), i) for i in range(len(roots))]
            seeds = list(zip(roots, parts, strict=True))
            back = pullback(seeds, frozenset(ends), on_tensors, on_tensors)
            zeros = [np.zeros(x.value.shape, x.value.dtype) for x in ends]
            return [
                back[x] if x in back else Tensor(zero) if on_tensors else zero
                for x, zero in zip(ends, zeros, strict=True)
            ]

    def again(self) -> Any:
        """Compute the part again, from the same place in the random stream."""
        if self.state is None:
            return self.function()
        now = get_rng_state()
        set_rng_state(self.state)
        try:
            return self.function()
        finally:
            set_rng_state(now)

    def cut(self, roots: list[Record], births: list[int]) -> list[Record]:
        """Put a copy between each input and what was computed from it now, where the walk back ends.

        Without, it would go on behind an input that was computed from another, and find gradients twice.
        """
        ends: dict[Record, Record] = {}
        for x, birth in zip(self.inputs, births, strict=True):
            ends[x] = Record(registry["clone"], (x,), (x.value,), x.value)
            ends[x].birth = birth
        seen: set[Record] = set()
        stack = list(roots)
        while stack:
            record = stack.pop()
            if record in seen or record.birth < births[0]:
                continue
            seen.add(record)
            stack.extend(x for x in record.inputs if x is not None)
            record.inputs = tuple(None if x is None else ends.get(x, x) for x in record.inputs)
        for i, root in enumerate(roots):
            roots[i] = ends.get(root, root)
        return list(ends.values())

    @staticmethod
    def forward(*inputs: Any) -> Any:
        """Refuses: the function is a program."""
        raise located.TypeError("checkpoint has no formula: it is a program")
