"""Watch for the first nan or infinity: which operation made it, forward or backward, where, and from what.

While a thread watches, checks stand in the place of the ways to apply an operation, and, during a backward
pass, in the place of the rules. They are put there when the first thread begins to watch and taken away when
the last one ends: at all other times the code is what it is without this module, and costs nothing more.
Infinity that goes in may come out (a mask of -inf is no mistake); nan is reported wherever it is met.
"""

from __future__ import annotations

import functools
import threading
import weakref
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from .. import backward, gradients, inplace
from ..arrays import first_true
from ..autograd import application
from ..autograd.opaque import Opaque
from ..compiler import Compiled
from ..compiler.repeated import joined, one
from ..dtypes import Array
from ..errors import describe
from ..errors.where import Line, at_work, path_between, placed, users_line
from ..ops.losses import Loss
from ..primitive import Primitive, registry
from ..replaced import Replaced
from ..tensor import Tensor
from .words import advice, finite, place, raw, strange, values, where

__all__ = ["detect_anomaly", "is_anomaly_enabled", "set_detect_anomaly"]


class Watch(threading.local):
    """Whether this thread watches, and whether it looks for nan and infinity or notes lines only."""

    on = False
    check_nan = True
    in_rule = False  # a rule answers for what is computed in it


watch = Watch()


def is_anomaly_enabled() -> bool:
    """True while this thread watches for nan and infinity."""
    return watch.on


class set_detect_anomaly:
    """Begin to watch at once, or end; as a `with` block, only inside it. See `detect_anomaly`."""

    def __init__(self, mode: bool, check_nan: bool = True) -> None:
        self.before = watch.on, watch.check_nan
        switch(bool(mode), check_nan)

    def __enter__(self) -> None:
        pass

    def __exit__(self, *_: object) -> None:
        switch(*self.before)


class detect_anomaly:
    """Raise RuntimeError at the first nan or infinity that an operation or its rule makes in this block.

    The error names the operation, the entry, the inputs there, the user's line, and in a backward pass the
    rule and the line of the forward pass. It is slow: for finding a mistake, not for training. Without
    `check_nan` nothing is looked at; errors that are raised in a backward pass name the line of the forward
    pass. Each thread watches for itself. Source: PyTorch, `torch.autograd.detect_anomaly`, which looks at
    nan in the backward pass alone.

    >>> import autodiff
    >>> with autodiff.detect_anomaly():
    ...     try:
    ...         autodiff.tensor([1.0, 0.0]).log()
    ...     except RuntimeError as error:
    ...         print(str(error).split(", where")[0])
    log made -inf in its result, float32 (2,), at [1]
    """

    def __init__(self, check_nan: bool = True) -> None:
        self.check_nan = check_nan

    def __enter__(self) -> None:
        self.before = watch.on, watch.check_nan
        switch(True, self.check_nan)

    def __exit__(self, *_: object) -> None:
        switch(*self.before)


# Putting the checks in place ------------------------------------------------------------------------------


class Replacements:
    """Attributes that are replaced while at least one thread has asked for it."""

    def __init__(self, replacements: Callable[[], Iterator[tuple[Any, str, Any]]]) -> None:
        self.replacements = replacements
        self.lock, self.users = threading.Lock(), 0
        self.replaced = Replaced()

    def begin(self) -> None:
        """Put them in place, if they are not yet."""
        with self.lock:
            self.users += 1
            if self.users == 1:
                for replacement in list(self.replacements()):
                    self.replaced.put(*replacement)

    def end(self) -> None:
        """Take them away, if nobody else needs them."""
        with self.lock:
            self.users -= 1
            if not self.users:
                self.replaced.close()


def switch(on: bool, check_nan: bool) -> None:
    """Let this thread watch, or not."""
    if on != watch.on:
        (applications.begin if on else applications.end)()
    watch.on, watch.check_nan = on, check_nan


