"""Watch the engine while a step is traced: the places through which all values pass, in this thread only.

`forward` of every primitive, `Tensor.array` and `.grad`, the pullback, changes in place, random draws, `step`
of the optimizers are replaced for the time of a trace, and tell the tracer.
"""

from __future__ import annotations

import math
import sys
import threading
import weakref
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from operator import attrgetter
from types import BuiltinFunctionType
from typing import Any

import numpy as np

from .. import backward, gradients, inplace, recompute
from ..ops import indexing, normalization
from ..primitive import registry
from ..protocols import Protocols
from ..random.generator import Generator
from ..record import Record, enable_grad
from ..replaced import Replaced
from ..tensor import Tensor
from . import Compiled
from .asking import ENGINE, PLACES, asked_by_us, from_outside
from .environment import Environment
from .lifted import Lifted, unlifted
from .number import Number
from .trace import ONCE, Tracer, array_of, grad_of, newest_first

PLAIN = frozenset(
    str(ENGINE / name)
    for name in ("primitive.py", "gradients.py", "backward.py", "ops/linear.py", "ops/losses.py")
)
"""Code that hands the arrays of tensors to primitives and to nothing else."""

READS = (
    "numpy",
    "tolist",
    "__array__",
    "__int__",
    "__float__",
    "__index__",
    "__contains__",
    "__repr__",
    "__reduce__",
)
DRAWS = (
    "uniform", "normal", "normal_by_pairs", "bernoulli", "mask_like", "exponential", "integers", "permutation"
)  # fmt: skip
SEEDS = ("manual_seed", "seed", "set_state")

lock = threading.RLock()
"""One trace at a time: what it watches belongs to all threads."""


active: list[Tracer] = []


def tracing() -> bool:
    """Whether a step is being traced."""
    return bool(active)


@contextmanager
def watched(
    t: Tracer, optimizers: Sequence[Any], scopes: Sequence[tuple[dict[str, Any], str]] = ()
) -> Iterator[None]:
    """Write down what happens in this block, in which these variables are used."""
    with lock, Replaced() as replaced:
        active.append(t)
        replaced.callback(active.pop)
        put = replaced.put
        for op in registry.values():
            put(op, "forward", watched_forward(t, op, op.forward))
        watch_tensors(t, put)
        watch_engine(t, put)
        for name in DRAWS:
            put(Generator, name, watched_draw(t, vars(Generator)[name]))
        for scope, name in [*((vars(math), name) for name in vars(math)), *scopes]:
            function = scope.get(name)
            if isinstance(function, BuiltinFunctionType) and function.__module__ == "math":
                replaced.callback(scope.__setitem__, name, function)
                scope[name] = asking(function)
        put(Compiled, "__call__", property(attrgetter("eagerly")))
        for name in SEEDS:
            put(Generator, name, refused(t, vars(Generator)[name], "the generator is seeded in the step"))
        for cls in {cls for kind in kinds_of_optimizers(optimizers) for cls in kind.__mro__}:
            if "step" in vars(cls):
                put(cls, "step", watched_step(t, vars(cls)["step"]))
        yield


def kinds_of_optimizers(optimizers: Sequence[Any]) -> set[type]:
    """The classes of these, and all classes of optimizers, if there are any: one may not have been found."""
    module = sys.modules.get("nn.optim.optimizer")
    waiting = [module.Optimizer] if module is not None else []
    found = {*map(type, optimizers), *waiting}
    while waiting:
        waiting = [cls for kind in waiting for cls in kind.__subclasses__() if cls not in found]
        found.update(waiting)
    return found


def watched_forward(t: Tracer, op: Any, original: Any) -> Any:
    """A primitive's forward that tells the tracer."""

    def forward(*raw: Any) -> Any:
        if not t.watching or t.lowering is not None:
            return original(*(unlifted(raw) if t.reason else raw))
        return t.forward(op, original, raw)

    return forward


def watched_draw(t: Tracer, original: Any) -> Any:
    """A draw of a generator that tells the tracer."""

    def draw(self: Any, *args: Any, **options: Any) -> Any:
        if not t.watching:
            return original(self, *unlifted(args), **unlifted(options))
        return t.draw(original, self, args, options)

    return draw


def watched_step(t: Tracer, original: Any) -> Any:
    """An optimizer's step that tells the tracer."""

    def step(self: Any, closure: Any = None) -> Any:
        if not t.watching:
            return original(self, closure)
        if closure is not None and original.__qualname__ not in ONCE:
            t.give_up("an optimizer is given a closure, which it may call as often as it likes")
            return original(self, closure)
        with enable_grad():
            loss = None if closure is None else closure()
        t.update(self, original)
        return loss

    step.__qualname__ = original.__qualname__
    return step


