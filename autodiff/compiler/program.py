"""What a traced step did: a straight line of instructions, each a NumPy function of earlier values.

Data, not closures: the passes, the fast form and the readable form all read the same lines.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from ..dtypes import Array
from ..memory import owner
from ..tensor import Tensor

COPIES = (np.ndarray.copy, np.copy)  # row by row; in the layout that is there


class Value:
    """A variable of the program: where it comes from, and the array that it was when it was traced.

    `kind` is "constant", "tensor" (made before the step; `source` is the Tensor), "gradient" (what
    `source.grad` is when the step begins), "argument" (`source` is its position) or "made" (by `source`, an
    instruction). `root` is the value whose memory this one looks at: itself, unless it is a view.
    """

    __slots__ = ("array", "kind", "number", "root", "source")

    def __init__(
        self, kind: str, array: Array, source: Any = None, root: Value | None = None, number: int = 0
    ) -> None:
        self.kind = kind
        self.array = array
        self.source = source
        self.root: Value = self if root is None else root.root
        self.number = number

    def __repr__(self) -> str:
        return f"v{self.number}"


class Note(NamedTuple):
    """Why an instruction is there: the operation, and for a rule the argument whose cotangent it finds."""

    paragraph: str  # "forward", "backward", "update"
    name: str = ""  # of the primitive
    argnum: int | None = None
    call: int = 0  # instructions of one call of a forward or a rule have one number
    args: tuple[Any, ...] = ()  # what the primitive was given: Values and constants
    out: Any = None  # the primitive's result, a Value: what its rules call z
    primitive: Any = None
    given: Any = None  # the cotangent that a rule is given, a Value


@dataclass(slots=True, eq=False)
class Instruction:
    """`out = function(*args, **options)`; `writes` is the value whose memory it changes, if it does.

    `pure` says that nothing but the result comes of it, so that it may be left out or done once.
    """

    function: Callable[..., Any]
    args: tuple[Any, ...]
    options: dict[str, Any]
    out: Value | None
    note: Note
    pure: bool = True
    writes: Value | None = None
    expected: Any = None  # of a guard: what the answer was
    place: str = ""  # the user's line

    def values(self) -> Iterator[Value]:
        """The values among the arguments, with repeats."""
        yield from values_in((self.args, self.options))
        if self.writes is not None:
            yield self.writes


@dataclass(slots=True, eq=False)
class Update:
    """What an optimizer did, from which each replay is written: a step of its groups."""

    optimizer: Any
    groups: list[tuple[dict[str, Any], list[tuple[Any, Value, Value]]]]  # (parameter, its values, gradient)
    plain: list[bool] = field(default_factory=list)  # which groups descend plainly
    params: list[list[Any]] = field(default_factory=list)  # all of each group

    def fits(self) -> bool:
        """Whether the optimizer has the same groups of the same parameters."""
        now = self.optimizer.param_groups
        return [*map(id, now)] == [id(group) for group, _ in self.groups] and [
            [*map(id, group["params"])] for group in now
        ] == [[*map(id, params)] for params in self.params]


def update_of(update: Update, values: Sequence[Any]) -> None:
    """Stands for the step of an optimizer, of which the fast and the readable form write their own."""


@dataclass(slots=True, eq=False)
class Program:
    """The lines, what they return (a tree with Values for tensors), the gradients that they leave."""

    lines: list[Instruction] = field(default_factory=list)
    values: list[Value] = field(default_factory=list)
    result: Any = None
    gradients: list[tuple[Any, Value | None]] = field(default_factory=list)  # (tensor, its .grad)
    arguments: int = 0
    seen: list[tuple[Any, Value, Any]] = field(default_factory=list)  # older tensors: their values, records
    grads_read: list[tuple[Any, bool]] = field(default_factory=list)  # whose .grad mattered; was there one?
    names: dict[Value, str] = field(default_factory=dict)  # what the user's code calls values

    def of_kind(self, kind: str) -> list[Value]:
        """The values that come from outside in this way."""
        return [value for value in self.values if value.kind == kind]


class Returned(NamedTuple):
    """A place in the result: a tensor made of a value, or its number (`.item()`)."""

    value: Value
    item: bool = False


def changed_memories(lines: list[Instruction]) -> set[Value]:
    """The roots of what is changed in place."""
    changed = {line.writes.root for line in lines if line.writes is not None}
    for line in lines:
        if not line.pure:
            changed.update(value.root for value in line.values() if value.kind == "tensor")
    return changed


def values_in(tree: Any) -> Iterator[Value]:
    """The Values in nested tuples, lists and dicts."""
    if isinstance(tree, Value):
        yield tree
    elif isinstance(tree, Returned):
        yield tree.value
    elif isinstance(tree, (tuple, list)):
        for part in tree:
            yield from values_in(part)
    elif isinstance(tree, dict):
        yield from values_in(list(tree.values()))
    elif isinstance(tree, slice):
        yield from values_in([tree.start, tree.stop, tree.step])


def replaced(tree: Any, put: Callable[[Value], Any]) -> Any:
    """The same tree with `put(value)` for each Value."""
    if isinstance(tree, Value):
        return put(tree)
    if isinstance(tree, Returned):
        return Returned(put(tree.value), tree.item)
    if type(tree) in (tuple, list):
        return type(tree)(replaced(part, put) for part in tree)
    if isinstance(tree, dict):
        return {name: replaced(part, put) for name, part in tree.items()}
    if isinstance(tree, slice):
        return slice(*(replaced(part, put) for part in (tree.start, tree.stop, tree.step)))
    return tree


def same_bits(x: Any, y: Any) -> bool:
    """Whether two arrays are equal in shape, dtype, layout and every bit."""
    if x is y:
        return True
    if x.shape != y.shape or x.dtype != y.dtype or layout(x) != layout(y):
        return False
    if x.dtype.kind == "f":
        bits = np.dtype(f"i{x.itemsize}")
        return (
            bool((np.asarray(x).view(bits) == np.asarray(y).view(bits)).all())
            if x.ndim
            else (x.tobytes() == y.tobytes())
        )
    return bool(np.array_equal(x, y))


def layout(x: Array) -> tuple[int, ...]:
    """The strides of the dimensions that have any."""
    return tuple(step for step, n in zip(x.strides, x.shape, strict=True) if n > 1)


def looks_at(view: Array, array: Array) -> bool:
    """Whether two arrays have one memory."""
    return view is array or (
        (view.base is not None or array.base is not None) and owner(view) is owner(array)
    )


def same_programs(one: Program, two: Program) -> tuple[str, str]:
    """What two traces of one step differ in, in words, and the user's line; "" if in nothing but values."""
    pairs = zip(one.lines, two.lines, strict=False)
    different = next((y for x, y in pairs if not same_line(x, y)), None)
    place = different.place if different is not None else ""
    operations = [[line.note.name for line in program.lines] for program in (one, two)]
    if operations[0] != operations[1] or len(one.values) != len(two.values):
        return "it does not do the same operations at each call", place
    for a, b in zip(one.values, two.values, strict=True):
        if a.kind != b.kind or (a.kind in ("tensor", "gradient", "argument") and a.source is not b.source):
            return "it does not use the same tensors at each call", used_at(two, b)
        if a.kind == "constant" and not same_bits(a.array, b.array):
            return (
                "it computes with values that it takes from NumPy or Python, and that change from call to "
                "call: pass them as tensors"
            ), used_at(two, b)
    if different is not None and different.function is update_of:
        return "it does not use the same optimizer at each call: make it before", place
    if different is not None:
        name = different.note.name or getattr(different.function, "__name__", "an operation")
        return f"{name} is not given the same numbers at each call: pass what changes as a tensor", place
    if not same_tree(one.result, two.result):
        return "it does not return the same kind of result at each call", ""
    if not same_tree([g for _, g in one.gradients], [g for _, g in two.gradients]):
        return "it does not leave the same gradients at each call", ""
    return "", ""