def ways_to_apply() -> Iterator[tuple[Any, str, Any]]:
    """Every method through which an operation is applied, and its checked form."""
    classes = [Primitive]
    for cls in classes:
        classes += cls.__subclasses__()
        if "__call__" in vars(cls):
            yield cls, "__call__", checked(vars(cls)["__call__"])
    yield Loss, "of", checked(vars(Loss)["of"])
    yield application, "finished", checked_function(application.finished)
    yield inplace, "_at_once", not_at_once(inplace._at_once)
    yield gradients, "pullback", watched(backward.pullback)
    yield Compiled, "__call__", property(lambda compiled: compiled.step if watch.on else compiled.call)
    yield Compiled, "repeat", repeated(Compiled.repeat)


def rules() -> Iterator[tuple[Any, str, Any]]:
    """Every set of rules, and its checked form."""
    for op in registry.values():
        yield op, "vjps", checked_rules(op)
    yield Opaque, "vjps", property(functools.partial(checked_property, vars(Opaque)["vjps"].fget))


applications = Replacements(ways_to_apply)
backward_rules = Replacements(rules)


# Forward --------------------------------------------------------------------------------------------------


def checked(apply: Callable[..., Any]) -> Callable[..., Any]:
    """A way to apply an operation, whose result is looked at."""

    @functools.wraps(apply)
    def __call__(self: Any, *args: Any, **options: Any) -> Any:
        z = apply(self, *args, **options)
        if watch.on and not watch.in_rule and isinstance(z, Tensor):
            look(self, [*args, *options.values()], z.array)
        return z

    return __call__


def checked_function(finished: Callable[..., Any]) -> Callable[..., Any]:
    """The end of a `Function.apply`, whose results are looked at."""

    @functools.wraps(finished)
    def looked_at(of: Any, ctx: Any, args: Any, records: Any, output: Any) -> Any:
        result = finished(of, ctx, args, records, output)
        if watch.on:
            for z in result if isinstance(result, tuple) else (result,):
                if isinstance(z, Tensor):
                    look(of, args, z.array, of.__name__)
        return result

    return looked_at


def repeated(repeat: Callable[..., Any]) -> Callable[..., Any]:
    """Compiled steps are run as they were written, one by one: a program has no operations to look at."""

    @functools.wraps(repeat)
    def one_by_one(self: Compiled, n: int, *args: Any, **options: Any) -> Any:
        if not watch.on or n < 1:
            return repeat(self, n, *args, **options)
        return joined([one(self.step(*args, **options)) for _ in range(n)])

    return one_by_one


def not_at_once(at_once: Callable[..., bool]) -> Callable[..., bool]:
    """In-place operations take the way on which they are looked at."""
    return lambda *args: False if watch.on else at_once(*args)


def look(op: Any, args: Sequence[Any], z: Array, name: str = "") -> None:
    """Note the line that computes z; raise RuntimeError if z has a nan or an infinity that was not given."""
    lines.note(z)
    if not watch.check_nan or finite(z):
        return
    given = [values(arg) for arg in args]
    bad = strange(z)
    name = name or op.name
    call = f"In {name}({', '.join(describe(arg) for arg in args)})"
    for i, x in enumerate(given):
        if x is not None and np.isnan(x).any():
            if np.isnan(z).any():
                raise placed(
                    RuntimeError(
                        f"{name} was given nan: its argument {i}, {describe(args[i])}, has "
                        f"{np.isnan(x).sum()} of them{place(first_true(np.isnan(x)))}. No operation "
                        "that was watched made it: it is in the data, or in a parameter after too large a "
                        f"step, or it was computed before the watch began. {call}"
                    )
                )
            return
    if bad != "nan" and any(x is not None and np.isinf(x).any() for x in given):
        return
    at = first_true(~np.isfinite(z))
    what = f"{name} made {bad} in its result, {describe(z)}"
    raise placed(RuntimeError(f"{what}{where(op, at, z.shape, args)}. {advice(name, bad, False)}{call}"))


class Lines:
    """The user's line that computed an array, and the modules then at work, as long as the array lives."""

    def __init__(self) -> None:
        self.found: dict[int, tuple[weakref.ref[Array], Line | None, list[weakref.ref[Any]]]] = {}

    def note(self, array: Array) -> None:
        """The user's line of this moment computed this array."""
        key = id(array)
        ref = weakref.ref(array, lambda _: self.found.pop(key, None))
        self.found[key] = ref, users_line(), at_work()

    def of(self, array: Any) -> str:
        """The line that computed an array, and the module by its path, in words."""
        ref, line, modules = self.found.get(id(array), (None, None, []))
        if ref is None or ref() is not array:
            return "Computed before the watch began"
        path = path_between(modules)
        return f"Computed {f'in {path}, ' if path else ''}at {line}"