def asking(function: Any) -> Any:
    """A function of `math`, which reads the number that `.item()` gave without asking it."""

    def asked(*args: Any) -> Any:
        for x in leaves(args):
            if isinstance(x, Number):
                x.asked()
        return function(*args)

    return asked


def refused(t: Tracer, original: Any, reason: str) -> Any:
    """A method that ends the trace."""

    def refuse(self: Any, *args: Any, **options: Any) -> Any:
        if t.watching and t.lowering is None:
            t.give_up(reason)
        return original(self, *args, **options)

    return refuse


def watch_tensors(t: Tracer, put: Callable[[Any, str, Any], None]) -> None:
    """What goes in and out of Tensors."""
    init, make_record = Tensor.__init__, Record.__init__

    def get_array(self: Any) -> Any:
        array = array_of.__get__(self)
        if not t.watching or t.lowering is not None:
            return array
        t.read(self, array)
        if sys._getframe(1).f_code.co_filename in PLAIN:
            return array
        return t.lifted(array) if id(array) in t.known else Lifted(array, t.named(array), t)

    def get_grad(self: Any) -> Any:
        grad = grad_of.__get__(self)
        if t.watching:
            t.grad_is_read(self, grad)
        return grad

    def set_grad(self: Any, grad: Any) -> None:
        if type(grad) is Lifted:
            grad = grad.value
        if t.watching:
            t.grad_is_set(self, grad)
        grad_of.__set__(self, grad)

    def new(self: Any, data: Any = (), record: Any = None) -> None:
        if t.watching:
            if type(data) is Lifted:
                data = data.value
            elif not (type(data) is np.ndarray and id(data) in t.known) and from_outside():
                t.give_up("data is made a tensor in the step: make it before, or pass it as an argument")
            t.born[id(self)] = weakref.ref(self)
        init(self, unlifted(data), record)

    def recorded(self: Any, op: Any, inputs: Any, args: Any, value: Any) -> None:
        make_record(self, op, inputs, unlifted(args), unlifted(value))

    put(Tensor, "array", property(get_array, lambda self, array: array_of.__set__(self, unlifted(array))))
    put(Tensor, "_grad", property(get_grad, set_grad))
    put(Tensor, "__init__", new)
    put(Record, "__init__", recorded)
    item = Tensor.item

    def one_number(self: Any) -> Any:
        if not t.watching or t.lowering is not None:
            return item(self)
        array = array_of.__get__(self)
        t.read(self, array)
        with t.unwatched():
            found = item(self)
        if type(found) is not float or asked_by_us():
            t.give_up(".item() needs the value of a tensor while the program runs")
            return found
        number = Number(found)
        number.writer, number.value = t, t.named(array)
        t.born[id(number)] = weakref.ref(number)  # type: ignore[arg-type]
        return number

    put(Tensor, "item", one_number)
    truth = Protocols.__bool__

    def branching(self: Any) -> bool:
        array = array_of.__get__(self)
        if not t.watching or t.lowering is not None or array.size != 1:
            return truth(self)
        t.read(self, array)
        return t.branch(t.lifted(array))

    put(Protocols, "__bool__", branching)
    for name in READS:
        for cls in Tensor.__mro__:
            if name in vars(cls) and cls is not object:
                put(cls, name, refused_read(t, name, vars(cls)[name]))
                break
    as_array = vars(indexing)["as_array"]

    def index_array(data: Any, dtype: Any = None, copy: bool = False) -> Any:
        """A copy of an index, written down."""
        if t.watching and t.lowering is None and dtype is None and isinstance(data, (Tensor, np.ndarray)):
            array: Any = data.array if isinstance(data, Tensor) else data
            if type(array) is Lifted and array.dtype == np.int64:
                return array.astype(np.int64)
        return as_array(data, dtype, copy)

    put(indexing, "as_array", index_array)
    for name in ("__getitem__", "__setitem__"):
        put(Tensor, name, watched_index(t, vars(Tensor)[name]))


def refused_read(t: Tracer, name: str, original: Any) -> Any:
    """A method that lets values out, and ends the trace."""

    def read(self: Any, *args: Any, **options: Any) -> Any:
        if t.watching and t.lowering is None:
            shown = {"__array__": "NumPy", "__repr__": "print", "__float__": "float()", "__int__": "int()"}
            t.give_up(f"{shown.get(name, name)} needs the values of a tensor while the program runs")
            with t.unwatched():
                return original(self, *args, **options)
        return original(self, *args, **options)

    return read