def used_at(program: Program, value: Value) -> str:
    """The user's line that first uses a value."""
    return next((line.place for line in program.lines if value in line.values()), "")


def beginning(program: Program) -> Any:
    """What a step began with: which gradients were there (at first, none), what required one, was given."""
    seen = tuple((id(t), record is None, v.kind) for t, v, record in program.seen if v.kind != "made")
    return seen, tuple((id(t), there) for t, there in program.grads_read)


def same_line(x: Instruction, y: Instruction) -> bool:
    """Whether two instructions do the same to values of the same numbers."""
    return (
        (x.function is y.function or same_callable(x.function, y.function))
        and x.pure == y.pure
        and x.expected == y.expected
        and same_tree((x.args, x.options, x.out, x.writes), (y.args, y.options, y.out, y.writes))
    )


def same_callable(f: Any, g: Any) -> bool:
    """Whether two callables are equal, as bound methods of one object are."""
    return bool(type(f) is type(g) and f == g)


def same_tree(x: Any, y: Any) -> bool:
    """Whether two trees are equal, Values by their number, arrays and numbers by their bits."""
    if isinstance(x, Value):
        return isinstance(y, Value) and x.number == y.number
    if type(x) is not type(y):
        return False
    if isinstance(x, (tuple, list)):
        return len(x) == len(y) and all(map(same_tree, x, y))
    if isinstance(x, dict):
        return list(x) == list(y) and all(map(same_tree, x.values(), y.values()))
    if isinstance(x, slice):
        return same_tree([x.start, x.stop, x.step], [y.start, y.stop, y.step])
    if isinstance(x, (np.ndarray, np.generic)):
        return same_bits(np.asarray(x), np.asarray(y))
    if isinstance(x, float):
        return x == y or (x != x and y != y)
    if isinstance(x, (int, str, bool, type(None), type, np.dtype)):
        return bool(x == y)
    if isinstance(x, Update):
        return x.optimizer is y.optimizer and same_tree(
            [[(a, b) for _, a, b in work] for _, work in x.groups],
            [[(a, b) for _, a, b in work] for _, work in y.groups],
        )
    return bool(x is y or (not isinstance(x, Tensor) and x == y))