lines = Lines()


# Backward -------------------------------------------------------------------------------------------------


class Found(Exception):
    """A rule gave a nan or an infinity; carries all that there is to say to the end of the walk."""

    def __init__(self, op: Any, i: int, g: Any, z: Any, args: tuple[Any, ...], d: Any) -> None:
        self.op, self.i, self.g, self.z, self.args, self.d = op, i, *map(raw, (g, z)), args, raw(d)


def watched(pullback: Callable[..., Any]) -> Callable[..., Any]:
    """The walk back, with every rule looked at."""

    @functools.wraps(pullback)
    def walk(*args: Any, **options: Any) -> Any:
        if not watch.on:
            return pullback(*args, **options)
        found: Found | None = None
        backward_rules.begin()
        try:
            return pullback(*args, **options)
        except Found as stop:
            found = stop
        finally:
            backward_rules.end()
        raise placed(in_words(found)) from None

    return walk


class CheckedRules(Sequence[Any]):
    """The rules of an operation, each of which is looked at; of as many tensors as there are."""

    def __init__(self, op: Any, rules: Sequence[Any]) -> None:
        self.op, self.rules = op, rules

    def __getitem__(self, i: Any) -> Any:
        rule = self.rules[i]
        return None if rule is None else checked_rule(self.op, i, rule)

    def __iter__(self) -> Iterator[Any]:
        return (None if rule is None else checked_rule(self.op, i, rule) for i, rule in enumerate(self.rules))

    def __len__(self) -> int:
        return len(self.rules)


def checked_rules(op: Primitive) -> CheckedRules:
    """The rules of a primitive, looked at; what they read is found out before they are hidden."""
    assert op.reads is not None and op.saves is not None
    return CheckedRules(op, op.vjps)


def checked_property(vjps: Callable[[Any], Sequence[Any]], op: Any) -> CheckedRules:
    """The rules of what stands in the place of a primitive, looked at."""
    return CheckedRules(op, vjps(op))


def checked_rule(op: Any, i: int, rule: Callable[..., Any]) -> Callable[..., Any]:
    """A rule whose cotangent is looked at."""

    def look_at(g: Any, z: Any, *args: Any) -> Any:
        if not watch.on or watch.in_rule:
            return rule(g, z, *args)
        with as_rule(isinstance(op, Primitive)):
            try:
                d = rule(g, z, *args)
            except Exception as error:
                error.add_note(f"in the backward pass of {op.name}: {lines.of(raw(z))}")
                raise
        if d is not None and watch.check_nan and not finite(raw(d)):
            raise Found(op, i, g, z, args, d)
        return d

    return look_at


@contextmanager
def as_rule(alone: bool) -> Iterator[None]:
    """While a rule of a table is read, the operations in it are not looked at one by one."""
    before, watch.in_rule = watch.in_rule, alone
    try:
        yield
    finally:
        watch.in_rule = before


def in_words(found: Found) -> RuntimeError:
    """The error for what a rule gave."""
    from ..formulas import rule_text

    op, i, d = found.op, found.i, found.d
    bad = strange(d)
    title = "".join(part.capitalize() for part in op.name.split("_")) + "Backward0"
    said = f"Function '{title}' returned {bad} values in its {i}th output. "
    if not finite(found.g):
        said += (
            f"The gradient that reached {op.name} is {strange(found.g)} already: it was given to "
            "backward(), or came out of a hook, or of a sum of gradients. "
        )
    else:
        at = first_true(~np.isfinite(d))
        read = rule_text(op, i, found.args) if isinstance(op, Primitive) else "its backward"
        said += f"The gradient of argument {i} of {op.name}, {read}, is {bad}"
        beside = (("the arriving gradient", found.g), ("the result", found.z))
        said += f"{where(op, at, d.shape, found.args, beside)}. {advice(op.name, bad, True)}"
    call = f"{op.name}({', '.join(describe(arg) for arg in found.args)})"
    return RuntimeError(f"{said}{lines.of(found.z)}, {call}")