def watched_index(t: Tracer, original: Any) -> Any:
    """An index, which ends the trace if it is not known where it comes from."""

    def index(self: Any, index: Any, *value: Any) -> Any:
        if t.watching and outsiders(index) and not sys._getframe(1).f_code.co_filename.startswith(PLACES):
            t.give_up("a tensor is indexed by an array, a list or a mask, not by a tensor of integers")
        return original(self, index, *value)

    return index


def outsiders(index: Any) -> bool:
    """Whether an index holds arrays or lists, which may be others at the next call."""
    if isinstance(index, tuple):
        return any(map(outsiders, index))
    return type(index) in (np.ndarray, list) or (
        isinstance(index, Tensor) and array_of.__get__(index).dtype == bool
    )


def watch_engine(t: Tracer, put: Callable[[Any, str, Any], None]) -> None:
    """The pullback, and changes in place."""
    pullback, accumulate, own = backward.pullback, gradients.accumulate, gradients.own
    become, follow_base, follow = inplace.become, inplace.follow_base, normalization.follow

    def pulled(seeds: Any, wanted: Any = None, retain_graph: bool = False, create_graph: bool = False) -> Any:
        if t.watching and not create_graph:
            for z in newest_first([root for root, _ in seeds]):
                if z.hooks or any(x is not None and x.hooks for x in z.inputs):
                    t.give_up("a hook is called with a gradient")
                elif z.birth < t.start:
                    t.give_up("the gradient flows back through what was computed before the step")
                elif z.op is not None and registry.get(z.op.name) is not z.op:
                    t.give_up(f"{z.op.name} is a function of your own, which is no primitive")
            if t.watching:
                return t.pullback(seeds, wanted, retain_graph)
        return pullback(seeds, wanted, retain_graph, create_graph)

    def accumulated(x: Tensor, g: Any) -> None:
        if t.watching and not isinstance(g, Tensor):
            t.accumulate(x, g)
        else:
            accumulate(x, g)

    def owned(g: Any, taken: set[int]) -> Tensor:
        return t.own(g, taken) if t.watching and not isinstance(g, Tensor) else own(g, taken)

    def became(x: Tensor, new: Tensor, name: str) -> Tensor:
        return t.become(become, x, new, name) if t.watching else become(x, new, name)

    def followed(x: Tensor) -> None:
        with t.unwatched():
            follow_base(x)

    def averaged(mean: Any, var: Any, x: Any, *how: Any) -> None:
        running = [y if y is None else y.array for y in (mean, var)]
        with t.noted("follow", (*running, x, *how)):
            follow(mean, var, x, *how)

    reason = "checkpoint computes a part of the step once more in the backward pass"
    put(recompute, "flatten", refused(t, vars(recompute)["flatten"], reason))
    put(gradients, "pullback", pulled)
    put(gradients, "accumulate", accumulated)
    put(gradients, "own", owned)
    put(inplace, "follow_base", followed)
    put(normalization, "follow", averaged)
    for name, module in list(sys.modules.items()):
        if name.startswith(("autodiff.", "nn.")) and vars(module).get("become") is become:
            put(module, "become", became)


def trace(
    step: Callable[..., Any], args: Any, options: Any, environment: Environment, strict: bool, home: str
) -> tuple[Any, Tracer]:
    """The result of one call, and what was written down."""
    t = Tracer(strict, environment.tensors, home)
    tensors = [x for x in leaves((args, options)) if isinstance(x, Tensor)]
    for i, x in enumerate(tensors):
        array = array_of.__get__(x)
        if id(array) in t.known:
            t.give_up("two arguments are the same tensor")
        t.given[id(x)] = (x, array, x.record)
        t.know(array, t.value("argument", array, i))
    t.program.arguments = len(tensors)
    scopes = [(scope, name) for scope, name in environment.scopes if isinstance(scope, dict)]
    with watched(t, environment.optimizers, scopes):
        result = step(*args, **options)
    t.finish(result)
    result = plain_numbers(result)
    return result, t


def plain_numbers(result: Any) -> Any:
    """The result with ordinary floats."""
    if isinstance(result, Number):
        return float.__pos__(result)
    if type(result) in (tuple, list):
        return type(result)(map(plain_numbers, result))
    if type(result) is dict:
        return {name: plain_numbers(part) for name, part in result.items()}
    return result


def leaves(tree: Any) -> list[Any]:
    """What is in nested tuples, lists and dicts."""
    if type(tree) is list or isinstance(tree, tuple):
        return [leaf for part in tree for leaf in leaves(part)]
    if type(tree) is dict:
        return [leaf for part in tree.values() for leaf in leaves(part)]
    return [tree]
